#![doc = include_str!("../README.md")]
//!
//! # Modules
//!
//! Everything is re-exported here. [`ToolbarSpanExporter`] is the way in, [`ExporterOptions`] and [`RetryPolicy`]
//! set it up, [`resource`] describes the service; [`Receipt`] and [`Account`] say what became of spans; [`SetupError`], [`SendError`] and
//! [`Unfinished`] what went wrong.

mod account;
mod batch;
mod config;
mod encode;
mod error;
mod exporter;
mod http;
mod options;
mod queue;
mod receipt;
mod retry;
mod subscribers;
mod time;
mod transport;
mod weight;
mod worker;

pub use account::{Account, DropCounts, Health, LastError};
pub use batch::{EnqueueId, TraceBatch, TraceKey};
pub use config::resource;
pub use error::{SendError, SetupError, Unfinished};
pub use exporter::ToolbarSpanExporter;
pub use options::ExporterOptions;
pub use receipt::{Delivery, DropReason, Dropped, Receipt, SpanCounts};
pub use retry::RetryPolicy;
