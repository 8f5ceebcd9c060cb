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

// Whose types are in those of this crate.
pub use {http, opentelemetry, opentelemetry_sdk};

pub use capture::{
    AsError, Boxed, CaptureLayer, ClientBody, ClientFuture, ClientLayer, ClientService, QueryFuture,
    Rendered, SupportsFilters, ToolbarSpanProcessor, Typed, UrlTemplate, current, query, template,
};
pub use deliver::Unsettled;
pub use error::PanelError;
pub use layer::{PeerAddr, ToolbarBody, ToolbarFuture, ToolbarLayer, ToolbarService};
/// The configuration's types, with all its builder takes.
pub use otelbar_config as config;
pub use otelbar_config::{Environment, OpenTelemetryConfig};
/// The pipeline's types, which errors and [`Unsettled`] tell of.
pub use otelbar_export as export;
pub use record::RequestHandle;
pub use toolbar::{OpenTelemetryPanel, ShutdownGuard};
