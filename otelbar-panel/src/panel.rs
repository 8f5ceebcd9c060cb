use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::{Sampler as SdkSampler, SamplingDecision, ShouldSample};
use otelbar_config::{Capture, Environment, OpenTelemetryConfig, ProcessEnvironment, Sampler, Semconv};
use otelbar_convert::findings::Thresholds;
use otelbar_convert::panel_data;
use otelbar_convert::redact::Redactor;
use otelbar_convert::{Conventions, Names, PanelDataConverter};
use otelbar_export::{Destination, ExporterOptions, SetupError, ToolbarSpanExporter};
use otelbar_propagation::{Propagators, SamplingState};
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::access::{Access, Denied, Rule, Token};
use crate::background::Background;
use crate::bar::{self, Bar, Navigation, Reason};
use crate::capture::{CaptureFilter, CaptureLayer, ClientLayer, SupportsFilters, ToolbarSpanProcessor};
use crate::delivery;
use crate::handover::Handover;
use crate::id::{new_span_id, new_trace_id};
use crate::layer::ToolbarLayer;
use crate::links::Links;
use crate::panics;
use crate::propagation::{self, Propagation};
use crate::recorder::{Captured, Counters, Open, Recorder};
use crate::request::{Limits, RequestContext, Service};
use crate::store::Store;
use crate::{PanelError, ShutdownGuard};

/// Path of the page of the request that a response answers.
const REQUEST_HEADER: HeaderName = HeaderName::from_static("otelbar-request");
/// What became of the bar in an HTML page.
const BAR_HEADER: HeaderName = HeaderName::from_static("otelbar-bar");
/// What scripts get to see of an answer's head.
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// How long dropping the last handle may take, for spans that are still to be exported.
const DROP_GRACE: Duration = Duration::from_secs(1);

/// The toolbar of a process.
///
/// It is made once, from a configuration, and gives out layers: one for `tracing_subscriber`, one for each tower
/// service, one for each HTTP client. It is cheap to clone; when the last clone and the last layer are gone, what it
/// still has to export is exported for a second at most. A server that ends on purpose keeps a
/// [`shutdown_guard`](Self::shutdown_guard) in `main`, or calls [`shutdown`](Self::shutdown) with a deadline of its own.
///
/// ```
/// use otelbar_panel::{OpenTelemetryConfig, OpenTelemetryPanel};
/// use tracing_subscriber::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = OpenTelemetryConfig::builder().service_name("shop").traces_exporters([]).build()?;
/// let toolbar = OpenTelemetryPanel::new(config)?;
/// let subscriber = tracing_subscriber::registry().with(toolbar.tracing_layer());
/// # drop(subscriber);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct OpenTelemetryPanel {
    /// `None` when the configuration says that the toolbar is off.
    toolbar: Option<Arc<Toolbar>>,
    service: Arc<Service>,
    propagators: Arc<Propagators>,
}

impl OpenTelemetryPanel {
    /// The toolbar that the configuration describes.
    ///
    /// Unless it is off, the process's panic hook is wrapped, once, by one that notes where a panic in a request
    /// happened, and then calls the hook that was there. A hook that is set later and does not call this one takes
    /// the place (and, with `RUST_BACKTRACE`, the backtrace) from the page, not the panic and its message.
    ///
    /// # Errors
    ///
    /// An option of an exporter that does not serve, named with its value and the remedy, or the system giving no
    /// thread. A configuration that turns the toolbar off gives no error.
    pub fn new(config: OpenTelemetryConfig) -> Result<Self, PanelError> {
        OpenTelemetryPanel::start(config, Vec::new(), None)
    }

    /// The toolbar that the `OTEL_*` and `OTELBAR_*` variables of the process describe, as
    /// [`from_environment`](Self::from_environment) reads them.
    ///
    /// # Errors
    ///
    /// As [`from_environment`](Self::from_environment).
    pub fn from_env() -> Result<Self, PanelError> {
        OpenTelemetryPanel::from_environment(&ProcessEnvironment)
    }

    /// The toolbar that the `OTEL_*` and `OTELBAR_*` variables of this environment describe.
    ///
    /// As OpenTelemetry demands, a value that cannot be read is passed over, as if the variable were not set. So is an
    /// exporter that cannot be used: one that this build does not have, or whose certificate file is not there. Each is
    /// logged as a warning with the first request, when there is a subscriber to hear it, and listed by the page and
    /// its API.
    ///
    /// ```
    /// use otelbar_panel::OpenTelemetryPanel;
    ///
    /// let environment = [("OTEL_TRACES_EXPORTER", "none"), ("OTEL_PROPAGATORS", "tracecontext,teleport")];
    /// let toolbar = OpenTelemetryPanel::from_environment(&environment)?;
    /// assert!(toolbar.is_enabled());
    /// # Ok::<_, otelbar_panel::PanelError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// An address of an exporter in use that cannot be read: its default would send the spans elsewhere. The system
    /// giving no thread. Neither where the environment turns the toolbar off (`OTELBAR_ENABLED=false`,
    /// `OTEL_SDK_DISABLED=true`).
    pub fn from_environment(environment: &dyn Environment) -> Result<Self, PanelError> {
        let (config, warnings) = OpenTelemetryConfig::from_environment(environment);
        let warnings = warnings.iter().map(ToString::to_string).collect();
        OpenTelemetryPanel::start(config, warnings, Some(environment))
    }

    /// Lenient where the configuration is that of an environment.
    fn start(
        config: OpenTelemetryConfig,
        mut warnings: Vec<String>,
        environment: Option<&dyn Environment>,
    ) -> Result<Self, PanelError> {
        let (propagators, unsupported) = propagation::propagators(config.propagators());
        let propagators = Arc::new(propagators);
        warnings.extend(unsupported);
        let resource = otelbar_export::resource(&config);
        let service = Arc::new(Service { name: config.service_name().to_owned(), resource });
        if !config.enabled() {
            return Ok(OpenTelemetryPanel { toolbar: None, service, propagators });
        }
        panics::install_hook();
        let exporter = match environment {
            None => exporter(&config),
            Some(environment) => usable_exporter(&config, environment, &mut warnings),
        };
        let exporter = exporter.map_err(PanelError::exporter)?;
        let toolbar =
            Toolbar::start(config, warnings, Arc::clone(&service), Arc::clone(&propagators), exporter)?;
        Ok(OpenTelemetryPanel { toolbar: Some(Arc::new(toolbar)), service, propagators })
    }

    /// The layer that goes around a service, to watch its requests and to serve the toolbar's pages.
    pub fn layer(&self) -> ToolbarLayer {
        ToolbarLayer::new(self.toolbar.clone(), Arc::clone(&self.service))
    }

    /// The layer for `tracing_subscriber`, which records spans, logs and `sqlx` queries.
    ///
    /// It goes on a registry; see [`SupportsFilters`]. It has a filter of its own, and is not bound by the filters of the layers beside it; a filter of the whole
    /// subscriber (an `EnvFilter` put in as a layer) binds it too, and hides the queries unless it lets `sqlx` at
    /// `debug` through. Where the layer is missing, or a filter hides what it needs, the page says so.
    pub fn tracing_layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: tracing::Subscriber + SupportsFilters + for<'a> LookupSpan<'a>,
    {
        let levels = self.toolbar.as_ref().map(|toolbar| toolbar.config.capture_level());
        // Not an `Option` of a layer, which is not told the subscriber that it becomes a part of.
        CaptureLayer::default().with_filter(CaptureFilter::new(levels))
    }

    /// The layer that goes around an HTTP client, to record its calls and to pass the trace context on, in the formats
    /// that `OTEL_PROPAGATORS` names. With the toolbar off it passes on what the application puts into the current
    /// OpenTelemetry context.
    pub fn client_layer<K>(&self) -> ClientLayer<K> {
        ClientLayer::new(Arc::clone(&self.propagators))
    }

    /// The span processor for a `TracerProvider`, which records the spans made with the OpenTelemetry API.
    pub fn span_processor(&self) -> ToolbarSpanProcessor {
        ToolbarSpanProcessor::default()
    }

    /// Whether the toolbar does anything.
    pub fn is_enabled(&self) -> bool {
        self.toolbar.is_some()
    }

    /// The path under which the pages answer, without a slash at its end; `None` when the toolbar is off.
    pub fn path(&self) -> Option<&str> {
        self.toolbar.as_ref().map(|toolbar| &*toolbar.path)
    }

    /// Exports what has been recorded, and waits for the backend's answer; whether all of it was settled within the
    /// time given.
    ///
    /// It blocks the calling thread; call it from `spawn_blocking` in asynchronous code.
    pub fn flush(&self, within: Duration) -> bool {
        self.toolbar.as_ref().is_none_or(|toolbar| toolbar.flush(within))
    }

    /// A guard that shuts the toolbar down when it goes out of scope.
    ///
    /// Kept in a variable of `main`, it sends what waits for a batch once the server has stopped.
    pub fn shutdown_guard(&self) -> ShutdownGuard {
        ShutdownGuard::new(self.clone())
    }

    /// As [`flush`](Self::flush), and ends the export; whether everything was settled. The pages go on showing what
    /// is held. A second call waits for what the first did not, if it had too little time, and else tells the same.
    pub fn shutdown(&self, within: Duration) -> bool {
        self.toolbar.as_ref().is_none_or(|toolbar| toolbar.shutdown(within))
    }
}

/// What the layers and the pages share.
#[derive(Debug)]
pub(crate) struct Toolbar {
    pub(crate) config: OpenTelemetryConfig,
    pub(crate) service: Arc<Service>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) store: Arc<Store>,
    pub(crate) exporter: Option<ToolbarSpanExporter>,
    /// Where the exporter sends spans.
    pub(crate) destinations: Vec<Destination>,
    pub(crate) links: Links,
    pub(crate) access: Access,
    pub(crate) path: String,
    /// What was wrong with the configuration's sources.
    pub(crate) warnings: Vec<String>,
    warnings_told: Once,
    sampler: SdkSampler,
    background: Background,
    /// A shutdown has left something unsettled.
    unsettled: AtomicBool,
}

impl Toolbar {
    fn start(
        config: OpenTelemetryConfig,
        warnings: Vec<String>,
        service: Arc<Service>,
        propagators: Arc<Propagators>,
        exporter: Option<ToolbarSpanExporter>,
    ) -> Result<Self, PanelError> {
        let redactor = Redactor::new(config.redacted_attribute_keys(), config.redacted_query_keys());
        let thresholds = Thresholds::default()
            .with_n_plus_one(config.n_plus_one_threshold())
            .with_slow_query(config.slow_query_threshold())
            .with_slow_span(config.slow_span_threshold());
        let converter = PanelDataConverter::default()
            .with_thresholds(thresholds)
            .with_known_methods(config.http_known_methods().iter().cloned())
            .with_redactor(redactor.clone());
        let max_bytes = config.max_bytes().bytes();
        // What waits and what settles may together hold as much again as the store.
        let (handover, inbox) = Handover::new(max_bytes / 2);
        let captures = |what| config.capture().contains(&what);
        let recorder = Arc::new(Recorder {
            limits: Limits {
                spans: config.max_spans_per_request(),
                logs: config.max_logs_per_request(),
                attributes: config.span_attribute_count_limit(),
                events: config.span_event_count_limit(),
                links: config.span_link_count_limit(),
                value_length: config.span_attribute_value_length_limit().limit().unwrap_or(usize::MAX),
            },
            captured: Captured {
                sql: captures(Capture::Sql),
                templates: captures(Capture::Template),
                http: captures(Capture::Http),
                logs: captures(Capture::Log),
            },
            redactor,
            propagators,
            converter,
            conventions: Conventions::default()
                .with_http(names(config.http_semconv()))
                .with_database(names(config.database_semconv()))
                .with_opt_in_attributes(|name| config.opt_in_attributes().contains(name)),
            counters: Counters::default(),
            open: Open::new(max_bytes),
            handover: handover.clone(),
            reach: Arc::default(),
            sql_system: config.sql_system().to_owned(),
        });
        let accounts = exporter.iter().flat_map(ToolbarSpanExporter::statistics);
        let mut warnings = warnings;
        let mut destinations = Vec::new();
        for account in accounts {
            let problem = account.spool_problem;
            warnings
                .extend(problem.map(|problem| format!("{} has no spool: {problem}", account.destination)));
            destinations.push(account.destination);
        }
        let links = Links::new(&config, &destinations);
        let store = Arc::new(Store::new(config.max_requests(), max_bytes));
        if let Some(exporter) = &exporter {
            let store = Arc::downgrade(&store);
            exporter.subscribe(move |receipt| {
                let id = SpanId::from_bytes(receipt.key.0.to_be_bytes());
                if let Some(held) = store.upgrade().and_then(|store| store.request(id)) {
                    held.context.delivery.receive(receipt);
                }
            });
        }
        let background =
            Background::start((handover, inbox), Arc::clone(&store), exporter.clone(), max_bytes / 2)
                .map_err(PanelError::thread)?;
        Ok(Toolbar {
            access: Access::new(access_rule(&config), config.allowed_hosts().to_vec()),
            path: config.toolbar_path().to_owned(),
            sampler: sampler(config.sampler()),
            warnings,
            warnings_told: Once::new(),
            config,
            service,
            recorder,
            store,
            exporter,
            links,
            destinations,
            background,
            unsettled: AtomicBool::new(false),
        })
    }

    /// The identity of a request: a part of the caller's trace, or a trace of its own.
    pub(crate) fn start_trace(
        &self,
        headers: &HeaderMap,
        request: &panel_data::Request,
    ) -> (SpanContext, Propagation) {
        let (received, mut propagation) = propagation::extract(headers, &self.recorder);
        // A trace id made here is random in every bit, which the flag of level 2 tells.
        let trace_id = received.trace_id().map_or_else(new_trace_id, Into::into);
        let flags = match (received.traceparent(), received.trace_id()) {
            (Some(traceparent), _) => TraceFlags::new(traceparent.flags().to_bits()),
            (None, Some(_)) => TraceFlags::default(),
            (None, None) => TraceFlags::new(0x02),
        };
        let trace_state = TraceState::from(received.tracestate());
        let sampled = match received.sampling() {
            SamplingState::Debug => true,
            SamplingState::Deferred => self.samples(None, trace_id, request),
            decided => {
                let span_id = propagation.parent.unwrap_or_else(new_span_id);
                let flags = flags.with_sampled(decided.is_sampled());
                let parent = SpanContext::new(trace_id, span_id, flags, true, trace_state.clone());
                self.samples(Some(parent), trace_id, request)
            }
        };
        let span_context =
            SpanContext::new(trace_id, new_span_id(), flags.with_sampled(sampled), false, trace_state);
        propagation.pass_on_from(received, &span_context);
        (span_context, propagation)
    }

    /// What the sampler says of a request, with the decision of its caller or without one.
    fn samples(&self, parent: Option<SpanContext>, trace_id: TraceId, request: &panel_data::Request) -> bool {
        let parent = parent.map(|parent| Context::new().with_remote_span_context(parent));
        let decision =
            self.sampler.should_sample(parent.as_ref(), trace_id, &request.path, &SpanKind::Server, &[], &[]);
        decision.decision == SamplingDecision::RecordAndSample
    }

    pub(crate) fn begin_delivery(&self, context: &RequestContext) {
        context.delivery.start(match &self.exporter {
            None => delivery::Start::Disabled,
            Some(_) if !context.span_context.is_sampled() => delivery::Start::NotSampled,
            Some(_) => delivery::Start::Pending,
        });
    }

    /// Whether queries of `sqlx` are to be recorded.
    pub(crate) fn wants_queries(&self) -> bool {
        self.recorder.captured.sql && CaptureFilter::new(Some(self.config.capture_level())).wants_queries()
    }

    /// What of a request decides about the bar; the request gets back the validators that belong to the application.
    pub(crate) fn navigation<B>(
        &self,
        access: Result<(), Denied>,
        request: &mut Request<B>,
    ) -> Result<Navigation, Reason> {
        let mut navigation = access.map_err(Reason::Denied).and_then(|()| Navigation::new(request));
        if self.config.inject_bar() {
            let method = request.method().clone();
            bar::unmark_validators(&mut navigation, &method, request.headers_mut());
        }
        navigation
    }

    /// What becomes of the bar in an answer.
    pub(crate) fn bar(
        &self,
        navigation: &Result<Navigation, Reason>,
        id: SpanId,
        head: &http::response::Parts,
    ) -> Bar {
        if !self.config.inject_bar() {
            return Bar::None;
        }
        bar::decide(navigation, head, &self.path, id)
    }

    /// Tells a caller who may see it where the request is shown, and what became of the bar; others are told nothing.
    pub(crate) fn announce(&self, headers: &mut HeaderMap, id: SpanId, bar: &Bar, may_see: bool) {
        if !may_see {
            // Nobody sees the bar then, and the developer may not know why.
            if let Bar::Left(Reason::Denied(denied @ Denied::PeerUnknown)) = bar {
                self.access.tell(denied);
            }
            return;
        }
        let mut add = |name: HeaderName, value: String| {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.append(name, value);
            }
        };
        add(REQUEST_HEADER, format!("{}/#/requests/{id}", self.path));
        // Where a page comes out of the browser's cache, the bar reads the request's id from here.
        add(SERVER_TIMING, format!("otelbar;desc=\"{id}\""));
        match bar {
            Bar::None => {}
            Bar::Added(_) => add(BAR_HEADER, "added".to_owned()),
            Bar::Left(reason) => add(BAR_HEADER, format!("left out; {reason}")),
        }
    }

    fn flush(&self, within: Duration) -> bool {
        let started = std::time::Instant::now();
        let handed_over = self.background.flush(within);
        let left = within.saturating_sub(started.elapsed());
        let exported = self.exporter.as_ref().is_none_or(|exporter| exporter.flush(left).is_ok());
        handed_over && exported
    }

    fn shutdown(&self, within: Duration) -> bool {
        let started = std::time::Instant::now();
        let stopped = self.background.stop(within);
        let left = within.saturating_sub(started.elapsed());
        let exported = self.exporter.as_ref().is_none_or(|exporter| exporter.shutdown(left).is_ok());
        if !(stopped && exported) {
            // What was handed over too late is lost, whatever a further call finds.
            self.unsettled.store(true, Ordering::Relaxed);
        }
        !self.unsettled.load(Ordering::Relaxed)
    }

    /// Logs, once, what was wrong with the configuration: when it was read there was no subscriber yet.
    pub(crate) fn tell_warnings(&self) {
        self.warnings_told.call_once(|| {
            for warning in &self.warnings {
                tracing::warn!(target: "otelbar", "{warning}");
            }
        });
    }
}

impl Drop for Toolbar {
    fn drop(&mut self) {
        self.shutdown(DROP_GRACE);
    }
}

/// The exporter that the configuration asks for, if any.
fn exporter(config: &OpenTelemetryConfig) -> Result<Option<ToolbarSpanExporter>, SetupError> {
    let destinations = ExporterOptions::from_config(config)?;
    if destinations.is_empty() { Ok(None) } else { ToolbarSpanExporter::to_all(destinations).map(Some) }
}

/// The same as far as it can be used, with a warning about what cannot.
fn usable_exporter(
    config: &OpenTelemetryConfig,
    environment: &dyn Environment,
    warnings: &mut Vec<String>,
) -> Result<Option<ToolbarSpanExporter>, SetupError> {
    let mut warn =
        |error: SetupError| warnings.push(format!("{error}; this exporter is left out until then"));
    let mut destinations = Vec::new();
    for name in config.traces_exporters() {
        match ExporterOptions::for_exporter(*name, config) {
            Ok(options) => destinations.push(options.with_proxy_from_environment(environment)),
            Err(error @ SetupError::Endpoint(_)) => return Err(error),
            Err(error) => warn(error),
        }
    }
    let (exporter, unusable) = ToolbarSpanExporter::to_usable(destinations)?;
    unusable.into_iter().for_each(warn);
    Ok(exporter)
}

fn access_rule(config: &OpenTelemetryConfig) -> Rule {
    match config.access() {
        otelbar_config::Access::Local => Rule::Local,
        otelbar_config::Access::Token(token) => Rule::Token(Token::new(token.expose().clone())),
        // Nobody, as for a rule that is not known here.
        _ => Rule::Nobody,
    }
}

fn names(choice: Semconv) -> Names {
    match choice {
        Semconv::Dup => Names::Both,
        Semconv::Old => Names::Old,
        // Stable, the default.
        _ => Names::Stable,
    }
}

fn sampler(sampler: Sampler) -> SdkSampler {
    let parent_based = |root: SdkSampler| SdkSampler::ParentBased(Box::new(root));
    match sampler {
        Sampler::AlwaysOn => SdkSampler::AlwaysOn,
        Sampler::AlwaysOff => SdkSampler::AlwaysOff,
        Sampler::TraceIdRatio(ratio) => SdkSampler::TraceIdRatioBased(ratio.value()),
        Sampler::ParentBasedAlwaysOff => parent_based(SdkSampler::AlwaysOff),
        Sampler::ParentBasedTraceIdRatio(ratio) => parent_based(SdkSampler::TraceIdRatioBased(ratio.value())),
        // The specification's default, for a sampler that is not known here.
        _ => parent_based(SdkSampler::AlwaysOn),
    }
}
