//! The fake OTLP and Zipkin collector.

mod answer;
mod body;
mod connection;
mod entry;
mod fault;
mod json;
mod not_received;
mod object;
mod read;
mod received;
mod reply;
mod request_body;
mod script;
mod server;
mod stage;
mod zipkin;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

pub use fault::Fault;
pub use not_received::NotReceived;
pub use received::{ReceivedEvent, ReceivedLink, ReceivedRequest, ReceivedSpan, ReceivedValue, Reply};
pub use stage::{Ending, Stage};
pub use zipkin::{ReceivedZipkinSpan, ZipkinAnnotation, ZipkinEndpoint};

pub(crate) use read::{LARGEST_REQUEST, ZIPKIN_PATH};
use script::Script;

#[cfg(feature = "tls")]
use crate::certificate::{CertificateAuthority, Identity};
use crate::thread::ServerThread;

/// A fake OTLP and Zipkin collector on `127.0.0.1`, on a port the system chooses.
///
/// On the one port it speaks gRPC (`TraceService.Export`), HTTP at `/v1/traces` in protobuf and JSON, each plain
/// or compressed with gzip or zstd, and Zipkin's JSON v2 at `/api/v2/spans`, plain or with gzip. It decodes what it
/// is sent, keeps it, and answers as a collector does, or with the [`Fault`]s it was told to make. It runs on a thread and runtime of its own, so it serves
/// plain tests, tests on any runtime and example programs alike, and goes when it is dropped.
///
/// A span is kept when the client was told that it is accepted, and only then: a request that was answered with
/// an error, cut off or abandoned shows in [`requests`](Self::requests) but not in [`spans`](Self::spans) or
/// [`zipkin_spans`](Self::zipkin_spans).
///
/// ```
/// use otelbar_testkit::{Collector, Fault};
///
/// let collector = Collector::start()?;
/// collector.respond_with([Fault::status(503).retry_after("1"), Fault::Hang]);
/// // Point an exporter at `collector.endpoint()`: its first request is answered with a 503 that names a delay,
/// // its second hangs, all others are accepted.
/// assert!(collector.spans().is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    security: Security,
    shared: Arc<Shared>,
    server: Mutex<Option<ServerThread>>,
}

impl Collector {
    /// Starts a collector.
    ///
    /// # Errors
    ///
    /// Says so when no port of the loopback interface or no thread is to be had.
    pub fn start() -> io::Result<Self> {
        Self::start_with(Security::None)
    }

    /// Starts a collector that speaks TLS, with this certificate.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start); also when rustls cannot use the certificate.
    #[cfg(feature = "tls")]
    pub fn start_tls(identity: &Identity) -> io::Result<Self> {
        Self::start_with(Security::Tls(identity.server_config(None)?))
    }

    /// Starts a collector that speaks TLS, and only with clients that show a certificate of this authority.
    ///
    /// # Errors
    ///
    /// As [`start_tls`](Self::start_tls).
    #[cfg(feature = "tls")]
    pub fn start_mutual_tls(identity: &Identity, clients: &CertificateAuthority) -> io::Result<Self> {
        Self::start_with(Security::Tls(identity.server_config(Some(clients))?))
    }

    fn start_with(security: Security) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let server = server::start(listener, Arc::clone(&shared), security.clone())?;
        Ok(Self { address, security, shared, server: Mutex::new(Some(server)) })
    }

    /// The base address, `http://127.0.0.1:PORT`, as `OTEL_EXPORTER_OTLP_ENDPOINT` takes it for every protocol;
    /// `https` where it speaks TLS.
    pub fn endpoint(&self) -> String {
        let scheme = match self.security {
            Security::None => "http",
            #[cfg(feature = "tls")]
            Security::Tls(_) => "https",
        };
        format!("{scheme}://{}", self.address)
    }

    /// The address of the traces signal over HTTP, `http://127.0.0.1:PORT/v1/traces`, as
    /// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` takes it.
    pub fn traces_endpoint(&self) -> String {
        format!("{}/v1/traces", self.endpoint())
    }

    /// The address for spans in Zipkin's format, `http://127.0.0.1:PORT/api/v2/spans`, as
    /// `OTEL_EXPORTER_ZIPKIN_ENDPOINT` takes it.
    pub fn zipkin_endpoint(&self) -> String {
        format!("{}{ZIPKIN_PATH}", self.endpoint())
    }

    /// The address that is listened on; it stays the same over [`stop`](Self::stop) and
    /// [`restart`](Self::restart).
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every accepted span in the order of arrival, of those that were sent as OTLP.
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        self.shared.lock().spans.clone()
    }

    /// Every accepted span in the order of arrival, of those that were sent as Zipkin's JSON.
    ///
    /// What Zipkin 3 refuses is answered with its 400 and words, and so is what it takes but changes or loses without
    /// a word: ids that are shorter than theirs, a duration of 0, an `ipv4` that is none, numbers where text belongs.
    pub fn zipkin_spans(&self) -> Vec<ReceivedZipkinSpan> {
        self.shared.lock().zipkin_spans.clone()
    }

    /// Every request with its headers and what was replied, in the order of arrival, the failed ones too.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.shared.lock().requests.clone()
    }

    /// How many connections were opened to it so far, those that failed in the TLS handshake too.
    pub fn connections(&self) -> usize {
        self.shared.lock().connections
    }

    /// Blocks until so many connections were opened.
    ///
    /// # Errors
    ///
    /// As [`wait_for`](Self::wait_for).
    pub fn wait_for_connections(&self, count: usize, timeout: Duration) -> Result<(), NotReceived> {
        self.shared.wait(|received| (received.connections >= count).then_some(()), timeout)
    }

    /// Blocks until `condition` holds for the accepted spans, and gives these.
    ///
    /// # Errors
    ///
    /// [`NotReceived`] after `timeout`; it shows what had arrived by then.
    pub fn wait_for(
        &self,
        condition: impl Fn(&[ReceivedSpan]) -> bool,
        timeout: Duration,
    ) -> Result<Vec<ReceivedSpan>, NotReceived> {
        self.shared.wait(|received| ready(&received.spans, &condition), timeout)
    }

    /// [`wait_for`](Self::wait_for) in async code, on any runtime; the time it waits is real time even where the
    /// runtime's own is paused.
    ///
    /// # Errors
    ///
    /// As [`wait_for`](Self::wait_for).
    pub async fn wait_for_async(
        &self,
        condition: impl Fn(&[ReceivedSpan]) -> bool + Send + 'static,
        timeout: Duration,
    ) -> Result<Vec<ReceivedSpan>, NotReceived> {
        self.wait_async(move |received| ready(&received.spans, &condition), timeout).await
    }

    /// Blocks until `condition` holds for the accepted spans of Zipkin, and gives these.
    ///
    /// # Errors
    ///
    /// As [`wait_for`](Self::wait_for).
    pub fn wait_for_zipkin(
        &self,
        condition: impl Fn(&[ReceivedZipkinSpan]) -> bool,
        timeout: Duration,
    ) -> Result<Vec<ReceivedZipkinSpan>, NotReceived> {
        self.shared.wait(|received| ready(&received.zipkin_spans, &condition), timeout)
    }

    /// [`wait_for_zipkin`](Self::wait_for_zipkin) in async code; see [`wait_for_async`](Self::wait_for_async).
    ///
    /// # Errors
    ///
    /// As [`wait_for`](Self::wait_for).
    pub async fn wait_for_zipkin_async(
        &self,
        condition: impl Fn(&[ReceivedZipkinSpan]) -> bool + Send + 'static,
        timeout: Duration,
    ) -> Result<Vec<ReceivedZipkinSpan>, NotReceived> {
        self.wait_async(move |received| ready(&received.zipkin_spans, &condition), timeout).await
    }

    async fn wait_async<T: Send + 'static>(
        &self,
        ready: impl Fn(&Received) -> Option<T> + Send + 'static,
        timeout: Duration,
    ) -> Result<T, NotReceived> {
        let (tell, told) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        std::thread::spawn(move || {
            let _ = tell.send(shared.wait(ready, timeout));
        });
        match told.await {
            Ok(outcome) => outcome,
            // Only a panic in `condition` leads here.
            Err(_) => Err(NotReceived::new(&self.shared.lock(), timeout)),
        }
    }

    /// Blocks until `condition` holds for the requests' log, and gives it.
    ///
    /// # Errors
    ///
    /// [`NotReceived`] after `timeout`.
    pub fn wait_for_requests(
        &self,
        condition: impl Fn(&[ReceivedRequest]) -> bool,
        timeout: Duration,
    ) -> Result<Vec<ReceivedRequest>, NotReceived> {
        self.shared.wait(|received| ready(&received.requests, &condition), timeout)
    }

    /// Lines up faults: each of the next requests meets one of them, in this order, behind those lined up
    /// before. One at [`Stage::Accept`] is met by a new connection too; see [`Fault`].
    pub fn respond_with(&self, faults: impl IntoIterator<Item = Fault>) {
        self.shared.lock().script.line_up(faults);
    }

    /// Answers every request with this fault once those lined up are used, until
    /// [`respond_normally`](Self::respond_normally).
    pub fn respond_always(&self, fault: Fault) {
        self.shared.lock().script.always(fault);
    }

    /// Forgets all faults and [releases](Self::release) what hangs.
    pub fn respond_normally(&self) {
        self.shared.lock().script.clear();
        self.release();
    }

    /// Has the requests and connections that [hang](Ending::Hang) now go on; these requests are accepted.
    pub fn release(&self) {
        self.shared.release.send_modify(|generation| *generation += 1);
    }

    /// Refuses requests of more than so many bytes after decompression, as servers with a limit do: HTTP with 413 and
    /// gRPC with RESOURCE_EXHAUSTED, in the words of Go's servers. The default is 64 MiB, and no limit is larger.
    ///
    /// Some real ones say it less clearly over HTTP: the OpenTelemetry Collector answers 400 with the words "http:
    /// request body too large", Zipkin 500 with "413 Request Entity Too Large"; a [`Fault::Status`] does as these.
    pub fn limit_request_size(&self, bytes: usize) {
        self.shared.lock().request_limit = Some(bytes.min(LARGEST_REQUEST));
    }

    /// Forgets all that was received.
    pub fn clear(&self) {
        let mut received = self.shared.lock();
        received.spans.clear();
        received.zipkin_spans.clear();
        received.requests.clear();
        received.generation += 1;
    }

    /// Closes the port and every connection; when this returns, a connection is refused. What was received
    /// stays. Does nothing when stopped already.
    pub fn stop(&self) {
        // Taken out first: joining the server's thread under the lock would hold up a concurrent `restart`.
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(server);
    }

    /// Opens the same port again after [`stop`](Self::stop); does nothing while it runs.
    ///
    /// # Errors
    ///
    /// Says so when another program has taken the port in the meantime.
    pub fn restart(&self) -> io::Result<()> {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if server.is_none() {
            let listener = TcpListener::bind(self.address)?;
            *server = Some(server::start(listener, Arc::clone(&self.shared), self.security.clone())?);
        }
        Ok(())
    }
}

/// Whether connections are encrypted.
#[derive(Clone, Debug)]
enum Security {
    None,
    #[cfg(feature = "tls")]
    Tls(Arc<rustls::ServerConfig>),
}

/// What the collector's thread and its handle share.
#[derive(Debug, Default)]
struct Shared {
    received: Mutex<Received>,
    changed: Condvar,
    /// Counts the releases; a hanging request waits for the next.
    release: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Received {
    spans: Vec<ReceivedSpan>,
    zipkin_spans: Vec<ReceivedZipkinSpan>,
    requests: Vec<ReceivedRequest>,
    connections: usize,
    /// Counts the clearings: a request's index is good within one generation.
    generation: u64,
    script: Script,
    request_limit: Option<usize>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Received) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }

    fn wait<T>(&self, ready: impl Fn(&Received) -> Option<T>, timeout: Duration) -> Result<T, NotReceived> {
        let started = Instant::now();
        let mut received = self.lock();
        loop {
            if let Some(ready) = ready(&received) {
                return Ok(ready);
            }
            let Some(left) = timeout.checked_sub(started.elapsed()) else {
                return Err(NotReceived::new(&received, timeout));
            };
            received = self.changed.wait_timeout(received, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// The items themselves once the condition holds, so that what is given is what it held for.
fn ready<T: Clone>(items: &[T], condition: impl Fn(&[T]) -> bool) -> Option<Vec<T>> {
    condition(items).then(|| items.to_vec())
}
