use otelbar_export::{Destination, DestinationKind};

/// The destination's name in `OTEL_TRACES_EXPORTER`.
pub(crate) fn name_of(destination: &Destination) -> &'static str {
    match destination.kind {
        DestinationKind::Otlp(_) => "otlp",
        DestinationKind::Zipkin => "zipkin",
        DestinationKind::Console => "console",
        _ => "other",
    }
}
