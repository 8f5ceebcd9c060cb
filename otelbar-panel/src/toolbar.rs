mod exporter;
mod settings;
mod shutdown;

use std::sync::Arc;
use std::time::Duration;

use otelbar_config::{Environment, OpenTelemetryConfig, ProcessEnvironment};
use otelbar_export::Pipeline;
use otelbar_propagation::Propagators;
use tokio::sync::oneshot;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::PanelError;
use crate::capture::{CaptureFilter, CaptureLayer, ClientLayer, SupportsFilters, ToolbarSpanProcessor};
use crate::deliver::{Exports, Unsettled};
use crate::layer::{Start, ToolbarLayer, Watcher};
use crate::panics;
use crate::record::{Queue, ServiceInfo, Sink, Store};
use crate::web::{Pages, Warnings};
use exporter::{pipeline, usable_pipeline};
pub use shutdown::ShutdownGuard;

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
    toolbar: Option<Toolbar>,
    service: Arc<ServiceInfo>,
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
        let config = otelbar_export::as_this_build_can(&config).into_owned();
        let (propagators, unsupported) = settings::propagators(config.propagators());
        let propagators = Arc::new(propagators);
        warnings.extend(unsupported);
        let resource = otelbar_export::resource(&config);
        let service = Arc::new(ServiceInfo { name: config.service_name().to_owned(), resource });
        if !config.enabled() {
            return Ok(OpenTelemetryPanel { toolbar: None, service, propagators });
        }
        panics::install_hook();
        let exporter = match environment {
            None => pipeline(&config),
            Some(environment) => usable_pipeline(&config, environment, &mut warnings),
        };
        let exporter = exporter.map_err(PanelError::exporter)?;
        let toolbar =
            Toolbar::start(config, warnings, Arc::clone(&service), Arc::clone(&propagators), exporter)?;
        Ok(OpenTelemetryPanel { toolbar: Some(toolbar), service, propagators })
    }

    /// The layer that goes around a service, to watch its requests and to serve the toolbar's pages.
    pub fn layer(&self) -> ToolbarLayer {
        let watcher = self.toolbar.as_ref().map(|toolbar| Arc::clone(&toolbar.watcher));
        ToolbarLayer::new(watcher, Arc::clone(&self.service))
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
        self.toolbar.as_ref().map(|toolbar| &*toolbar.watcher.pages.path)
    }

    /// Exports what has been recorded, and waits for the backends' answers at most so long.
    ///
    /// It blocks the calling thread; in asynchronous code there is [`flush_async`](Self::flush_async).
    ///
    /// # Errors
    ///
    /// What was not settled in that time: spans that no backend has taken, nor the spool.
    pub fn flush(&self, within: Duration) -> Result<(), Unsettled> {
        self.toolbar.as_ref().map_or(Ok(()), |toolbar| toolbar.exports.flush(within))
    }

    /// As [`flush`](Self::flush), without blocking the calling thread.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub async fn flush_async(&self, within: Duration) -> Result<(), Unsettled> {
        self.on_own_thread(move |panel| panel.flush(within)).await
    }

    /// A guard that shuts the toolbar down when it goes out of scope.
    ///
    /// Kept in a variable of `main`, it sends what waits for a batch once the server has stopped.
    pub fn shutdown_guard(&self) -> ShutdownGuard {
        ShutdownGuard::new(self.clone())
    }

    /// As [`flush`](Self::flush), and ends the export. The pages go on showing what is held. A second call waits for what
    /// the first did not, if it had too little time, and else tells the same.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush); what is left is given up.
    pub fn shutdown(&self, within: Duration) -> Result<(), Unsettled> {
        self.toolbar.as_ref().map_or(Ok(()), |toolbar| toolbar.exports.shutdown(within))
    }

    /// As [`shutdown`](Self::shutdown), without blocking the calling thread.
    ///
    /// # Errors
    ///
    /// As [`shutdown`](Self::shutdown).
    pub async fn shutdown_async(&self, within: Duration) -> Result<(), Unsettled> {
        self.on_own_thread(move |panel| panel.shutdown(within)).await
    }

    /// Does what blocks on a thread that is made for it; here, where the system gives none.
    async fn on_own_thread(
        &self,
        work: impl Fn(&Self) -> Result<(), Unsettled> + Clone + Send + 'static,
    ) -> Result<(), Unsettled> {
        let (sender, done) = oneshot::channel();
        let (panel, on_thread) = (self.clone(), work.clone());
        let work_there = move || {
            // Whoever has gone does not need it any more.
            let _ = sender.send(on_thread(&panel));
        };
        match std::thread::Builder::new().name("otelbar-flush".into()).spawn(work_there) {
            Ok(_) => done.await.unwrap_or_else(|_| work(self)),
            Err(_) => work(self),
        }
    }
}

/// A toolbar that is on.
#[derive(Clone, Debug)]
struct Toolbar {
    config: Arc<OpenTelemetryConfig>,
    watcher: Arc<Watcher>,
    exports: Arc<Exports>,
}

impl Toolbar {
    fn start(
        config: OpenTelemetryConfig,
        mut warnings: Vec<String>,
        service: Arc<ServiceInfo>,
        propagators: Arc<Propagators>,
        exporter: Option<Pipeline>,
    ) -> Result<Self, PanelError> {
        let config = Arc::new(config);
        let max_bytes = config.max_bytes().bytes();
        for account in exporter.iter().flat_map(Pipeline::statistics) {
            let problem = account.spool_problem;
            warnings
                .extend(problem.map(|problem| format!("{} has no spool: {problem}", account.destination)));
        }
        let store = Arc::new(Store::new(config.max_requests(), max_bytes));
        // What waits to be exported may hold as much again as the store.
        let (queue, waiting) = Queue::new(max_bytes);
        let sink = Sink { store: Arc::downgrade(&store), queue: queue.clone(), exports: exporter.is_some() };
        let recorder = Arc::new(settings::recorder(&config, propagators, max_bytes));
        let exports = Exports::start(Arc::clone(&config), (queue, waiting), Arc::clone(&store), exporter);
        let exports = Arc::new(exports.map_err(PanelError::thread)?);
        let wants_queries =
            recorder.captured.sql && CaptureFilter::new(Some(config.capture_level())).wants_queries();
        let pages = Pages::new(
            config.toolbar_path().to_owned(),
            (settings::access(&config), Warnings::new(warnings)),
            service,
            Arc::clone(&recorder),
            store,
            Arc::clone(&exports),
            max_bytes / 4,
        );
        let watcher = Watcher {
            recorder,
            sink: Arc::new(sink),
            pages: Arc::new(pages),
            start: Start::new(config.sampler()),
            trusted_proxies: config.trusted_proxies().clone(),
            inject_bar: config.inject_bar(),
            wants_queries,
        };
        Ok(Toolbar { config, watcher: Arc::new(watcher), exports })
    }
}
