#![doc = include_str!("../README.md")]

mod addresses;
mod backend;
pub mod compare;
mod control;
mod eventually;
mod handle;
mod variable;

pub use addresses::{Certificates, Collector, Jaeger, Zipkin};
pub use backend::Backend;
pub use control::{Control, Order};
pub use eventually::eventually;
pub use handle::{Alone, Shared};
pub use variable::Missing;

/// The variable with the path of the demo, built with all its features: the program that `cargo xtask demo` runs.
pub const DEMO: &str = "IT_DEMO";
