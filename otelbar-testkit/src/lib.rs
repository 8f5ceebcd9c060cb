#![doc = include_str!("../README.md")]
//!
//! # Modules
//!
//! Everything is re-exported here: [`Collector`] with its [`Fault`]s, [`InMemoryExporter`], [`SpanTree`] and
//! [`assert_tree`].

mod collector;
mod diff;
mod in_memory;
mod tree;

pub use collector::{Collector, Fault, NotReceived, ReceivedRequest, ReceivedSpan, Reply};
pub use in_memory::InMemoryExporter;
pub use tree::{SpanTree, ToTree, TreeSpan, assert_tree};
