//! A wait in vain.

use std::fmt;
use std::time::Duration;

use super::{Received, ReceivedRequest, ReceivedSpan, ReceivedZipkinSpan};
use crate::SpanTree;

/// What was waited for did not arrive in time.
///
/// Its text shows the requests and the spans that did, so that `unwrap()` in a test tells the story.
pub struct NotReceived {
    waited: Duration,
    requests: Vec<ReceivedRequest>,
    spans: Vec<ReceivedSpan>,
    zipkin_spans: Vec<ReceivedZipkinSpan>,
}

impl NotReceived {
    pub(super) fn new(received: &Received, waited: Duration) -> Self {
        Self {
            waited,
            requests: received.requests.clone(),
            spans: received.spans.clone(),
            zipkin_spans: received.zipkin_spans.clone(),
        }
    }

    /// The spans that had arrived.
    pub fn spans(&self) -> &[ReceivedSpan] {
        &self.spans
    }

    /// The spans of Zipkin that had arrived.
    pub fn zipkin_spans(&self) -> &[ReceivedZipkinSpan] {
        &self.zipkin_spans
    }
}

impl fmt::Display for NotReceived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "not received within {:?}; {} requests had arrived with {} accepted spans",
            self.waited,
            self.requests.len(),
            self.spans.len() + self.zipkin_spans.len()
        )?;
        for request in &self.requests {
            write!(f, "\n  {request}")?;
        }
        if !self.spans.is_empty() {
            write!(f, "\n{}", SpanTree::of(&self.spans))?;
        }
        if !self.zipkin_spans.is_empty() {
            write!(f, "\n{}", SpanTree::of(&self.zipkin_spans))?;
        }
        Ok(())
    }
}

impl fmt::Debug for NotReceived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for NotReceived {}
