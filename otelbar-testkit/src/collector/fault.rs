//! What a collector can do wrong, to order.

use std::collections::VecDeque;
use std::time::Duration;

/// One answer of the [`Collector`](crate::Collector) to one request.
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
    /// the status OK. The spans are kept.
    Body(usize),
    /// Answers 307 with this `Location`.
    Redirect(String),
    /// Reads the request and does not answer until [`Collector::release`](crate::Collector::release), which
    /// accepts it.
    Hang,
    /// Reads the request, then resets the connection (TCP RST).
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
}

/// The faults still to be made.
#[derive(Debug, Default)]
pub(super) struct Script {
    next: VecDeque<Fault>,
    always: Option<Fault>,
}

impl Script {
    pub(super) fn line_up(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.next.extend(faults);
    }

    pub(super) fn always(&mut self, fault: Fault) {
        self.always = Some(fault);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn take(&mut self) -> Fault {
        self.next.pop_front().or_else(|| self.always.clone()).unwrap_or(Fault::Accept)
    }
}
