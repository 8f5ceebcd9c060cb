//! What a collector can do wrong, to order.

use std::fmt;
use std::time::Duration;

use super::stage::{Ending, Stage};

/// One answer of the [`Collector`](crate::Collector) to one request.
///
/// A fault at [`Stage::Accept`] is met by what comes first: a new connection, or a request on one that was kept open,
/// where it strikes when the request's head was read. So each attempt of a client uses up one fault, whether it
/// connects anew or not. A new connection without a request, such as one that is opened in advance, uses one up too.
///
/// As text it says what the collector does: "answers 503 with Retry-After: 7".
///
/// ```
/// use otelbar_testkit::{Collector, Ending, Fault, Stage};
///
/// let collector = Collector::start()?;
/// collector.respond_with([
///     Fault::At(Stage::Accept, Ending::Hang),
///     Fault::status(503).retry_after("7"),
///     Fault::At(Stage::ResponseBody, Ending::Reset),
/// ]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// No fault: accepts the request. For a sequence such as error, success, error.
    Accept,
    /// Answers with an HTTP status; see [`Fault::status`]. A gRPC request is answered as by a proxy: with the HTTP
    /// status and a text, and without a gRPC status.
    Status {
        /// The status code.
        code: u16,
        /// The value of the `Retry-After` header, if one is to be sent.
        retry_after: Option<String>,
        /// The message of the `google.rpc.Status` in the body, which OTLP/HTTP asks for with each error; for Zipkin
        /// the body.
        message: String,
    },
    /// Answers with a gRPC status; see [`Fault::grpc`]. An HTTP request is answered with the HTTP status that is
    /// nearest, and the delay as `Retry-After`.
    GrpcStatus {
        /// The code, 0 to 16.
        code: u32,
        /// The status message.
        message: String,
        /// The delay of a `RetryInfo` in the details, if there is to be one.
        retry_delay: Option<Duration>,
        /// Whether the status is in the headers, without a body and trailers, as servers answer that refuse at
        /// once.
        trailers_only: bool,
    },
    /// Answers 200 with a partial success; see [`Fault::partial_success`]. The last `rejected` spans of the
    /// request are not kept. Zipkin knows no such thing: its request is accepted with a plain 202, and kept whole.
    PartialSuccess {
        /// How many spans are said to be rejected; zero makes the message a warning.
        rejected: i64,
        /// The `error_message`.
        message: String,
    },
    /// Answers 200, for Zipkin 202, and sends this many bytes that are no OTLP message, over gRPC in a frame and with
    /// the status OK. They are made while they are sent, so a hundred megabytes cost no memory here. The spans are
    /// kept.
    Body(usize),
    /// Accepts, and sends the answer one byte at a time with this pause after each, from the first byte of its head
    /// (over HTTP/2 of its frames) to its end (over gRPC to the trailers, which come at once). The spans are kept when
    /// the head is sent, over gRPC when the trailers are. The body is not empty: an empty partial success in OTLP,
    /// which is a full one, and a text for Zipkin. Until the next request on an HTTP/2 connection its other streams
    /// are slow too.
    Slow(Duration),
    /// Answers 307 with this `Location`.
    Redirect(String),
    /// Breaks off at this stage in this way. The spans are kept where the exchange hangs and is
    /// [released](crate::Collector::release), and where the client was told by then that they are accepted: over HTTP
    /// by the status in the head of the answer, over gRPC by the trailers alone.
    At(Stage, Ending),
    /// Reads the request and does not answer until [`Collector::release`](crate::Collector::release), which
    /// accepts it: short for `Fault::At(Stage::Request, Ending::Hang)`.
    Hang,
    /// Reads the request, then resets the connection (TCP RST): short for
    /// `Fault::At(Stage::Request, Ending::Reset)`.
    Reset,
    /// Reads the request, then resets its HTTP/2 stream (INTERNAL_ERROR) and keeps the connection. Over HTTP/1.1 it
    /// closes the connection.
    ResetStream,
    /// Reads the request, sends bytes that are not HTTP, and closes.
    Garbage,
}

impl Fault {
    /// A status with a message and without `Retry-After`.
    pub fn status(code: u16) -> Self {
        Self::Status { code, retry_after: None, message: format!("told to answer {code}") }
    }

    /// A gRPC status with a message and without a `RetryInfo`, in the trailers behind an empty body.
    pub fn grpc(code: u32) -> Self {
        let message = format!("told to answer {code}");
        Self::GrpcStatus { code, message, retry_delay: None, trailers_only: false }
    }

    /// Adds a `RetryInfo` with this delay to a [`Fault::GrpcStatus`]; others stay as they are.
    pub fn retry_info(mut self, delay: Duration) -> Self {
        if let Self::GrpcStatus { retry_delay, .. } = &mut self {
            *retry_delay = Some(delay);
        }
        self
    }

    /// Puts the status of a [`Fault::GrpcStatus`] into the headers; others stay as they are.
    pub fn trailers_only(mut self) -> Self {
        if let Self::GrpcStatus { trailers_only, .. } = &mut self {
            *trailers_only = true;
        }
        self
    }

    /// Adds a `Retry-After` header, in seconds or as an HTTP date, to a [`Fault::Status`]; others stay as they
    /// are.
    pub fn retry_after(mut self, value: impl Into<String>) -> Self {
        if let Self::Status { retry_after, .. } = &mut self {
            *retry_after = Some(value.into());
        }
        self
    }

    /// A partial success that rejects this many spans.
    pub fn partial_success(rejected: i64, message: impl Into<String>) -> Self {
        Self::PartialSuccess { rejected, message: message.into() }
    }

    /// Each thing that can go wrong, once and with usual values, for tests that walk all of them: the HTTP statuses
    /// of servers and of proxies before them, every gRPC code with and without a `RetryInfo` of 10 ms, partial
    /// successes, bodies of nonsense (one of 100 MiB), a byte each 10 ms, and every [`Ending`] at every [`Stage`].
    ///
    /// Those that hang do so until [`Collector::release`](crate::Collector::release). What a fault of one request
    /// cannot do is not among them: a [stopped](crate::Collector::stop) collector, a wrong certificate, a
    /// [limit of size](crate::Collector::limit_request_size).
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        all.extend([400, 401, 403, 404, 408, 413, 415, 429, 500, 501, 502, 503, 504].map(Self::status));
        all.extend([429, 502, 503, 504].map(|code| Self::status(code).retry_after("1")));
        all.push(Self::status(503).retry_after("Wed, 21 Oct 2015 07:28:00 GMT"));
        all.push(Self::status(503).retry_after("soon"));
        for code in 1..=16 {
            all.push(Self::grpc(code));
            all.push(Self::grpc(code).retry_info(Duration::from_millis(10)));
        }
        all.push(Self::grpc(14).trailers_only());
        all.push(Self::partial_success(1, "told to reject one"));
        all.push(Self::partial_success(0, "told to warn"));
        all.extend([Self::Body(3), Self::Body(100 << 20), Self::Slow(Duration::from_millis(10))]);
        all.extend([Self::Redirect("/elsewhere".to_owned()), Self::ResetStream, Self::Garbage]);
        for &stage in Stage::ALL {
            all.extend(Ending::ALL.iter().map(|&ending| Self::At(stage, ending)));
        }
        all
    }

    /// Where and how it breaks the exchange off, if it does.
    pub(super) fn breaks_off(&self) -> Option<(Stage, Ending)> {
        match self {
            Self::At(stage, ending) => Some((*stage, *ending)),
            Self::Hang => Some((Stage::Request, Ending::Hang)),
            Self::Reset => Some((Stage::Request, Ending::Reset)),
            _ => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept => f.write_str("accepts"),
            Self::Status { code, retry_after: None, .. } => write!(f, "answers {code}"),
            Self::Status { code, retry_after: Some(value), .. } => {
                write!(f, "answers {code} with Retry-After: {value}")
            }
            Self::GrpcStatus { code, retry_delay, trailers_only, .. } => {
                write!(f, "answers gRPC status {code}")?;
                if let Some(delay) = retry_delay {
                    write!(f, " with RetryInfo of {delay:?}")?;
                }
                if *trailers_only { f.write_str(" without a body") } else { Ok(()) }
            }
            Self::PartialSuccess { rejected, .. } => write!(f, "rejects {rejected} spans"),
            Self::Body(size) => write!(f, "answers with {size} bytes of nonsense"),
            Self::Slow(pause) => write!(f, "answers one byte each {pause:?}"),
            Self::Redirect(location) => write!(f, "redirects to {location}"),
            Self::ResetStream => f.write_str("resets the stream"),
            Self::Garbage => f.write_str("answers what is not HTTP"),
            Self::At(..) | Self::Hang | Self::Reset => match self.breaks_off() {
                Some((stage, ending)) => write!(f, "{ending} after {stage}"),
                None => Ok(()),
            },
        }
    }
}
