//! Which queries have failed, where their source does not tell.

use std::collections::HashMap;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanId;
use otelbar_convert::panel_data::Entry;
use otelbar_convert::semconv;

use super::failure::Failure;
use super::limits::RecordingLimits;
use super::recording::Recording;

/// Queries that are looked through for the one that failed.
const LOOKED_AT: usize = 256;

/// Spans around a query that are looked through.
const DEPTH: usize = 256;

/// The queries of a request whose source says nothing of their outcome, in the order in which they ended.
#[derive(Debug, Default)]
pub(super) struct Queries {
    places: Vec<Place>,
    concluded: Option<Concluded>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    entry: usize,
    /// Whether the application tells how it ends.
    is_told: bool,
}

/// A failure that was concluded from a log.
#[derive(Debug)]
struct Concluded {
    failure: Failure,
    /// The span it was logged in.
    span: SpanId,
    at: Duration,
    /// The query it was put down to.
    entry: Option<usize>,
}

impl Queries {
    pub(super) fn size(&self) -> usize {
        self.places.capacity() * size_of::<Place>()
    }
}

/// `otelbar.outcome` of a query that may have failed, or another one that ran at the same time.
const UNKNOWN: &str = "unknown";

impl Recording {
    /// Takes a query in; see [`push_entry`](Self::push_entry). `is_told` says that the application tells how it ends.
    ///
    /// A driver with a thread of its own may tell of a query after the application has logged its failure.
    pub(crate) fn push_query(
        &mut self,
        entry: Entry,
        is_told: bool,
        limits: &RecordingLimits,
    ) -> Option<usize> {
        let (start, parent) = (entry.start.unwrap_or_default(), entry.parent);
        let place = self.push_entry(entry, limits)?;
        self.queries.places.push(Place { entry: place, is_told });
        if is_told {
            return Some(place);
        }
        let Some(concluded) = self.queries.concluded.take() else { return Some(place) };
        // What begins after the log is not what it is about.
        if start > concluded.at || !self.parents().is_within(parent, concluded.span) {
            return Some(place);
        }
        match concluded.entry {
            // Both ran when one of them failed.
            Some(other) if self.end_of(other) > start => {
                for place in [other, place] {
                    self.change(place, limits, |entry| {
                        Failure::take_back(entry);
                        entry.attributes.push(KeyValue::new(semconv::OUTCOME, UNKNOWN));
                    });
                }
            }
            other => {
                if let Some(other) = other {
                    self.change(other, limits, Failure::take_back);
                }
                self.change(place, limits, |entry| concluded.failure.apply(entry));
            }
        }
        Some(place)
    }

    /// A database's error was logged in this span: it is that of the last query made in it.
    pub(crate) fn query_failed(
        &mut self,
        span: SpanId,
        at: Duration,
        failure: Failure,
        limits: &RecordingLimits,
    ) {
        let span = self.adopted.id_of(span);
        let parents = self.parents();
        let mut last = self.queries.places.iter().rev().take(LOOKED_AT).copied();
        let last = last.find(|place| parents.is_within(self.data().entries[place.entry].parent, span));
        let has_failed = |place: Place| self.data().entries[place.entry].error.is_some();
        // An error is logged again by what it is passed on to.
        if last.is_some_and(|place| place.is_told || has_failed(place)) {
            return;
        }
        let entry = last.map(|place| place.entry);
        if let Some(entry) = entry {
            self.change(entry, limits, |entry| failure.apply(entry));
        }
        self.queries.concluded = Some(Concluded { failure, span, at, entry });
    }

    fn end_of(&self, entry: usize) -> Duration {
        self.data()
            .entries
            .get(entry)
            .map_or(Duration::ZERO, |entry| entry.start.unwrap_or_default().saturating_add(entry.duration))
    }

    fn parents(&self) -> Parents {
        let parent = |entry: &Entry| Some((entry.id?, entry.parent?));
        Parents {
            root: self.data().span_context.span_id(),
            of: self.data().entries.iter().filter_map(parent).collect(),
        }
    }
}

/// Who stands under whom.
struct Parents {
    root: SpanId,
    of: HashMap<SpanId, SpanId>,
}

impl Parents {
    /// Whether a parent is this span, or stands below it.
    fn is_within(&self, parent: Option<SpanId>, span: SpanId) -> bool {
        let ancestors = std::iter::successors(parent, |id| self.of.get(id).copied());
        // Whatever a source says of its parents, it comes to an end.
        span == self.root || ancestors.take(DEPTH).any(|id| id == span)
    }
}

#[cfg(test)]
mod tests {
    use otelbar_convert::panel_data::{EntryKind, Sql};

    use super::*;
    use crate::record::test_context;

    /// Queries from one millisecond to another, in the order in which they are told of, and after how many of them the
    /// error is logged, at which millisecond; whether each is then in error, has not failed, or nobody knows.
    #[track_caller]
    fn check(queries: &[(u64, u64)], logged: (usize, u64), expected: &[&str]) {
        let context = test_context();
        let limits = context.recorder.limits;
        let ms = Duration::from_millis;
        let mut recording = context.lock();
        let fail = |recording: &mut Recording| {
            let failure = Failure { message: "no".to_owned(), kind: None, code: Some("1".to_owned()) };
            recording.query_failed(context.id(), ms(logged.1), failure, &limits);
        };
        for (place, (start, end)) in queries.iter().enumerate() {
            if place == logged.0 {
                fail(&mut recording);
            }
            let mut entry = Entry::new("", ms(end - start), EntryKind::Sql(Sql::default()));
            entry.start = Some(ms(*start));
            recording.push_query(entry, false, &limits);
        }
        if logged.0 == queries.len() {
            fail(&mut recording);
        }
        let told = recording.data().entries.iter().map(|entry| match &entry.error {
            Some(_) => "failed",
            None if entry.attributes.iter().any(|attribute| attribute.key.as_str() == semconv::OUTCOME) => {
                "unknown"
            }
            None => "",
        });
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_failure_is_put_down_to_the_query_before_it() {
        check(&[(0, 1), (2, 3)], (2, 4), &["", "failed"]);
        // The driver tells of the second after its failure was logged.
        check(&[(0, 1), (2, 5)], (1, 4), &["", "failed"]);
        check(&[(2, 5)], (0, 4), &["failed"]);
        // What began after the log is not meant.
        check(&[(0, 1), (6, 7)], (1, 4), &["failed", ""]);
        check(&[(6, 7)], (0, 4), &[""]);
    }

    #[test]
    fn of_two_that_ran_at_the_same_time_it_is_not_known_which_failed() {
        check(&[(0, 3), (1, 5)], (1, 4), &["unknown", "unknown"]);
    }
}
