//! Links to the backends' own pages: which there are, and whose acknowledgement makes each one good.

use opentelemetry::trace::TraceId;
use otelbar_config::{OpenTelemetryConfig, Source, TraceLink, TraceUi, option};
use otelbar_export::{DestinationInfo, DestinationKind};

/// The links of a toolbar.
#[derive(Debug)]
pub(crate) struct Links {
    /// Each backend that is linked to, with the destinations by which spans come there: one at least.
    via: Vec<(TraceUi, Vec<DestinationInfo>)>,
}

impl Links {
    /// Jaeger is fed by OTLP, and Zipkin by the exporter of its name. Where that one is not configured, the link is left
    /// out, as nothing here leads there, unless its address was set: then somebody knows that what is exported in the
    /// other way, such as to a Collector, goes on to that backend.
    pub(crate) fn new(config: &OpenTelemetryConfig, destinations: &[DestinationInfo]) -> Self {
        let of_kind = |is_kind: fn(DestinationKind) -> bool| -> Vec<_> {
            destinations.iter().filter(|destination| is_kind(destination.kind)).cloned().collect()
        };
        let otlp = of_kind(|kind| matches!(kind, DestinationKind::Otlp(_)));
        let zipkin = of_kind(|kind| kind == DestinationKind::Zipkin);
        let via = |own: &Vec<_>, other: &Vec<_>, sources: [Source; 2]| {
            let is_set = || sources.iter().any(|source| *source != Source::Default);
            let via = if own.is_empty() && is_set() { other } else { own };
            via.clone()
        };
        let jaeger = [config.source(option::JAEGER_UI), config.source(option::JAEGER_LINK)];
        let to_zipkin = [config.source(option::ZIPKIN_UI), config.source(option::ZIPKIN_LINK)];
        let links = [
            (TraceUi::Jaeger, via(&otlp, &zipkin, jaeger)),
            (TraceUi::Zipkin, via(&zipkin, &otlp, to_zipkin)),
        ];
        Links { via: links.into_iter().filter(|(_, via)| !via.is_empty()).collect() }
    }

    /// Those of a trace, each with the destinations by which it comes there.
    pub(crate) fn of(
        &self,
        config: &OpenTelemetryConfig,
        trace_id: TraceId,
    ) -> impl Iterator<Item = (TraceLink, &[DestinationInfo])> {
        config.links(&trace_id).into_iter().filter_map(|link| {
            let (_, via) = self.via.iter().find(|(ui, _)| *ui == link.ui)?;
            Some((link, &**via))
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
        expected: &[(TraceUi, &str)],
    ) {
        let config = OpenTelemetryConfig::builder().traces_exporters(exporters.to_vec());
        let config = configure(config).build().unwrap();
        let pipeline = PipelineBuilder::from_config(&config, &ProcessEnvironment).build().unwrap();
        let destinations: Vec<_> = pipeline.destinations().cloned().collect();
        let links = Links::new(&config, &destinations);
        let found: Vec<_> = links
            .of(&config, TraceId::from(0xa1))
            .map(|(link, via)| (link.ui, via[0].kind.as_str()))
            .collect();
        assert_eq!(found, expected, "{exporters:?}");
    }

    #[test]
    fn a_link_belongs_to_the_destination_that_leads_there() {
        use TraceUi::{Jaeger, Zipkin};
        use TracesExporter::{Console, Otlp};
        let plain = |config: Builder| config;
        check(&[], plain, &[]);
        check(&[Console], plain, &[]);
        check(&[Otlp], plain, &[(Jaeger, "otlp")]);
        check(&[TracesExporter::Zipkin], plain, &[(Zipkin, "zipkin")]);
        check(&[TracesExporter::Zipkin, Otlp], plain, &[(Jaeger, "otlp"), (Zipkin, "zipkin")]);
    }

    #[test]
    fn an_address_that_was_set_is_linked_to_by_the_other_way() {
        use TraceUi::{Jaeger, Zipkin};
        use TracesExporter::{Console, Otlp};
        let zipkin = |config: Builder| config.zipkin_ui("http://zipkin:9411");
        let jaeger = |config: Builder| config.jaeger_link("http://jaeger/t/{trace_id}");
        check(&[Otlp], zipkin, &[(Jaeger, "otlp"), (Zipkin, "otlp")]);
        check(&[Otlp, TracesExporter::Zipkin], zipkin, &[(Jaeger, "otlp"), (Zipkin, "zipkin")]);
        check(&[TracesExporter::Zipkin], jaeger, &[(Jaeger, "zipkin"), (Zipkin, "zipkin")]);
        check(&[Console], zipkin, &[]);
    }
}
