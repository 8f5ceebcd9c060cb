#![cfg_attr(docsrs, feature(doc_cfg))]
//! W3C Trace Context and Baggage, strict and without allocation, for any HTTP client or server.
//!
//! A service that is called reads who called it, and a service that calls says who it is: that is
//! what the headers `traceparent`, `tracestate` and `baggage` are for. This crate reads and writes them to
//! the letter of [Trace Context](https://www.w3.org/TR/trace-context-2/) (levels 1 and 2) and
//! [Baggage](https://www.w3.org/TR/baggage/). It is part of otelbar, and of use without it: with its default
//! features it depends on nothing.
//!
//! ```
//! use otelbar_propagation::{SpanId, Traceparent, parse_traceparent};
//!
//! // As a server: whose trace is this?
//! let received = parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")?;
//! assert_eq!(received.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
//!
//! // As a client: the same trace, from a span of our own.
//! let own_span = SpanId::from_bytes([1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
//! let mut buffer = [0; Traceparent::LEN];
//! let sent = received.with_parent_id(own_span).encode(&mut buffer);
//! assert_eq!(sent, "00-0af7651916cd43dd8448eb211c80319c-0102030405060708-01");
//! # Ok::<(), otelbar_propagation::TraceparentError>(())
//! ```
//!
//! # What it is for
//!
//! - **Parse, don't validate.** A [`Traceparent`], [`Tracestate`] or [`Baggage`] that exists is valid; what
//!   is written is accepted by every reader that keeps to the specification, and CR, LF or NUL never get
//!   into a header.
//! - **Say why.** What is refused is refused with a [`Reason`], the byte where it went wrong, and a piece of
//!   the text that is safe to log. What is dropped on the way is a [`ExtractionWarning`].
//! - **Cost little.** Headers are read where they are, without allocating; a `traceparent` is written into a
//!   buffer on the stack. Every reader takes time in proportion to the text, and no bytes make it panic.
//!
//! It is not for making spans, ids or sampling decisions: those are the tracer's.
//!
//! # Where to begin
//!
//! - [`parse_traceparent`], [`format_trace_id`], [`format_span_id`]: a header or an id on its own.
//! - `extract_trace_context` and `inject_trace_context` (feature `http`): all three headers of a request.
//! - [`extract`] and [`inject`]: the same for any other [`Extractor`] and [`Injector`], such as gRPC metadata
//!   or the headers of a message on a queue. [`EnvironmentCarrier`] is that of the variables of a process.
//! - [`Propagators`]: several formats together, by the names in `OTEL_PROPAGATORS`.
//!
//! # Features
//!
//! None is on by default, and none changes what another does.
//!
//! - `http`: `HeaderMap` of the `http` crate as a carrier. The crate is re-exported.
//! - `tower`: a layer for HTTP clients that injects the context into every request; see `tower`.
//! - `opentelemetry`: conversions to and from the types of the `opentelemetry` crate, and a
//!   `TextMapPropagator` in place of the SDK's; see `opentelemetry`.
//! - `tracing`: the current `tracing` span as the source of the context; see `source`.
//! - `b3`, `jaeger`, `xray`: formats beside W3C's, for [`Propagators`].

#[cfg(feature = "b3")]
mod b3;
mod baggage;
mod byte_classes;
mod carrier;
mod context;
mod environment_carrier;
mod error;
mod extraction;
mod found;
#[cfg(feature = "http")]
mod header_map;
mod hex;
mod id;
#[cfg(feature = "jaeger")]
mod jaeger;
mod member_list;
#[cfg(feature = "opentelemetry")]
pub mod opentelemetry;
mod percent;
mod propagator;
mod propagators;
mod reason;
mod sampling_state;
pub mod source;
#[cfg(feature = "tower")]
pub mod tower;
mod trace_context_level;
mod trace_flags;
mod traceparent;
mod tracestate;
#[cfg(feature = "xray")]
mod xray;

pub use self::baggage::{Baggage, BaggageEntry, BaggageProperty, Entries};
pub use self::carrier::{Extractor, Injector};
pub use self::context::TraceContext;
pub use self::environment_carrier::EnvironmentCarrier;
pub use self::error::{BaggageError, Refusal, SpanIdError, TraceIdError, TraceparentError, TracestateError};
pub use self::extraction::{Extracted, Extraction, ExtractionWarning, extract, inject};
#[cfg(feature = "http")]
pub use self::header_map::{extract_trace_context, inject_trace_context};
pub use self::hex::Hex;
pub use self::id::{SpanId, TraceId, format_span_id, format_trace_id};
pub use self::propagator::{Propagator, UnknownPropagator};
pub use self::propagators::Propagators;
pub use self::reason::Reason;
pub use self::sampling_state::SamplingState;
pub use self::trace_context_level::TraceContextLevel;
pub use self::trace_flags::TraceFlags;
pub use self::traceparent::{Traceparent, parse_traceparent};
pub use self::tracestate::{Members, Tracestate};
/// The crate whose types are in the signatures of the feature `http`.
#[cfg(feature = "http")]
#[doc(no_inline)]
pub use ::http;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
