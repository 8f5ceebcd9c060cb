//! Fake collectors, in-memory exporters and readable span trees for testing OpenTelemetry code
