use std::borrow::Cow;
use std::cell::Cell;

use opentelemetry::trace::SpanKind;
use otelbar_config::LogLevel;
use otelbar_convert::panel_data::{Entry, EntryKind, Level, Log, Source};
use otelbar_propagation::source::SpanProvider;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::fields::Fields;
use super::{Busy, sqlx};
use crate::id::new_span_id;
use crate::request::{Scope, SpanHandle};

/// Target of the span that the tower layer opens for each request.
pub(crate) const REQUEST_TARGET: &str = "otelbar::request";

/// Records the spans and events of `tracing` into the request they belong to.
///
/// A span belongs to the request of its parent, or else to that of the current OpenTelemetry context; one that has
/// neither, and one that asks for no parent, belongs to none and costs a look-up. Requests of every toolbar in the
/// process are served by one layer; a second one in the same subscriber does nothing.
///
/// Made by [`OpenTelemetryPanel::tracing_layer`](crate::OpenTelemetryPanel::tracing_layer).
#[derive(Debug, Default)]
pub struct CaptureLayer {
    redundant: bool,
}

impl CaptureLayer {
    fn scope_of_event<S>(&self, event: &Event<'_>, ctx: &Context<'_, S>) -> Option<Scope>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        match ctx.event_span(event) {
            Some(span) => scope_within(&span),
            None if event.is_root() => None,
            None => Scope::of_otel_context(),
        }
    }
}

impl<S> Layer<S> for CaptureLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_layer(&mut self, subscriber: &mut S) {
        let subscriber: &dyn Subscriber = subscriber;
        self.redundant = subscriber.is::<CaptureLayer>();
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        CLOSED_CHILD.set(None);
        if self.redundant {
            return;
        }
        let Some(span) = ctx.span(id) else { return };
        let metadata = attributes.metadata();
        if metadata.target() == REQUEST_TARGET {
            // The request's own span: what the tower layer has just opened is the context's request.
            if let Some(scope) = Scope::of_otel_context() {
                scope.context.recorder.reach.see_request();
                let scope = Scope { span: scope.context.id(), ..scope };
                let mut extensions = span.extensions_mut();
                extensions.insert(SpanHandle { scope, place: None, busy: Busy::default() });
                extensions.insert(SpanProvider(Scope::current_trace_context));
            }
            return;
        }
        let parent = match span.parent() {
            Some(parent) => scope_within(&parent),
            None => Scope::of_otel_context(),
        };
        let Some(Scope { context, span: parent }) = parent else { return };
        if attributes.is_root() {
            span.extensions_mut().insert(Detached);
            return;
        }

        let mut fields = Fields::new(&context.recorder.redactor, metadata.fields().len());
        attributes.record(&mut fields);
        fields.keep_message();
        let own_id = new_span_id();
        let name = fields.name.take().map_or(Cow::Borrowed(metadata.name()), Cow::Owned);
        let kind = EntryKind::Span(fields.kind.take().unwrap_or(SpanKind::Internal));
        let mut entry = Entry::new(name, std::time::Duration::ZERO, kind);
        entry.id = Some(own_id);
        entry.parent = Some(parent);
        entry.start = Some(context.now());
        entry.ended = false;
        entry.source = Some(source(metadata));
        entry.error = fields.error();
        entry.attributes = fields.attributes;
        let place = context.push(entry);
        let own_id = if place.is_some() { own_id } else { parent };
        let scope = Scope { context, span: own_id };
        span.extensions_mut().insert(SpanHandle { scope, place, busy: Busy::default() });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id).filter(|_| !self.redundant) else { return };
        // The fields are formatted by the application's code, so no lock may be held.
        let handle = span
            .extensions()
            .get::<SpanHandle>()
            .and_then(|handle| Some((handle.scope.clone(), handle.place?)));
        let Some((Scope { context, .. }, place)) = handle else { return };
        let mut fields = Fields::new(&context.recorder.redactor, values.len());
        values.record(&mut fields);
        fields.keep_message();
        for attribute in std::mem::take(&mut fields.attributes) {
            context.set_attribute(place, attribute);
        }
        let (name, kind, error) = (fields.name.take(), fields.kind.take(), fields.error());
        if name.is_some() || kind.is_some() || error.is_some() {
            context.change(place, |entry| {
                if let Some(name) = name {
                    entry.name = name.into();
                }
                if let Some(kind) = kind {
                    entry.kind = EntryKind::Span(kind);
                }
                if error.is_some() {
                    entry.error = error;
                }
            });
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        CLOSED_CHILD.set(None);
        if self.redundant {
            return;
        }
        let Some(scope) = self.scope_of_event(event, &ctx) else { return };
        let metadata = event.metadata();
        let context = &scope.context;
        if metadata.target() == sqlx::TARGET {
            if context.recorder.captured.sql {
                sqlx::record(event, &scope);
            }
            return;
        }
        if !context.recorder.captured.logs {
            return;
        }
        let mut fields = Fields::new(&context.recorder.redactor, metadata.fields().len());
        event.record(&mut fields);
        let source = match fields.log_target.take() {
            Some(target) => Source {
                target: target.into(),
                file: fields.log_file.take().map(Cow::Owned),
                line: fields.log_line,
            },
            None => source(metadata),
        };
        context.log(Log {
            span: Some(scope.span),
            time: context.now(),
            level: level(metadata),
            source,
            message: fields.message.take().map_or(Cow::Borrowed(metadata.name()), Cow::Owned),
            attributes: fields.attributes,
        });
    }

    fn on_enter(&self, id: &Id, ctx: Context<'_, S>) {
        CLOSED_CHILD.set(None);
        with_busy(self, id, &ctx, Busy::enter);
    }

    fn on_exit(&self, id: &Id, ctx: Context<'_, S>) {
        CLOSED_CHILD.set(None);
        with_busy(self, id, &ctx, Busy::exit);
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(&id).filter(|_| !self.redundant) else { return };
        let handle = span.extensions_mut().remove::<SpanHandle>();
        let outlived = CLOSED_CHILD.take().is_some_and(|parent| parent == id);
        if let Some(SpanHandle { scope, place: Some(place), busy }) = handle {
            let idle = if outlived { busy.since_exit() } else { None };
            let end = scope.context.now().saturating_sub(idle.unwrap_or_default());
            scope.context.end(place, end, |entry| entry.busy = Some(busy.total()));
        }
        CLOSED_CHILD.set(span.parent().map(|parent| parent.id()));
    }
}

thread_local! {
    /// The parent of the span that closed last on this thread, while nothing else has come in between.
    ///
    /// The registry closes a span when its handles are gone and its children are closed. One that closes right behind
    /// its last child was done when it was exited last, however long the child lived on.
    static CLOSED_CHILD: Cell<Option<Id>> = const { Cell::new(None) };
}

/// What the capture looks at: what the configuration says, but for the toolbar's own work.
#[derive(Clone, Debug)]
pub(crate) struct CaptureFilter {
    levels: otelbar_config::LevelFilter,
}

impl CaptureFilter {
    pub(crate) fn new(levels: &otelbar_config::LevelFilter) -> Self {
        CaptureFilter { levels: levels.clone() }
    }

    /// Whether it lets the queries of `sqlx` through.
    pub(crate) fn wants_queries(&self) -> bool {
        level_filter(self.levels.level_of(sqlx::TARGET)) >= LevelFilter::DEBUG
    }

    /// Asked once for each place in the code, and remembered by `tracing`.
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        match metadata.target() {
            REQUEST_TARGET => true,
            target if target.starts_with("otelbar_export") => false,
            target => *metadata.level() <= level_filter(self.levels.level_of(target)),
        }
    }
}

impl<S> Filter<S> for CaptureFilter {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let levels = self.levels.targets().map(|(_, level)| level).chain([self.levels.default_level()]);
        // The request's own span is opened at the level `error`, whatever else is wanted.
        levels.map(level_filter).chain([LevelFilter::ERROR]).max()
    }
}

fn level_filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    }
}

/// Marks a span that was opened in a request and asked for no parent: what happens in it is not the request's.
struct Detached;

/// The request of a span, or else that of the OpenTelemetry context, if the span is not detached from it.
fn scope_within<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>) -> Option<Scope> {
    let extensions = span.extensions();
    if let Some(handle) = extensions.get::<SpanHandle>() {
        return Some(handle.scope.clone().or_nearer());
    }
    let detached = span.scope().skip(1).any(|outer| outer.extensions().get::<Detached>().is_some())
        || extensions.get::<Detached>().is_some();
    if detached { None } else { Scope::of_otel_context() }
}

fn with_busy<S>(layer: &CaptureLayer, id: &Id, ctx: &Context<'_, S>, f: impl FnOnce(&mut Busy))
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let Some(span) = ctx.span(id).filter(|_| !layer.redundant) else { return };
    if let Some(handle) = span.extensions_mut().get_mut::<SpanHandle>()
        && handle.place.is_some()
    {
        f(&mut handle.busy);
    }
}

fn source(metadata: &'static Metadata<'static>) -> Source {
    Source {
        target: Cow::Borrowed(metadata.target()),
        file: metadata.file().map(Cow::Borrowed),
        line: metadata.line(),
    }
}

fn level(metadata: &Metadata<'_>) -> Level {
    match *metadata.level() {
        tracing::Level::TRACE => Level::Trace,
        tracing::Level::DEBUG => Level::Debug,
        tracing::Level::INFO => Level::Info,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::ERROR => Level::Error,
    }
}
