//! A bounded OpenTelemetry span pipeline that says what became of every span
