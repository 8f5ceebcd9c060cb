#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]
//!
//! # Modules
//!
//! Everything is re-exported here. [`Pipeline`] is the way in, and [`ToolbarSpanExporter`] that for the SDK;
//! [`Destination`] says where spans go, [`PipelineBuilder`] with [`RetryPolicy`], [`BreakerPolicy`], [`Overflow`] and
//! [`SpoolOptions`] how; [`Receipt`] and [`Statistics`] say what became of spans; [`SetupError`], [`SendError`] and
//! [`Unfinished`] what went wrong.

mod batch;
#[cfg(feature = "config")]
mod config;
pub mod encode;
mod error;
mod panic;
mod pipeline;
mod spool;
#[cfg(test)]
mod test_span;
mod text;
mod time;
mod transport;

// Whose types are in those of this crate.
#[cfg(feature = "config")]
pub use otelbar_config;
pub use {bytes, http, opentelemetry, opentelemetry_sdk};

pub use batch::{EnqueueId, TraceBatch, TraceKey};
#[cfg(feature = "config")]
pub use config::{as_this_build_can, resource};
pub use error::SetupError;
pub use pipeline::{
    BreakerPolicy, BreakerState, Delivery, DeliveryState, DropCounts, DropReason, Dropped, Health, LastError,
    Left, Overflow, Pause, PauseReason, Pipeline, PipelineBuilder, Receipt, RetryPolicy, SpanCounts,
    Statistics, ToolbarSpanExporter, TraceDelivery, Unfinished,
};
pub use spool::SpoolOptions;
#[cfg(feature = "zipkin")]
pub use transport::ZipkinDestination;
#[cfg(fuzzing)]
#[doc(hidden)]
pub use transport::fuzzing;
pub use transport::{
    Compression, ConsoleDestination, ConsoleFormat, ConsoleTarget, Destination, DestinationInfo,
    DestinationKind, GrpcCode, OtlpDestination, Protocol, SendError,
};
