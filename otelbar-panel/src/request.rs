//! One request: what is recorded of it, and how it is found again.

mod context;
mod current;
mod recording;

pub(crate) use context::{RequestContext, Service};
pub use current::{RequestHandle, current};
pub(crate) use current::{Active, Scope, SpanHandle};
pub(crate) use recording::{Limits, Outcome};
