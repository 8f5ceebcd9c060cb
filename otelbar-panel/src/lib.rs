#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]

mod capture;
mod deliver;
mod error;
mod guard;
mod layer;
mod panics;
mod quiet;
mod record;
mod text;
mod toolbar;
mod web;

pub use capture::{
    AsError, Boxed, CaptureLayer, ClientBody, ClientFuture, ClientLayer, ClientService, QueryFuture,
    Rendered, SupportsFilters, ToolbarSpanProcessor, Typed, UrlTemplate, current, query, template,
};
pub use error::PanelError;
pub use layer::{PeerAddr, ToolbarBody, ToolbarFuture, ToolbarLayer, ToolbarService};
pub use otelbar_config::{Environment, OpenTelemetryConfig};
pub use record::RequestHandle;
pub use toolbar::{OpenTelemetryPanel, ShutdownGuard};
