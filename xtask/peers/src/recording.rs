//! A recorder at work in this process, and where its spans go.

mod kept;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrace::collector::{Config, Reporter, SpanRecord};
use fastrace_opentelemetry::OpenTelemetryReporter;
use opentelemetry::trace::TracerProvider;
use opentelemetry::{InstrumentationScope, global};
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanExporter};
use otelbar_panel::{OpenTelemetryConfig, OpenTelemetryPanel};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use crate::Error;
use crate::recorder::Recorder;
use kept::{Keep, Kept};

/// Longer than any backlog here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the spans go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// They are counted and dropped; the toolbar's are in its store.
    Nowhere,
    /// They stay in memory, as they do in the toolbar's store.
    Memory,
    /// By OTLP over HTTP to the backend at this address.
    Backend(SocketAddr),
}

impl Destination {
    /// What [`from_str`](Self::from_str) reads.
    pub(crate) fn arg(self) -> String {
        match self {
            Destination::Nowhere => "nowhere".to_owned(),
            Destination::Memory => "memory".to_owned(),
            Destination::Backend(address) => address.to_string(),
        }
    }
}

impl FromStr for Destination {
    type Err = Error;

    fn from_str(arg: &str) -> Result<Self, Error> {
        Ok(match arg {
            "nowhere" => Destination::Nowhere,
            "memory" => Destination::Memory,
            address => Destination::Backend(address.parse()?),
        })
    }
}

/// Made once in a process, whose `tracing` subscriber, tracer provider and reporter it is. Queues are as large as they
/// are by default.
pub(crate) struct Recording {
    recorder: Recorder,
    toolbar: Option<OpenTelemetryPanel>,
    provider: Option<(SdkTracerProvider, SdkTracer)>,
    counted: Arc<AtomicU64>,
}

impl Recording {
    pub(crate) fn start(recorder: Recorder, destination: Destination) -> Result<Self, Error> {
        let counted = Arc::new(AtomicU64::new(0));
        let mut recording = Recording { recorder, toolbar: None, provider: None, counted };
        match recorder {
            Recorder::Nobody => {}
            Recorder::Off | Recorder::Ours => {
                let toolbar = toolbar(recorder == Recorder::Ours, destination)?;
                tracing_subscriber::registry().with(toolbar.tracing_layer()).try_init()?;
                recording.toolbar = Some(toolbar);
            }
            Recorder::Sdk | Recorder::TracingOpentelemetry => {
                let provider = provider(destination, &recording.counted)?;
                let tracer = provider.tracer("bench");
                if recorder == Recorder::TracingOpentelemetry {
                    // Without a filter it records what the HTTP libraries say as well.
                    let filter = Targets::new()
                        .with_default(LevelFilter::INFO)
                        .with_target("otel::tracing", LevelFilter::TRACE);
                    let layer = tracing_opentelemetry::layer().with_tracer(tracer.clone());
                    tracing_subscriber::registry().with(layer.with_filter(filter)).try_init()?;
                }
                global::set_tracer_provider(provider.clone());
                global::set_text_map_propagator(TraceContextPropagator::new());
                recording.provider = Some((provider, tracer));
            }
            Recorder::Fastrace => report(destination, &recording.counted)?,
        }
        Ok(recording)
    }

    pub(crate) fn recorder(&self) -> Recorder {
        self.recorder
    }

    pub(crate) fn toolbar(&self) -> Option<&OpenTelemetryPanel> {
        self.toolbar.as_ref()
    }

    pub(crate) fn tracer(&self) -> Option<&SdkTracer> {
        self.provider.as_ref().map(|(_, tracer)| tracer)
    }

    /// Waits until all that was recorded is where it goes to.
    pub(crate) fn settle(&self) -> Result<(), Error> {
        if let Some(toolbar) = &self.toolbar {
            toolbar.flush(PATIENCE)?;
        }
        if let Some((provider, _)) = &self.provider {
            provider.force_flush()?;
        }
        if self.recorder == Recorder::Fastrace {
            fastrace::flush();
        }
        Ok(())
    }

    /// The spans that went [nowhere](Destination::Nowhere), but for the toolbar's, which stay in its store.
    pub(crate) fn counted(&self) -> u64 {
        self.counted.load(Ordering::Relaxed)
    }
}

fn toolbar(enabled: bool, destination: Destination) -> Result<OpenTelemetryPanel, Error> {
    let config = OpenTelemetryConfig::builder().service_name("bench").enabled(enabled);
    let config = match destination {
        Destination::Nowhere | Destination::Memory => config.traces_exporters([]),
        Destination::Backend(address) => {
            config.otlp_protocol("http/protobuf").otlp_endpoint(format!("http://{address}"))
        }
    };
    Ok(OpenTelemetryPanel::new(config.build()?)?)
}

fn provider(destination: Destination, counted: &Arc<AtomicU64>) -> Result<SdkTracerProvider, Error> {
    let builder = SdkTracerProvider::builder().with_resource(resource());
    let builder = match destination {
        Destination::Nowhere => builder.with_batch_exporter(Counting(Arc::clone(counted))),
        Destination::Memory => builder.with_span_processor(Keep::default()),
        Destination::Backend(address) => builder.with_batch_exporter(exporter(address)?),
    };
    Ok(builder.build())
}

fn report(destination: Destination, counted: &Arc<AtomicU64>) -> Result<(), Error> {
    match destination {
        Destination::Nowhere => {
            fastrace::set_reporter(Counting(Arc::clone(counted)), Config::default());
        }
        Destination::Memory => fastrace::set_reporter(Kept::default(), Config::default()),
        Destination::Backend(address) => {
            let scope = InstrumentationScope::builder("bench").build();
            let reporter = OpenTelemetryReporter::new(exporter(address)?, Cow::Owned(resource()), scope);
            fastrace::set_reporter(reporter, Config::default());
        }
    }
    Ok(())
}

fn resource() -> Resource {
    Resource::builder_empty().with_service_name("bench").build()
}

fn exporter(address: SocketAddr) -> Result<opentelemetry_otlp::SpanExporter, Error> {
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_http();
    Ok(exporter.with_endpoint(format!("http://{address}/v1/traces")).build()?)
}

/// Counts spans, and drops them.
#[derive(Debug)]
struct Counting(Arc<AtomicU64>);

impl SpanExporter for Counting {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.fetch_add(batch.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

impl Reporter for Counting {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        self.0.fetch_add(spans.len() as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_read_as_it_is_written() {
        let backend = Destination::Backend(([127, 0, 0, 1], 4318).into());
        for destination in [Destination::Nowhere, Destination::Memory, backend] {
            assert_eq!(destination.arg().parse::<Destination>().unwrap(), destination);
        }
        assert!("somewhere".parse::<Destination>().is_err());
    }
}
