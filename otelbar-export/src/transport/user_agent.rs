//! How this crate names itself to those it connects to.

use http::HeaderValue;

/// Our own product, then what the specification of the OTLP exporter asks for ("User Agent").
pub(super) const OTLP_USER_AGENT: HeaderValue = HeaderValue::from_static(concat!(
    "otelbar/",
    env!("CARGO_PKG_VERSION"),
    " OTel-OTLP-Exporter-Rust/",
    env!("CARGO_PKG_VERSION")
));
/// To others than OTLP's receivers.
pub(super) const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("otelbar/", env!("CARGO_PKG_VERSION")));
