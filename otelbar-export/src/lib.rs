#![doc = include_str!("../README.md")]
//!
//! # Modules
//!
//! Everything is re-exported here. [`ToolbarSpanExporter`] is the way in, [`ExporterOptions`] with [`Protocol`] and
//! [`Compression`], [`RetryPolicy`] and [`SpoolOptions`] set it up, [`resource`] describes the service; [`Receipt`] and
//! [`Statistics`] say what became of spans; [`SetupError`], [`SendError`] and [`Unfinished`] what went wrong.

mod batch;
mod config;
mod destination;
pub mod encode;
mod error;
mod options;
mod panic;
mod pipeline;
mod spool;
#[cfg(test)]
mod test_span;
mod text;
mod time;
mod transport;

pub use batch::{EnqueueId, TraceBatch, TraceKey};
pub use config::resource;
pub use destination::{Destination, DestinationKind};
pub use error::{GrpcCode, Left, SendError, SetupError, Unfinished};
pub use options::ExporterOptions;
pub use otelbar_config::{Compression, ConsoleFormat, Protocol};
pub use pipeline::{
    BreakerPolicy, BreakerState, Delivery, DeliveryState, DropCounts, DropReason, Dropped, Health, LastError,
    Overflow, Pause, PauseReason, Receipt, RetryPolicy, SpanCounts, Statistics, ToolbarSpanExporter,
    TraceDelivery,
};
pub use spool::SpoolOptions;
pub use transport::ConsoleTarget;
