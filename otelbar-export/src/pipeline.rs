//! From an enqueued span to its receipt: queue, worker, retry, breaker, and what is counted.

mod backlog;
mod breaker;
mod builder;
mod counts;
mod delivery;
mod exporter;
mod handle;
mod ledger;
mod options;
mod overflow;
mod queue;
mod receipt;
mod request_size;
mod retry;
mod setup;
mod statistics;
mod subscribers;
mod trace_delivery;
mod unfinished;
mod worker;

pub use breaker::{BreakerPolicy, BreakerState};
pub use builder::PipelineBuilder;
pub use counts::SpanCounts;
pub use delivery::{Delivery, DeliveryState, DropReason};
pub use exporter::ToolbarSpanExporter;
pub use handle::Pipeline;
pub use overflow::Overflow;
pub use receipt::{Dropped, Receipt};
pub use retry::RetryPolicy;
pub use statistics::{DropCounts, Health, LastError, Pause, PauseReason, Statistics};
pub use trace_delivery::TraceDelivery;
pub use unfinished::{Left, Unfinished};
