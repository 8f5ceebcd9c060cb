//! Debug toolbar data of one request, converted to OpenTelemetry spans
