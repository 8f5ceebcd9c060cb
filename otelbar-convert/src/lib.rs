#![doc = include_str!("../README.md")]
//!
//! # Modules
//!
//! - [`panel_data`]: what is known of one request, the input.
//! - [`converter`]: [`PanelDataConverter`], which turns it into spans.
//! - [`findings`]: what is wrong with them, as pure functions over the converted spans.
//! - [`sql`]: operation, target, summary and sanitised text of a statement.
//! - [`redact`]: the values of sensitive keys in URLs and attributes.
//! - [`semconv`]: the attribute names used.

pub mod converter;
pub mod findings;
pub mod panel_data;
pub mod redact;
pub mod semconv;
pub mod sql;

pub use converter::{Converted, ConvertedSpan, PanelDataConverter};
pub use findings::{Finding, FindingKind, Severity};
pub use panel_data::PanelData;
