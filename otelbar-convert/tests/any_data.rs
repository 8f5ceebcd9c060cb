//! Whatever is in a request's data, converting it ends, and nothing of it is gone without being counted.

mod common;

use std::time::{Duration, SystemTime};

use common::with;
use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, TraceFlags, TraceId, TraceState};
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use otelbar_convert::findings::{Thresholds, count_failures};
use otelbar_convert::panel_data::{
    Cache, Callsite, Entry, EntryKind, Exception, HttpCall, Level, Log, PanelData, Parameter, Profile,
    Request, Sql, Template, Timer, Times,
};
use otelbar_convert::redact::Redactor;
use otelbar_convert::{Conventions, Names, PanelDataConverter, SpanLimits, Tree};
use proptest::collection::vec;
use proptest::prelude::*;

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "\\PC{0,12}",
        2 => any::<String>(),
        3 => prop::sample::select(vec![
            "", "SELECT * FROM é WHERE a = 'ß", "\"a\".\"b\"", "http://ü@é:99999/ß?ñ#", "://", "@", "/", "{\"a\":\"",
            "AUTH é", "event é:1", "src/é.rs", "GET", "QUERY", "redis", "mongodb", "postgresql", "ERROR", "23505",
        ])
        .prop_map(str::to_owned),
    ]
}

fn any_duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        6 => (0_u64..10_000_000_000).prop_map(Duration::from_nanos),
        1 => Just(Duration::MAX),
        1 => Just(Duration::ZERO),
        1 => any::<u64>().prop_map(Duration::from_nanos),
        1 => any::<u64>().prop_map(Duration::from_secs),
    ]
}

fn any_start() -> impl Strategy<Value = SystemTime> {
    any_duration().prop_flat_map(|offset| {
        let before = SystemTime::UNIX_EPOCH.checked_sub(offset);
        let after = SystemTime::UNIX_EPOCH.checked_add(offset);
        prop::sample::select(vec![before, after]).prop_map(|at| at.unwrap_or(SystemTime::UNIX_EPOCH))
    })
}

fn any_attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let names = prop::sample::select(vec![
        "db.query.text",
        "db.statement",
        "db.system",
        "db.system.name",
        "db.operation.name",
        "http.request.method",
        "url.full",
        "error",
        "error.type",
        "exception.type",
        "exception.message",
        "code.line.number",
        "code.file.path",
        "otelbar.log.level",
        "password",
        "ü",
    ]);
    let value = prop_oneof![
        4 => any_text().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => vec(any_text(), 0..3)
            .prop_map(|texts| Value::Array(Array::String(texts.into_iter().map(StringValue::from).collect()))),
    ];
    vec((names, value).prop_map(|(name, value)| KeyValue::new(name, value)), 0..5)
}

fn any_id() -> impl Strategy<Value = Option<SpanId>> {
    prop::option::of((0_u64..12).prop_map(SpanId::from))
}

fn any_exception() -> impl Strategy<Value = Option<Exception>> {
    let text = || prop::option::of(any_text());
    prop::option::weighted(
        0.2,
        (text(), text(), text()).prop_map(|(kind, message, stacktrace)| {
            with(Exception::new(kind.map(Into::into), message.map(Into::into)), |it| {
                it.stacktrace = stacktrace
            })
        }),
    )
}

fn any_kind() -> impl Strategy<Value = EntryKind> {
    let span_kind = prop::sample::select(vec![SpanKind::Internal, SpanKind::Client, SpanKind::Server]);
    let number = || prop::option::of(any::<u64>());
    prop_oneof![
        span_kind.prop_map(EntryKind::Span),
        (any_text(), any_text(), number(), prop::option::of(any_text())).prop_map(
            |(system, text, rows, code)| {
                EntryKind::Sql(with(Sql::new(system, text), |it| {
                    it.returned_rows = rows;
                    it.affected_rows = rows;
                    it.response_status = code;
                }))
            }
        ),
        (any_text(), number())
            .prop_map(|(name, size)| EntryKind::Template(with(Template::new(name), |it| it.size = size))),
        (any_text(), prop::option::of(any_text())).prop_map(|(operation, key)| {
            EntryKind::Cache(with(Cache::new("redis", operation), |it| it.key = key))
        }),
        (any_text(), any_text(), prop::option::of(any_text()), prop::option::of(any::<u16>())).prop_map(
            |(method, url, template, status)| {
                EntryKind::HttpCall(with(HttpCall::new(method, url), |it| {
                    it.template = template;
                    it.status = status;
                }))
            }
        ),
        any_text().prop_map(|name| EntryKind::Profile(Profile::new(name))),
    ]
}

fn any_source() -> impl Strategy<Value = Option<Callsite>> {
    prop::option::of((any_text(), prop::option::of(any_text()), prop::option::of(any::<u32>()))).prop_map(
        |source| {
            source.map(|(target, file, line)| {
                with(Callsite::new(target), |it| {
                    it.file = file.map(Into::into);
                    it.line = line;
                })
            })
        },
    )
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let times = (prop::option::of(any_duration()), any_duration(), prop::option::of(any_duration()));
    let more = (any_attributes(), any_source(), any_exception(), prop::option::of(any_text()));
    let flags = (any::<bool>(), any::<u8>(), any::<u32>());
    (any_id(), any_id(), any_text(), any_kind(), times, more, flags).prop_map(
        |(id, parent, name, kind, (start, duration, busy), (attributes, source, exception, error), flags)| {
            let mut entry = Entry::new(name, duration, kind);
            (entry.id, entry.parent, entry.start, entry.busy) = (id, parent, start, busy);
            (entry.attributes, entry.callsite, entry.ended) = (attributes, source, flags.0);
            entry.dropped_attributes = flags.2;
            entry.error = error.clone().map(Into::into);
            let details = entry.details_mut();
            details.exception = exception;
            details.ok = flags.1 % 5 == 0;
            details.parameters = (flags.1 % 3 == 0).then(|| {
                let value = error.unwrap_or_default();
                vec![Parameter::new("0", value)]
            });
            details.scope = (flags.1 % 7 == 0).then(|| InstrumentationScope::builder("api").build());
            details.links = vec![Link::with_context(SpanContext::NONE); usize::from(flags.1 % 2)];
            entry
        },
    )
}

fn any_log() -> impl Strategy<Value = Log> {
    let level =
        prop::sample::select(vec![Level::Trace, Level::Info, Level::Warn, Level::Error, Level::Fatal]);
    (any_id(), any_duration(), level, any_source(), any_text(), any_attributes()).prop_map(
        |(span, time, level, source, message, attributes)| {
            with(Log::new(level, message), |it| {
                it.span = span;
                it.time = time;
                it.callsite = source.unwrap_or_default();
                it.attributes = attributes;
            })
        },
    )
}

fn any_data() -> impl Strategy<Value = PanelData> {
    let request = (
        any_text(),
        any_text(),
        prop::option::of(any_text()),
        prop::option::of(any::<u16>()),
        any_exception(),
    );
    let request =
        (request, any_attributes()).prop_map(|((method, path, route, status, exception), attributes)| {
            with(Request::new(method, path), |it| {
                it.route = route;
                it.status = status;
                it.exception = exception;
                it.attributes = attributes;
            })
        });
    let times = (any_start(), any_duration(), prop::option::of(any_duration()), any::<bool>(), any::<bool>());
    (request, times, vec(any_entry(), 0..30), vec(any_log(), 0..10)).prop_map(
        |(request, (start, duration, busy, ended, measured), entries, logs)| {
            let context = SpanContext::new(
                TraceId::from(1),
                common::ROOT,
                TraceFlags::SAMPLED,
                false,
                TraceState::default(),
            );
            let mut timer = Timer::new(start, duration);
            (timer.busy, timer.ended) = (busy, ended);
            let mut data = PanelData::new(context, timer, request);
            (data.entries, data.logs) = (entries, logs);
            data.times = if measured { Times::Measured } else { Times::Reported };
            data
        },
    )
}

/// Thresholds by which nearly everything is a finding.
fn low() -> Thresholds {
    Thresholds::default()
        .with_n_plus_one(0)
        .with_slow_query(Duration::ZERO)
        .with_slow_span(Duration::ZERO)
        .with_many_queries(0)
        .with_long_wait(Duration::ZERO)
        .with_serial_calls(0, Duration::ZERO)
}

fn exceptions(data: &PanelData) -> usize {
    let of_entries = data.entries.iter().filter_map(|entry| entry.details.as_ref()?.exception.as_ref());
    of_entries.chain(&data.request.exception).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_data_converts_and_all_of_it_is_there(data in any_data()) {
        let converter = PanelDataConverter::default()
            .with_thresholds(low())
            .with_redactor(Redactor::common())
            .with_sql_parameters(true);
        let converted = converter.convert(&data);
        prop_assert_eq!(converted.spans.len() + converted.report.merged as usize, data.entries.len() + 1);
        let events = converted.spans.iter().map(|span| span.data.events.events.len()).sum::<usize>();
        // An exception that a log tells of, too, is one event.
        prop_assert!((data.logs.len()..=data.logs.len() + exceptions(&data)).contains(&events));
        prop_assert_eq!(converter.log_records(&data).len(), data.logs.len());
        let mut names = converted.spans.iter().flat_map(|span| &span.data.events.events);
        prop_assert!(names.all(|event| !event.name.is_empty()));

        let tree = Tree::of(&converted.spans);
        prop_assert_eq!(tree.times().len(), converted.spans.len());
        prop_assert_eq!((0..converted.spans.len()).filter(|span| tree.parent(*span).is_none()).count(), 1);
        prop_assert!(count_failures(&tree) <= converted.spans.len() + data.logs.len());
        tree.critical_path();
        tree.categories();
        for finding in &converted.findings {
            prop_assert!(finding.span_ids.len() <= 100 && !finding.sentence().is_empty());
        }
    }

    #[test]
    fn any_data_is_exported_within_the_limits(data in any_data(), count in 0_usize..4) {
        let limits = SpanLimits::default()
            .with_attributes(count)
            .with_events(count)
            .with_event_attributes(count)
            .with_value_length(count);
        let conventions = Conventions::default().with_http(Names::Old).with_database(Names::Both);
        let converter = PanelDataConverter::default().with_span_limits(limits).with_conventions(conventions);
        for span in converter.convert(&data).spans {
            span.display_name();
            prop_assert!(span.data.attributes.len() <= count);
            prop_assert!(span.data.events.events.len() <= count);
            span.into_exported(&conventions);
        }
    }
}
