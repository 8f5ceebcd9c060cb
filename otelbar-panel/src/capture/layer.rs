use std::borrow::Cow;
use std::cell::Cell;
use std::sync::OnceLock;

use opentelemetry::trace::Link;
use otelbar_convert::panel_data::Exception;
use otelbar_propagation::source::SpanProvider;
use tracing::dispatcher::WeakDispatch;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};
use tracing_subscriber::{Layer, Registry};

use super::fields::{self, FieldCollector};
use super::filter::{QUERY_TARGET, REQUEST_TARGET};
use super::layer_id::LayerId;
use super::libraries::{self, Decision};
use super::span_handle::SpanHandle;
use super::{current, entered, query, sqlx, tokio_postgres};
use crate::guard::guard;
use crate::panics;
use crate::record::Scope;

/// Records the spans and events of `tracing` into the request they belong to.
///
/// A span belongs to the request of its parent, or else to that of the current OpenTelemetry context; one that has
/// neither, and one that asks for no parent, belongs to none and costs a look-up. Requests of every toolbar in the
/// process are served by one layer; a second one in the same subscriber does nothing.
///
/// Made by [`OpenTelemetryPanel::tracing_layer`](crate::OpenTelemetryPanel::tracing_layer).
#[derive(Debug)]
pub struct CaptureLayer {
    id: LayerId,
    redundant: bool,
    /// The subscriber that the layer is a part of, to look up spans that the layer's own filter hides.
    dispatch: OnceLock<WeakDispatch>,
}

impl Default for CaptureLayer {
    fn default() -> Self {
        CaptureLayer { id: LayerId::new(), redundant: false, dispatch: OnceLock::new() }
    }
}

impl CaptureLayer {
    fn scope_of_event<S>(&self, event: &Event<'_>, ctx: &Context<'_, S>) -> Option<Scope>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if event.is_root() {
            return None;
        }
        let current;
        let id = match event.parent() {
            Some(id) => Some(id),
            None => {
                current = ctx.current_span();
                current.id()
            }
        };
        match id {
            None => Scope::of_otel_context(),
            Some(id) => match entered::innermost(self.id, id) {
                Some(scope) => Some(scope.or_nearer()),
                None => match ctx.span(id) {
                    Some(span) => scope_within(&span),
                    None => self.scope_of_hidden(id, ctx),
                },
            },
        }
    }

    /// The request of a span that the layer's own filter hides: that of the nearest span around it that it lets through.
    fn scope_of_hidden<S>(&self, id: &Id, ctx: &Context<'_, S>) -> Option<Scope>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if let Some(dispatch) = self.dispatch.get().and_then(WeakDispatch::upgrade)
            && let Some(registry) = dispatch.downcast_ref::<Registry>()
            && let Some(span) = registry.span(id)
        {
            return scope_within(&span);
        }
        ctx.lookup_current().and_then(|span| scope_within(&span)).or_else(Scope::of_otel_context)
    }

    fn new_span<S>(&self, attributes: &Attributes<'_>, id: &Id, ctx: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let Some(span) = ctx.span(id) else { return };
        let metadata = attributes.metadata();
        if metadata.target() == REQUEST_TARGET {
            // The request's own span: what the tower layer has just opened is the context's request.
            if let Some(scope) = Scope::of_otel_context() {
                scope.context.recorder.reach.see_request();
                let scope = Scope { span: scope.context.id(), ..scope };
                let mut extensions = span.extensions_mut();
                extensions.insert(SpanHandle::new(scope, None));
                extensions.insert(SpanProvider(current::trace_context));
            }
            return;
        }
        let mut around = None;
        let parent = match span.parent() {
            Some(parent) => {
                let id = around.insert(parent.id());
                match entered::innermost(self.id, id) {
                    Some(scope) => Some(scope.or_nearer()),
                    None => scope_within(&parent),
                }
            }
            None => Scope::of_otel_context(),
        };
        let Some(scope) = parent else { return };
        if metadata.target() == QUERY_TARGET {
            span.extensions_mut().insert(SpanHandle { around, ..SpanHandle::of_query(scope) });
            return;
        }
        if attributes.is_root() {
            span.extensions_mut().insert(Detached);
            return;
        }

        let Scope { context, span: parent } = scope;
        let own_id = context.new_span_id();
        let record = |fields: &mut FieldCollector<'_>| attributes.record(fields);
        let place = fields::collect(&context.recorder.redactor, record, |fields| {
            context.begin_span(metadata, (own_id, parent), fields)
        });
        let own_id = if place.is_some() { own_id } else { parent };
        let handle = SpanHandle::new(Scope { context, span: own_id }, place);
        span.extensions_mut().insert(SpanHandle { around, ..handle });
    }

    fn record<S>(&self, id: &Id, values: &Record<'_>, ctx: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let Some(span) = ctx.span(id) else { return };
        let handle = span
            .extensions()
            .get::<SpanHandle>()
            .and_then(|handle| Some((handle.scope.clone(), handle.place?)));
        let Some((Scope { context, .. }, place)) = handle else { return };
        let record = |fields: &mut FieldCollector<'_>| values.record(fields);
        fields::collect(&context.recorder.redactor, record, |fields| context.record_fields(place, fields));
    }

    fn event<S>(&self, event: &Event<'_>, ctx: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let scope = self.scope_of_event(event, ctx);
        match libraries::decide(event) {
            Decision::Log => {}
            Decision::Query => return tokio_postgres::record(event, scope.as_ref()),
            Decision::Nothing => return,
        }
        let Some(scope) = scope else { return };
        let metadata = event.metadata();
        let context = &scope.context;
        #[cfg(test)]
        crate::guard::fault("recording", &context.described().data().request.path);
        if metadata.target() == sqlx::TARGET {
            if context.recorder.captured.sql {
                sqlx::record(event, &scope, query::around(event, ctx));
            }
            return;
        }
        if !context.recorder.captured.logs {
            return;
        }
        let record = |fields: &mut FieldCollector<'_>| event.record(fields);
        fields::collect(&context.recorder.redactor, record, |fields| {
            if *metadata.level() == tracing::Level::ERROR {
                query::failed_by(&scope, fields.iter());
            }
            context.note_log(metadata, scope.span, fields);
        });
    }

    fn follows<S>(&self, id: &Id, follows: &Id, ctx: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let handle = |id: &Id| {
            let span = ctx.span(id)?;
            let extensions = span.extensions();
            let handle = extensions.get::<SpanHandle>()?;
            Some((handle.scope.clone(), handle.place))
        };
        let (Some((scope, place)), Some((followed, _))) = (handle(id), handle(follows)) else { return };
        let link = Link::new(followed.span_context(), Vec::new(), 0);
        match place {
            Some(place) => scope.context.change(place, |entry| entry.details_mut().links.push(link)),
            None if scope.span == scope.context.id() => {
                scope.context.with_request(|request| request.links.push(link));
            }
            None => {}
        }
    }

    fn enter<S>(&self, id: &Id, ctx: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let Some(span) = ctx.span(id) else { return };
        let scope = {
            let mut extensions = span.extensions_mut();
            let Some(handle) = extensions.get_mut::<SpanHandle>() else { return };
            if handle.place.is_some() {
                handle.busy.enter();
            }
            handle.scope.clone()
        };
        panics::enter();
        entered::enter(self.id, id, scope);
    }

    fn exit<S>(&self, id: &Id, ctx: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let Some(span) = ctx.span(id) else { return };
        let ended_by_panic = {
            let mut extensions = span.extensions_mut();
            let Some(handle) = extensions.get_mut::<SpanHandle>() else { return };
            let ended_by_panic = handle.place.filter(|_| handle.busy.exit());
            ended_by_panic.map(|place| (handle.scope.clone(), place))
        };
        panics::exit();
        entered::exit(self.id, id);
        // In whatever task it is; the request itself is ended by the tower layer.
        let Some((scope, place)) = ended_by_panic else { return };
        let redactor = &scope.context.recorder.redactor;
        let message = panics::last_message().map(|message| redactor.cleaned(message));
        let kind = Cow::Borrowed(panics::PANIC);
        scope.context.change(place, |entry| {
            entry.error = Some(message.clone().unwrap_or(kind.clone()));
            let details = entry.details_mut();
            details.error_type = Some(kind.clone());
            details.exception = Some(Exception::new(Some(kind), message));
        });
    }

    fn close<S>(&self, id: &Id, ctx: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let Some(span) = ctx.span(id) else { return };
        let handle = span.extensions_mut().remove::<SpanHandle>();
        let outlived = CLOSED_CHILD.take().is_some_and(|parent| parent == *id);
        let Some(SpanHandle { scope, place, busy, around, .. }) = handle else {
            CLOSED_CHILD.set(span.parent().map(|parent| parent.id()));
            return;
        };
        if let Some(place) = place {
            let idle = if outlived { busy.since_exit() } else { None };
            let end = scope.context.now().saturating_sub(idle.unwrap_or_default());
            scope.context.end_span(place, end, busy.total());
        }
        CLOSED_CHILD.set(around);
    }
}

impl<S> Layer<S> for CaptureLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        // The first one stays: a layer is part of one subscriber.
        let _ = self.dispatch.set(subscriber.downgrade());
    }

    fn on_layer(&mut self, subscriber: &mut S) {
        let subscriber: &dyn Subscriber = subscriber;
        self.redundant = subscriber.is::<CaptureLayer>();
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        CLOSED_CHILD.set(None);
        if !self.redundant {
            guard("recording a span", || self.new_span(attributes, id, &ctx));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        if !self.redundant {
            guard("recording a span's fields", || self.record(id, values, &ctx));
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, ctx: Context<'_, S>) {
        if !self.redundant {
            guard("recording a link", || self.follows(id, follows, &ctx));
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        CLOSED_CHILD.set(None);
        if !self.redundant {
            guard("recording an event", || self.event(event, &ctx));
        }
    }

    fn on_enter(&self, id: &Id, ctx: Context<'_, S>) {
        CLOSED_CHILD.set(None);
        if !self.redundant {
            guard("entering a span", || self.enter(id, &ctx));
        }
    }

    fn on_exit(&self, id: &Id, ctx: Context<'_, S>) {
        CLOSED_CHILD.set(None);
        if !self.redundant {
            guard("leaving a span", || self.exit(id, &ctx));
        }
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        if !self.redundant {
            guard("ending a span", || self.close(&id, &ctx));
        }
    }
}

thread_local! {
    /// The parent of the span that closed last on this thread, while nothing else has come in between.
    ///
    /// The registry closes a span when its handles are gone and its children are closed. One that closes right behind
    /// its last child was done when it was exited last, however long the child lived on.
    static CLOSED_CHILD: Cell<Option<Id>> = const { Cell::new(None) };
}

/// Marks a span that was opened in a request and asked for no parent: what happens in it is not the request's.
struct Detached;

/// The request of a span or of the nearest around it that has one, or else that of the OpenTelemetry context, if the
/// span is not detached from it.
fn scope_within<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>) -> Option<Scope> {
    for span in span.scope() {
        let extensions = span.extensions();
        if let Some(handle) = extensions.get::<SpanHandle>() {
            return Some(handle.scope.clone().or_nearer());
        }
        if extensions.get::<Detached>().is_some() {
            return None;
        }
    }
    Scope::of_otel_context()
}
