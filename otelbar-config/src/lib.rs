//! Every option of an OpenTelemetry debug toolbar: default, OTEL_* variable, validation, in one place
