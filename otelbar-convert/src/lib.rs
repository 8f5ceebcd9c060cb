#![doc = include_str!("../README.md")]
//!
//! # Modules
//!
//! - [`panel_data`]: what is known of one request, the input.
//! - [`converter`]: [`PanelDataConverter`], which turns it into spans.
//! - [`findings`]: what is wrong with them, as pure functions over their [`Tree`].
//! - [`tree`]: where the time went: critical path, times by span and by panel.
//! - [`sql`]: operation, target, summary and sanitised text of a statement.
//! - [`redact`]: the values of sensitive keys in URLs and attributes.
//! - [`semconv`]: the attribute names used; [`Conventions`] chooses older ones.

#[cfg(feature = "debug-toolbar")]
pub mod debug_toolbar;

pub mod converter;
pub mod findings;
pub mod panel_data;
pub mod redact;
pub mod semconv;
pub mod sql;
pub mod tree;

mod conventions;
mod converted;
mod fingerprint;
mod limits;
mod log_record;
mod report;
mod shape;

pub use conventions::{Conventions, Names};
pub use converter::{Converted, ConvertedSpan, PanelDataConverter};
pub use findings::{Finding, FindingKind, Findings, Severity};
pub use limits::Limits;
pub use log_record::LogRecord;
pub use panel_data::PanelData;
pub use report::Report;
pub use tree::Tree;
