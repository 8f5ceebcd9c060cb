//! A small shop with the toolbar in it: `cargo xtask demo`.
//!
//! `shop` (axum, sqlx on SQLite, minijinja) calls `inventory` (plain hyper) over HTTP. One toolbar watches both, so a
//! request's page shows the spans of both services in one waterfall. What connects them to the toolbar:
//!
//! - `toolbar.tracing_layer()` in the subscriber, here in `start`;
//! - `toolbar.layer()` around each service, in `shop.rs` and `inventory.rs`;
//! - `toolbar.client_layer()` around the HTTP client, in `shop/stock.rs`;
//! - `otelbar_panel::template` around each rendering, in `shop/view.rs`.
//!
//! With `--requests N` it is a test as well: `traffic.rs` sends requests that each bear a number (`number.rs`), and
//! `verify.rs` reads back what was recorded and exported, and finds out whether all of it is where it belongs.

mod arguments;
mod inventory;
mod number;
mod shop;
mod traffic;
mod verify;

use std::error::Error;
use std::future::IntoFuture;
use std::io::{self, IsTerminal, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use otelbar_config::{Capture, Protocol, SamplerKind, Signal, TracesExporter};
use otelbar_panel::{OpenTelemetryConfig, OpenTelemetryPanel};
use otelbar_testkit::Collector;
use tokio::net::TcpListener;
use tokio::signal;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::{EnvFilter, Layer, fmt, prelude::*};

use self::arguments::{Arguments, HELP};
use self::shop::{PAGES, Shop};

type AnyError = Box<dyn Error + Send + Sync>;

/// How long connections, tasks and the export may each take to end, once the demo is interrupted.
const GRACE: Duration = Duration::from_secs(3);
/// How often the demo's own collector forgets what it was sent, when nobody reads it.
const FORGET: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::read(lexopt::Parser::from_env()) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => return usage(&error),
    };
    let demo = match start(&arguments).await {
        Ok(demo) => demo,
        Err(Unstarted::Usage(error)) => return usage(&*error),
        Err(Unstarted::Other(error)) => return failure(&*error),
    };
    let outcome = match arguments.requests {
        Some(requests) => demo.check(requests).await,
        None => demo.run().await,
    };
    outcome.unwrap_or_else(|error| failure(&*error))
}

fn usage(error: &dyn Error) -> ExitCode {
    eprintln!("error: {error}\nSee --help.");
    ExitCode::from(2)
}

fn failure(error: &dyn Error) -> ExitCode {
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
    ExitCode::FAILURE
}

/// The demo, running.
struct Demo {
    toolbar: OpenTelemetryPanel,
    shop: Arc<Shop>,
    address: SocketAddr,
    inventory: SocketAddr,
    /// Where OTLP goes unless `--otlp` names another receiver.
    collector: Option<Collector>,
    /// The exporters, and where each sends spans.
    exporters: Vec<(TracesExporter, String)>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<io::Result<()>>,
}

/// Why the demo does not run.
enum Unstarted {
    /// Because of an argument.
    Usage(AnyError),
    Other(AnyError),
}

impl<E: Into<AnyError>> From<E> for Unstarted {
    fn from(error: E) -> Self {
        Unstarted::Other(error.into())
    }
}

async fn start(arguments: &Arguments) -> Result<Demo, Unstarted> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)).await.map_err(|error| {
        let port = arguments.port;
        let remedy = "choose another with --port, or any free one with --port 0";
        Unstarted::Usage(format!("--port {port}: the port cannot be opened ({error}); {remedy}").into())
    })?;
    let address = listener.local_addr()?;

    let (config, warnings) = OpenTelemetryConfig::from_env();
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
    let exporters = exporters(&config, arguments);
    let collector = match &arguments.otlp {
        None if exporters.contains(&TracesExporter::Otlp) => Some(Collector::start()?),
        _ => None,
    };
    let endpoint = collector.as_ref().map(Collector::endpoint).or(arguments.otlp.clone());
    let config = configure(&config, &exporters, endpoint.as_deref(), arguments);
    let toolbar = config.and_then(|config| {
        let exporters = exporters.iter().map(|exporter| (*exporter, place(*exporter, &config))).collect();
        Ok((OpenTelemetryPanel::new(config)?, exporters))
    });
    let (toolbar, exporters) = toolbar.map_err(|error| match (&arguments.otlp, &arguments.zipkin) {
        (None, None) => Unstarted::Other(error),
        (Some(url), None) => Unstarted::Usage(format!("--otlp {url}: {error}").into()),
        (None, Some(url)) => Unstarted::Usage(format!("--zipkin {url}: {error}").into()),
        (Some(otlp), Some(zipkin)) => {
            Unstarted::Usage(format!("--otlp {otlp} --zipkin {zipkin}: {error}").into())
        }
    })?;

    let terminal = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let level = if arguments.requests.is_some() { LevelFilter::OFF } else { LevelFilter::INFO };
    let filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    tracing_subscriber::registry().with(toolbar.tracing_layer()).with(terminal.with_filter(filter)).init();

    let inventory = inventory::start(&toolbar).await?;
    let shop = Shop::open(inventory, &toolbar).await?;
    let (stop, stopped) = oneshot::channel();
    // With the callers' addresses, by which the toolbar knows whom it may show its pages.
    let service = Arc::clone(&shop).router(&toolbar).into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(async {
        // Told to stop, or nobody is left who could tell.
        let _ = stopped.await;
    });
    let server = tokio::spawn(server.into_future());
    Ok(Demo { toolbar, shop, address, inventory, collector, exporters, stop, server })
}

/// Those that `OTEL_TRACES_EXPORTER` and the arguments name.
fn exporters(config: &OpenTelemetryConfig, arguments: &Arguments) -> Vec<TracesExporter> {
    let mut exporters = config.traces_exporters().to_vec();
    let mut add = |exporter, wanted: bool| {
        if wanted && !exporters.contains(&exporter) {
            exporters.push(exporter);
        }
    };
    add(TracesExporter::Otlp, arguments.otlp.is_some());
    add(TracesExporter::Zipkin, arguments.zipkin.is_some());
    // Without any there would be nothing to check.
    if arguments.requests.is_some() && exporters.is_empty() {
        exporters.push(TracesExporter::Otlp);
    }
    exporters
}

/// Where an exporter sends spans.
fn place(exporter: TracesExporter, config: &OpenTelemetryConfig) -> String {
    match exporter {
        TracesExporter::Otlp => config.otlp(Signal::Traces).endpoint.to_string(),
        TracesExporter::Zipkin => config.zipkin_endpoint().to_string(),
        _ => "standard output".to_owned(),
    }
}

/// The environment's options, and those that the demo knows better.
fn configure(
    config: &OpenTelemetryConfig,
    exporters: &[TracesExporter],
    otlp: Option<&str>,
    arguments: &Arguments,
) -> Result<OpenTelemetryConfig, AnyError> {
    let mut options =
        config.to_builder().service_name("shop").sql_system("sqlite").traces_exporters(exporters.to_vec());
    if let Some(url) = otlp {
        // As for OTEL_EXPORTER_OTLP_ENDPOINT; the variable for traces alone must not win over the argument.
        let traces = format!("{}/v1/traces", url.trim_end_matches('/'));
        options = options.otlp_traces_protocol(Protocol::HttpProtobuf).otlp_traces_endpoint(&traces);
    }
    if let Some(url) = &arguments.zipkin {
        let url = url.trim_end_matches('/');
        options = options.zipkin_endpoint(format!("{url}/api/v2/spans")).zipkin_ui(url);
    }
    if arguments.otlp.is_none() {
        options = options.bsp_schedule_delay(Duration::from_millis(200));
    }
    if let Some(requests) = arguments.requests {
        // All of it is to be recorded, held and exported, or there would be nothing to check.
        let requests = requests as usize;
        options = options
            .enabled(true)
            .traces_sampler(SamplerKind::ParentBasedAlwaysOn)
            .capture([Capture::Sql, Capture::Template, Capture::Http, Capture::Log])
            .max_requests(4 * requests)
            .max_bytes(1 << 30)
            .bsp_schedule_delay(Duration::from_millis(200))
            .bsp_max_queue_size(50 * requests + 2048)
            .bsp_max_queue_bytes(1 << 30);
    }
    Ok(options.build()?)
}

impl Demo {
    /// Serves until the process is told to end.
    async fn run(self) -> Result<ExitCode, AnyError> {
        println!("shop, with the toolbar in its pages:");
        for (path, shows) in PAGES {
            println!("  {:<44} {shows}", format!("http://{}{path}", self.address));
        }
        println!("inventory, which the shop calls:");
        println!("  http://{}/stock/3", self.inventory);
        match self.panel() {
            Some(panel) => println!("the toolbar:\n  {panel}"),
            None => println!("The toolbar is off; it is on without OTELBAR_ENABLED and OTEL_SDK_DISABLED."),
        }
        for (exporter, place) in &self.exporters {
            let own = *exporter == TracesExporter::Otlp && self.collector.is_some();
            let more = if own { ", the demo's own collector; --otlp sends them elsewhere" } else { "" };
            println!("spans go by {exporter} to {place}{more}");
        }
        if self.exporters.is_empty() {
            println!("spans stay here, as OTEL_TRACES_EXPORTER says; the page has them");
        }
        println!("Ctrl-C ends it.");
        io::stdout().flush()?;

        let mut forget = tokio::time::interval(FORGET);
        let interrupted = interrupted();
        tokio::pin!(interrupted);
        loop {
            tokio::select! {
                result = &mut interrupted => break result?,
                _ = forget.tick() => if let Some(collector) = &self.collector {
                    collector.clear();
                },
            }
        }
        eprintln!("Ending …");
        self.end().await;
        Ok(ExitCode::SUCCESS)
    }

    /// Sends its own traffic, and checks what became of it.
    async fn check(self, requests: u32) -> Result<ExitCode, AnyError> {
        let panel = self.panel().ok_or("the toolbar is off")?;
        eprintln!("sending {requests} requests to http://{} …", self.address);
        let started = std::time::Instant::now();
        let answers = traffic::send(self.address, requests).await;
        eprintln!("answered after {:.1?}; waiting for the export …", started.elapsed());

        let api = verify::Api::new(&panel);
        api.wait_for_requests(&answers).await?;
        self.shop.close().await;
        let settled = verify::wait_for_export(&self.toolbar, &api).await?;
        eprintln!(
            "{} after {:.1?}",
            if settled { "exported" } else { "the export is given up" },
            started.elapsed()
        );

        let verdict = verify::check(&api, &answers, self.collector.as_ref()).await?;
        for complaint in verdict.complaints() {
            eprintln!("  {complaint}");
        }
        eprintln!("checked after {:.1?}", started.elapsed());
        println!("{}", serde_json::to_string(&verdict.summary(&panel))?);
        self.end().await;
        Ok(if verdict.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Ends the servers, the tasks and the export, each within [`GRACE`].
    async fn end(self) {
        // It may have ended by itself.
        let _ = self.stop.send(());
        let served = tokio::time::timeout(GRACE, self.server).await;
        let closed = tokio::time::timeout(GRACE, self.shop.close()).await;
        let exported = self.toolbar.shutdown_async(GRACE).await;
        if served.is_err() || closed.is_err() {
            eprintln!("warning: connections or tasks were cut off after {GRACE:?}");
        }
        if let Err(unsettled) = exported {
            eprintln!("warning: spans were given up after {GRACE:?}: {unsettled}");
        }
    }

    /// The address of the toolbar's page.
    fn panel(&self) -> Option<String> {
        Some(format!("http://{}{}/", self.address, self.toolbar.path()?))
    }
}

/// Waits until the process is interrupted or told to terminate.
async fn interrupted() -> io::Result<()> {
    #[cfg(unix)]
    let terminated = async {
        signal::unix::signal(signal::unix::SignalKind::terminate())?.recv().await;
        Ok(())
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending();
    tokio::select! {
        result = signal::ctrl_c() => result,
        result = terminated => result,
    }
}
