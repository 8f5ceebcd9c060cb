//! Logs become records of their own for pipelines that take them apart from spans.

mod common;

use common::*;
use opentelemetry::logs::{AnyValue, Logger, LoggerProvider, Severity};
use opentelemetry::trace::SpanId;
use opentelemetry::{Array, Key, KeyValue, StringValue, Value};
use opentelemetry_sdk::logs::{InMemoryLogExporter, SdkLoggerProvider};
use otelbar_convert::PanelDataConverter;
use otelbar_convert::panel_data::{Callsite, Level, PanelData};
use otelbar_convert::redact::Redactor;

fn logged() -> PanelData {
    let mut data = data(get("/"));
    let id = SpanId::from(7);
    data.entries.push(with(at(entry("work", 0), 0, 50), |it| it.id = Some(id)));
    let source = Callsite::new("shop").with_place("src/shop.rs", 87);
    let attributes = vec![
        KeyValue::new("exception.type", "Lost"),
        KeyValue::new("password", "hunter2"),
        KeyValue::new("many", Value::Array(Array::I64(vec![1, 2]))),
        KeyValue::new("texts", Value::Array(Array::String(vec![StringValue::from("a")]))),
        KeyValue::new("flags", Value::Array(Array::Bool(vec![true]))),
        KeyValue::new("numbers", Value::Array(Array::F64(vec![0.5]))),
        KeyValue::new("flag", true),
        KeyValue::new("half", 0.5),
        KeyValue::new("one", 1),
    ];
    data.logs.push(with(log("lost", Some(id), Level::Error), |it| {
        it.time = ms(20);
        it.callsite = source;
        it.attributes = attributes;
    }));
    for level in [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Fatal] {
        data.logs.push(log("said", Some(SpanId::from(99)), level));
    }
    data
}

#[test]
fn a_log_is_a_record_of_the_span_it_was_logged_in() {
    let data = logged();
    let converter = PanelDataConverter::default().with_redactor(Redactor::new(["password"], [""; 0]));
    let records = converter.log_records(&data);
    let spans = converter.convert(&data).spans;

    assert_eq!(records.len(), 6);
    assert_eq!(records[0].span_context, spans[1].data.span_context);
    assert_eq!(records[0].timestamp, spans[1].data.events.events[0].timestamp);
    assert_eq!(
        (records[0].event_name, &*records[0].target, &*records[0].body),
        (Some("exception"), "shop", "lost")
    );
    let find =
        |key: &str| records[0].attributes.iter().find(|a| a.key.as_str() == key).map(|a| a.value.to_string());
    assert_eq!(find("password").as_deref(), Some("REDACTED"));
    assert_eq!(find("code.line.number").as_deref(), Some("87"));
    assert_eq!(records[1].span_context, spans[0].data.span_context, "the request has what no span has");
    assert_eq!(records[1].event_name, None);
}

#[test]
fn a_record_is_written_into_one_of_the_sdk() {
    let exporter = InMemoryLogExporter::default();
    let provider = SdkLoggerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let logger = provider.logger("test");
    for record in PanelDataConverter::default().log_records(&logged()) {
        let mut written = logger.create_log_record();
        record.write_to(&mut written);
        logger.emit(written);
    }
    let logs = exporter.get_emitted_logs().unwrap();
    let first = &logs[0].record;
    assert_eq!(first.body(), Some(&AnyValue::from("lost")));
    assert_eq!(first.event_name(), Some("exception"));
    assert_eq!(first.target().map(|target| &**target), Some("shop"));
    assert_eq!(first.trace_context().unwrap().span_id, SpanId::from(7));
    let has = |key: &'static str, value: AnyValue| {
        first.attributes_iter().any(|(k, v)| *k == Key::from_static_str(key) && *v == value)
    };
    let list = |values: Vec<AnyValue>| AnyValue::ListAny(Box::new(values));
    assert!(
        has("one", AnyValue::Int(1))
            && has("half", AnyValue::Double(0.5))
            && has("flag", AnyValue::Boolean(true))
    );
    assert!(has("many", list(vec![AnyValue::Int(1), AnyValue::Int(2)])));
    assert!(has("texts", list(vec![AnyValue::from("a")])));
    assert!(
        has("flags", list(vec![AnyValue::Boolean(true)]))
            && has("numbers", list(vec![AnyValue::Double(0.5)]))
    );
    let severities: Vec<_> = logs.iter().map(|log| log.record.severity_number().unwrap()).collect();
    let expected =
        [Severity::Error, Severity::Trace, Severity::Debug, Severity::Info, Severity::Warn, Severity::Fatal];
    assert_eq!(severities, expected);
    let levels = [Level::Error, Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Fatal];
    assert_eq!(
        levels.map(Level::severity_number),
        severities.iter().map(|s| *s as u8).collect::<Vec<_>>()[..]
    );
    let texts: Vec<_> = logs.iter().map(|log| log.record.severity_text().unwrap()).collect();
    assert_eq!(texts, ["ERROR", "TRACE", "DEBUG", "INFO", "WARN", "FATAL"]);
}
