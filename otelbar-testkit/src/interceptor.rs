//! A man in the middle that changes spans on their way.

mod backend;
mod serve;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use backend::Backend;

use crate::collector::ZIPKIN_PATH;
use crate::thread::ServerThread;

/// Stands between an exporter and a backend, on a port of `127.0.0.1` that the system chooses, and changes what goes
/// through: to show that a test of a real backend notices when a field or a span is changed, dropped or repeated.
///
/// OTLP in protobuf over HTTP at `/v1/traces` and Zipkin's JSON v2 at `/api/v2/spans` are checked, given to the
/// closures, and sent on without compression; the backend's answer goes back as it is. Other paths and
/// methods are passed on as they came. What it can't decode, OTLP in JSON too, it refuses rather than let it through
/// unchanged. It speaks HTTP/1.1 on both sides, without TLS.
///
/// ```
/// use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
/// use otelbar_testkit::{Collector, Interceptor};
/// use prost::Message;
///
/// let backend = Collector::start()?;
/// let interceptor = Interceptor::start(&backend.endpoint())?;
/// interceptor.change_traces(|message| {
///     let mut request = ExportTraceServiceRequest::decode(message).unwrap();
///     // Drops the last span of each scope.
///     for of_resource in &mut request.resource_spans {
///         for of_scope in &mut of_resource.scope_spans {
///             of_scope.spans.pop();
///         }
///     }
///     request.encode_to_vec()
/// });
/// // Point an exporter at `interceptor.traces_endpoint()`.
/// assert_eq!(interceptor.changed(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Interceptor {
    address: SocketAddr,
    shared: Arc<Shared>,
    _thread: ServerThread,
}

impl Interceptor {
    /// Starts one before this backend, given by its base address such as `http://127.0.0.1:4318`; the path of each
    /// request is appended.
    ///
    /// # Errors
    ///
    /// Says so when the address is none of plain HTTP, or when no port of the loopback interface or no thread is to
    /// be had.
    pub fn start(backend: &str) -> io::Result<Self> {
        let backend = Backend::parse(backend)?;
        let shared = Arc::new(Shared { backend, changes: Mutex::default(), changed: AtomicUsize::new(0) });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let of_thread = Arc::clone(&shared);
        let thread = ServerThread::start("otelbar-interceptor", listener, move |stream| {
            serve::connection(stream, Arc::clone(&of_thread))
        })?;
        Ok(Self { address, shared, _thread: thread })
    }

    /// Changes each OTLP message from now on in this way, in place of an earlier one. The closure is given an
    /// `ExportTraceServiceRequest` in protobuf, without compression, and gives what is sent instead: in whatever version
    /// of opentelemetry-proto, or of another library, the test knows its fields.
    pub fn change_traces(&self, change: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) {
        self.shared.changes().traces = Some(Arc::new(change));
    }

    /// Changes each body of Zipkin, a list of spans, from now on in this way, in place of an earlier one.
    pub fn change_zipkin(&self, change: impl Fn(&mut Value) + Send + Sync + 'static) {
        self.shared.changes().zipkin = Some(Arc::new(change));
    }

    /// How many requests were read, given to a closure and answered by the backend, whatever it answered.
    pub fn changed(&self) -> usize {
        self.shared.changed.load(Ordering::Relaxed)
    }

    /// The base address, `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address of the traces signal, `http://127.0.0.1:PORT/v1/traces`.
    pub fn traces_endpoint(&self) -> String {
        format!("{}{TRACES_PATH}", self.endpoint())
    }

    /// The address for spans in Zipkin's format, `http://127.0.0.1:PORT/api/v2/spans`.
    pub fn zipkin_endpoint(&self) -> String {
        format!("{}{ZIPKIN_PATH}", self.endpoint())
    }
}

const TRACES_PATH: &str = "/v1/traces";

/// What the interceptor's thread and its handle share.
#[derive(Debug)]
struct Shared {
    backend: Backend,
    changes: Mutex<Changes>,
    changed: AtomicUsize,
}

impl Shared {
    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type ChangeTraces = Arc<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;
type ChangeZipkin = Arc<dyn Fn(&mut Value) + Send + Sync>;

#[derive(Clone, Default)]
struct Changes {
    traces: Option<ChangeTraces>,
    zipkin: Option<ChangeZipkin>,
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").finish_non_exhaustive()
    }
}
