//! Links to the backends' own pages: which there are, and whose acknowledgement makes each one good.

use opentelemetry::trace::TraceId;
use otelbar_config::{Link, OpenTelemetryConfig, Source, option};
use otelbar_export::DestinationInfo;

/// The links of a toolbar.
#[derive(Debug)]
pub(crate) struct Links {
    /// The backend's name, and that of the destination by which spans come there.
    via: Vec<(&'static str, &'static str)>,
}

impl Links {
    /// Jaeger is fed by OTLP, and Zipkin by the exporter of its name. Where that one is not configured, the link is left
    /// out, as nothing here leads there, unless its address was set: then somebody knows that what is exported in the
    /// other way, such as to a Collector, goes on to that backend.
    pub(crate) fn new(config: &OpenTelemetryConfig, destinations: &[DestinationInfo]) -> Self {
        let has = |name: &str| destinations.iter().any(|destination| destination.kind.as_str() == name);
        let via = |own: &'static str, other: &'static str, sources: [Source; 2]| match () {
            () if has(own) => Some(own),
            () if has(other) && sources.iter().any(|source| *source != Source::Default) => Some(other),
            () => None,
        };
        let jaeger = [config.source(option::JAEGER_UI), config.source(option::JAEGER_LINK)];
        let zipkin = [config.source(option::ZIPKIN_UI), config.source(option::ZIPKIN_LINK)];
        let links = [("Jaeger", via("otlp", "zipkin", jaeger)), ("Zipkin", via("zipkin", "otlp", zipkin))];
        Links { via: links.into_iter().filter_map(|(name, via)| Some((name, via?))).collect() }
    }

    /// Those of a trace, each with the name of the destination by which it comes there.
    pub(crate) fn of(
        &self,
        config: &OpenTelemetryConfig,
        trace_id: TraceId,
    ) -> impl Iterator<Item = (Link, &'static str)> {
        config.links(&trace_id).into_iter().filter_map(|link| {
            let (_, via) = self.via.iter().find(|(name, _)| *name == link.name)?;
            Some((link, *via))
        })
    }
}

#[cfg(test)]
mod tests {
    use otelbar_config::{Builder, ProcessEnvironment, TracesExporter};
    use otelbar_export::PipelineBuilder;

    use super::*;

    #[track_caller]
    fn check(
        exporters: &[TracesExporter],
        configure: impl FnOnce(Builder) -> Builder,
        expected: &[(&str, &str)],
    ) {
        let config = OpenTelemetryConfig::builder().traces_exporters(exporters.to_vec());
        let config = configure(config).build().unwrap();
        let pipeline = PipelineBuilder::from_config(&config, &ProcessEnvironment).build().unwrap();
        let destinations: Vec<_> = pipeline.destinations().cloned().collect();
        let links = Links::new(&config, &destinations);
        let found: Vec<_> =
            links.of(&config, TraceId::from(0xa1)).map(|(link, via)| (link.name, via)).collect();
        assert_eq!(found, expected, "{exporters:?}");
    }

    #[test]
    fn a_link_belongs_to_the_destination_that_leads_there() {
        use TracesExporter::{Console, Otlp, Zipkin};
        let plain = |config: Builder| config;
        check(&[], plain, &[]);
        check(&[Console], plain, &[]);
        check(&[Otlp], plain, &[("Jaeger", "otlp")]);
        check(&[Zipkin], plain, &[("Zipkin", "zipkin")]);
        check(&[Zipkin, Otlp], plain, &[("Jaeger", "otlp"), ("Zipkin", "zipkin")]);
    }

    #[test]
    fn an_address_that_was_set_is_linked_to_by_the_other_way() {
        use TracesExporter::{Console, Otlp, Zipkin};
        let zipkin = |config: Builder| config.zipkin_ui("http://zipkin:9411");
        let jaeger = |config: Builder| config.jaeger_link("http://jaeger/t/{trace_id}");
        check(&[Otlp], zipkin, &[("Jaeger", "otlp"), ("Zipkin", "otlp")]);
        check(&[Otlp, Zipkin], zipkin, &[("Jaeger", "otlp"), ("Zipkin", "zipkin")]);
        check(&[Zipkin], jaeger, &[("Jaeger", "zipkin"), ("Zipkin", "zipkin")]);
        check(&[Console], zipkin, &[]);
    }
}
