//! Where what is recorded comes from.

mod active;
mod busy;
mod call_error;
mod client;
mod fields;
mod filters;
mod layer;
mod libraries;
mod processor;
mod query;
mod reach;
mod sqlx;
mod template;
mod tokio_postgres;
mod twin;

pub(crate) use busy::Busy;
pub use call_error::{AsError, Boxed, Typed};
pub use client::{ClientBody, ClientFuture, ClientLayer, ClientService, UrlTemplate};
pub use filters::SupportsFilters;
pub use layer::CaptureLayer;
pub(crate) use layer::{CaptureFilter, REQUEST_TARGET};
pub use processor::ToolbarSpanProcessor;
pub(crate) use query::{Failure, Query};
pub use query::{QueryFuture, query};
pub(crate) use reach::ReachProbe;
pub use template::{Rendered, template};
