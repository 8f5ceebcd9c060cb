#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]
//!
//! # Features
//!
//! `tls` (off): `Collector::start_tls` and its certificates.
//!
//! # Modules
//!
//! Everything is re-exported here: [`Collector`] with its [`Fault`]s, what it received ([`ReceivedSpan`],
//! [`ReceivedZipkinSpan`], [`ReceivedRequest`]), [`Proxy`], [`Interceptor`], [`InMemoryExporter`],
//! [`SpanTree`] and [`assert_tree`].

#[cfg(feature = "tls")]
mod certificate;
mod collector;
mod decompress;
mod diff;
mod in_memory;
mod interceptor;
mod proxy;
mod thread;
mod tree;
mod upstream;

// Whose types are in those of this crate.
pub use {bytes, http, opentelemetry, opentelemetry_sdk, serde_json};

#[cfg(feature = "tls")]
pub use certificate::{CertificateAuthority, Identity};
pub use collector::{
    Collector, Ending, Fault, NotReceived, ReceivedEvent, ReceivedLink, ReceivedRequest, ReceivedSpan,
    ReceivedValue, ReceivedZipkinSpan, Reply, Stage, ZipkinAnnotation, ZipkinEndpoint,
};
pub use in_memory::InMemoryExporter;
pub use interceptor::Interceptor;
pub use proxy::{ProxiedRequest, Proxy};
pub use tree::{SpanTree, ToTree, TreeSpan, assert_tree};
