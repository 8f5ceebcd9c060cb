#![doc = include_str!("../README.md")]

mod addresses;
pub mod compare;
mod control;
mod eventually;
mod handle;

pub use addresses::{Backend, Certificates, Collector, Jaeger, Missing, Zipkin};
pub use control::{Control, Order};
pub use eventually::eventually;
pub use handle::{Alone, Shared};

/// The variable with the path of the demo, built with all its features: the program that `cargo xtask demo` runs.
pub const DEMO: &str = "IT_DEMO";
