//! Where what is recorded comes from: `tracing`, the OpenTelemetry API, and what wraps queries, templates and clients.

mod busy;
mod call_error;
mod client;
mod current;
mod entered;
mod fields;
mod filter;
mod layer;
mod layer_id;
mod libraries;
mod processor;
mod query;
mod reach;
mod span_data;
mod span_handle;
mod sqlx;
mod supports_filters;
mod template;
mod tokio_postgres;
mod twin;
mod wrapped_query;

pub use call_error::{AsError, Boxed, Typed};
pub use client::{ClientBody, ClientFuture, ClientLayer, ClientService, UrlTemplate};
pub use current::current;
pub(crate) use current::trace_context_of;
pub(crate) use entered::enter_request;
pub(crate) use filter::{CaptureFilter, REQUEST_TARGET};
pub use layer::CaptureLayer;
pub use processor::ToolbarSpanProcessor;
pub use query::{QueryFuture, query};
pub(crate) use reach::request_opened;
pub use supports_filters::SupportsFilters;
pub use template::{Rendered, template};
