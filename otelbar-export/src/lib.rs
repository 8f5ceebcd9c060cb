#![doc = include_str!("../README.md")]
//!
//! # Modules
//!
//! Everything is re-exported here. [`ToolbarSpanExporter`] is the way in, [`ExporterOptions`] with [`Protocol`] and
//! [`Compression`], [`RetryPolicy`] and [`SpoolOptions`] set it up, [`resource`] describes the service; [`Receipt`] and
//! [`Account`] say what became of spans; [`SetupError`], [`SendError`] and [`Unfinished`] what went wrong.

mod account;
mod backlog;
mod batch;
mod breaker;
mod client;
mod compress;
mod config;
mod console;
mod destination;
pub mod encode;
mod error;
mod exporter;
#[cfg(feature = "grpc")]
mod grpc;
mod http;
mod options;
mod overflow;
mod panic;
mod proxy;
mod queue;
mod receipt;
mod request_size;
mod retry;
mod rpc;
mod sdk;
mod spool;
mod subscribers;
#[cfg(test)]
mod test_span;
mod time;
#[cfg(feature = "tls")]
mod tls;
mod transport;
mod weight;
mod worker;

pub use account::{Account, DropCounts, Health, LastError, Pause, PauseReason};
pub use batch::{EnqueueId, TraceBatch, TraceKey};
pub use breaker::{BreakerPolicy, BreakerState};
pub use config::resource;
pub use console::ConsoleTarget;
pub use destination::{Destination, DestinationKind};
pub use error::{GrpcCode, Left, SendError, SetupError, Unfinished};
pub use exporter::ToolbarSpanExporter;
pub use options::ExporterOptions;
pub use otelbar_config::{Compression, ConsoleFormat, Protocol};
pub use overflow::Overflow;
pub use receipt::{Delivery, DropReason, Dropped, Receipt, SpanCounts};
pub use retry::RetryPolicy;
pub use spool::SpoolOptions;
