#![doc = include_str!("../README.md")]

mod addresses;
mod control;
mod eventually;
mod handle;

pub use addresses::{Backend, Certificates, Collector, Jaeger, Missing, Zipkin};
pub use control::{Control, Order};
pub use eventually::eventually;
pub use handle::{Alone, Shared};
