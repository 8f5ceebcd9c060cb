//! The fake collector as clients meet it.

mod client;
mod faults;
mod limit;
mod otlp;
mod stages;
mod zipkin;
