use std::sync::Arc;

use tracing::span::Id;

use super::busy::Busy;
use super::wrapped_query::WrappedQuery;
use crate::record::Scope;

/// What the capture layer puts into the extensions of a `tracing` span: the request, and the span's place in it.
#[derive(Debug)]
pub(super) struct SpanHandle {
    pub(super) scope: Scope,
    /// Place of the span's own entry; `None` for the request's own span, and where there was no room.
    pub(super) place: Option<usize>,
    /// The span around it, as `tracing` has it.
    pub(super) around: Option<Id>,
    pub(super) busy: Busy,
    /// The wrapped query that it stands for, if it is that.
    pub(super) query: Option<Arc<WrappedQuery>>,
}

impl SpanHandle {
    pub(super) fn new(scope: Scope, place: Option<usize>) -> Self {
        SpanHandle { scope, place, around: None, busy: Busy::default(), query: None }
    }

    /// Of the span around a wrapped query, which is none of the record: what happens in it is that of its parent.
    pub(super) fn of_query(scope: Scope) -> Self {
        let query = Arc::new(WrappedQuery::new(&scope));
        SpanHandle { query: Some(query), ..SpanHandle::new(scope, None) }
    }
}
