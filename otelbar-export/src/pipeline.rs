//! From a handed-over span to its receipt: queue, worker, retry, breaker, and the books.

mod account;
mod backlog;
mod breaker;
mod exporter;
mod overflow;
mod queue;
mod receipt;
mod request_size;
mod retry;
mod sdk;
mod subscribers;
mod worker;

pub use account::{Account, DropCounts, Health, LastError, Pause, PauseReason};
pub use breaker::{BreakerPolicy, BreakerState};
pub use exporter::ToolbarSpanExporter;
pub use overflow::Overflow;
pub use receipt::{Delivery, DropReason, Dropped, Receipt, SpanCounts};
pub use retry::RetryPolicy;
