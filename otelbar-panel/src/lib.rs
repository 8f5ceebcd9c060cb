#![doc = include_str!("../README.md")]

mod access;
mod api;
mod background;
mod bar;
mod capture;
mod delivery;
mod error;
mod guard;
mod handover;
mod id;
mod layer;
mod links;
mod panel;
mod panics;
mod propagation;
mod recorder;
mod request;
mod resource;
mod shutdown;
mod store;
mod text;

pub use capture::{
    AsError, Boxed, CaptureLayer, ClientBody, ClientFuture, ClientLayer, ClientService, QueryFuture,
    Rendered, SupportsFilters, ToolbarSpanProcessor, Typed, UrlTemplate, query, template,
};
pub use error::PanelError;
pub use layer::{PeerAddr, ToolbarBody, ToolbarFuture, ToolbarLayer, ToolbarService};
pub use otelbar_config::{Environment, OpenTelemetryConfig};
pub use panel::OpenTelemetryPanel;
pub use request::{RequestHandle, current};
pub use shutdown::ShutdownGuard;
