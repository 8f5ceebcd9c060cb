//! A debug toolbar for Rust HTTP services whose data is OpenTelemetry
