#![doc = include_str!("../README.md")]
//!
//! # Where to look
//!
//! - [`panel_data`]: what is known of one request, the input.
//! - [`PanelDataConverter`] turns it into spans, a [`Converted`].
//! - [`findings`]: what is wrong with them, as pure functions over their [`Tree`].
//! - [`tree`]: where the time went: critical path, times by span and by category.
//! - [`sql`]: operation, target, summary and sanitised text of a statement.
//! - [`redact`]: the values of sensitive keys in URLs and attributes.
//! - [`semconv`]: the attribute names used; [`Conventions`] chooses older ones.
#![cfg_attr(
    feature = "debug-toolbar",
    doc = "- [`debug_toolbar`]: reads the records of the Python debug-toolbar (feature `debug-toolbar`)."
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "debug-toolbar")]
pub mod debug_toolbar;

pub mod findings;
pub mod panel_data;
pub mod redact;
pub mod semconv;
pub mod sql;
pub mod tree;

mod attribute;
mod category;
mod code_location;
mod conventions;
mod converted;
mod converter;
mod fingerprint;
mod log_record;
mod opt_in;
mod report;
mod shape;
mod span;
mod span_limits;

/// The crates whose types are in signatures of this one, in the versions that it was built with.
pub use {opentelemetry, opentelemetry_sdk};

pub use category::Category;
pub use conventions::{Conventions, Names};
pub use converted::Converted;
pub use converter::PanelDataConverter;
pub use findings::{Finding, FindingKind, Findings, Severity};
pub use log_record::LogRecord;
pub use panel_data::PanelData;
pub use report::Report;
pub use span::ConvertedSpan;
pub use span_limits::SpanLimits;
pub use tree::Tree;
