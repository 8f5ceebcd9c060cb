//! The comparison itself: a man in the middle changes what an exporter sends to a real backend, and the comparison has
//! to notice, whatever it is.

mod common;

use std::collections::BTreeSet;

use common::held::wait_for;
use common::{deliver_all, everything, http};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as ProtoSpan, Status};
use opentelemetry_sdk::trace::SpanData;
use otelbar_export::Destination;
use otelbar_integration::compare::{Difference, Form, Span, compare, lines};
use otelbar_integration::{Collector, Zipkin};
use otelbar_testkit::Interceptor;
use prost::Message;
use serde_json::{Value, json};

/// What is changed, and the field in which it is to be noticed.
type Change<T> = (&'static str, fn(&mut T));

fn root(message: &mut ExportTraceServiceRequest) -> &mut ProtoSpan {
    &mut message.resource_spans[0].scope_spans[0].spans[0]
}

fn of_resource(message: &mut ExportTraceServiceRequest) -> &mut ResourceSpans {
    &mut message.resource_spans[0]
}

fn of_scope(message: &mut ExportTraceServiceRequest) -> &mut ScopeSpans {
    &mut message.resource_spans[0].scope_spans[0]
}

fn scope(message: &mut ExportTraceServiceRequest) -> &mut InstrumentationScope {
    of_scope(message).scope.as_mut().unwrap()
}

fn event(message: &mut ExportTraceServiceRequest) -> &mut Event {
    &mut root(message).events[0]
}

fn link(message: &mut ExportTraceServiceRequest) -> &mut Link {
    &mut root(message).links[0]
}

fn status(message: &mut ExportTraceServiceRequest) -> &mut Status {
    let mut spans = of_resource(message).scope_spans.iter_mut().flat_map(|of_scope| &mut of_scope.spans);
    spans.find_map(|span| span.status.as_mut().filter(|status| !status.message.is_empty())).unwrap()
}

fn attribute<'a>(attributes: &'a mut [KeyValue], key: &str) -> &'a mut Any {
    let found = attributes.iter_mut().find(|attribute| attribute.key == key).unwrap();
    found.value.as_mut().unwrap().value.as_mut().unwrap()
}

fn list(values: Vec<Any>) -> Any {
    Any::ArrayValue(ArrayValue {
        values: values.into_iter().map(|it| AnyValue { value: Some(it) }).collect(),
    })
}

/// A change of each field of OTLP. A field that no row names is found by the test.
const OTLP: &[Change<ExportTraceServiceRequest>] = &[
    ("parentSpanId", |message| root(message).parent_span_id[0] ^= 1),
    ("name", |message| root(message).name.push('x')),
    ("kind", |message| root(message).kind = 3),
    ("start", |message| root(message).start_time_unix_nano += 1),
    ("duration", |message| root(message).end_time_unix_nano -= 1),
    ("traceState", |message| root(message).trace_state = "vendor=a1b2".to_owned()),
    ("flags", |message| root(message).flags ^= 0x200),
    ("attributes.*", |message| {
        *attribute(&mut root(message).attributes, "text") = Any::StringValue(String::new())
    }),
    ("droppedAttributesCount", |message| root(message).dropped_attributes_count += 1),
    ("events[].name", |message| event(message).name.clear()),
    ("events[].time", |message| event(message).time_unix_nano -= 1),
    ("events[].attributes.*", |message| drop(event(message).attributes.pop())),
    ("events[].droppedAttributesCount", |message| event(message).dropped_attributes_count = 0),
    ("droppedEventsCount", |message| root(message).dropped_events_count = 0),
    ("links[].traceId", |message| link(message).trace_id[15] ^= 1),
    ("links[].spanId", |message| link(message).span_id[7] ^= 1),
    ("links[].traceState", |message| link(message).trace_state.clear()),
    ("links[].flags", |message| link(message).flags ^= 1),
    ("links[].attributes.*", |message| link(message).attributes[0].key.push('x')),
    ("links[].droppedAttributesCount", |message| link(message).dropped_attributes_count = 0),
    ("droppedLinksCount", |message| root(message).dropped_links_count += 1),
    ("status.code", |message| status(message).code = 1),
    ("status.message", |message| status(message).message.clear()),
    ("scope.name", |message| scope(message).name.push('x')),
    ("scope.version", |message| scope(message).version.clear()),
    ("scope.schemaUrl", |message| of_scope(message).schema_url.clear()),
    ("scope.attributes.*", |message| scope(message).attributes.clear()),
    ("resource.schemaUrl", |message| of_resource(message).schema_url.clear()),
    ("resource.attributes.*", |message| {
        drop(of_resource(message).resource.as_mut().unwrap().attributes.pop())
    }),
    // The values of attributes: each type, and types that look alike.
    ("attributes.*", |message| {
        *attribute(&mut root(message).attributes, "text.empty") = Any::BoolValue(false)
    }),
    ("attributes.*", |message| {
        *attribute(&mut root(message).attributes, "bool.true") = Any::StringValue("true".to_owned());
    }),
    ("attributes.*", |message| *attribute(&mut root(message).attributes, "int") = Any::DoubleValue(42.0)),
    ("attributes.*", |message| {
        *attribute(&mut root(message).attributes, "int.max") = Any::IntValue(i64::MAX - 1)
    }),
    ("attributes.*", |message| *attribute(&mut root(message).attributes, "double.whole") = Any::IntValue(3)),
    ("attributes.*", |message| {
        *attribute(&mut root(message).attributes, "double.negative.zero") = Any::DoubleValue(0.0)
    }),
    ("attributes.*", |message| {
        *attribute(&mut root(message).attributes, "double.least") = Any::DoubleValue(0.0)
    }),
    ("attributes.*", |message| {
        *attribute(&mut root(message).attributes, "list.int") = list(vec![Any::IntValue(0)])
    }),
    ("attributes.*", |message| {
        *attribute(&mut root(message).attributes, "list.bool") =
            list(vec![Any::BoolValue(false), Any::BoolValue(true)]);
    }),
    ("attributes.*", |message| {
        *attribute(&mut root(message).attributes, "list.empty") = Any::StringValue("[]".to_owned())
    }),
    // The order of what has one.
    ("events[].name", |message| root(message).events.reverse()),
    ("links[].spanId", |message| root(message).links.reverse()),
    ("events[].name", |message| drop(root(message).events.pop())),
    ("links[].spanId", |message| drop(root(message).links.pop())),
];

/// A change of each field of Zipkin.
const ZIPKIN: &[Change<Value>] = &[
    ("parentSpanId", |spans| spans[0]["parentId"] = json!("00000000000000ff")),
    ("name", |spans| spans[0]["name"] = json!("x")),
    ("kind", |spans| spans[0]["kind"] = json!("CLIENT")),
    ("start", |spans| spans[0]["timestamp"] = json!(spans[0]["timestamp"].as_u64().unwrap() + 1)),
    ("duration", |spans| spans[0]["duration"] = json!(1)),
    ("attributes.*", |spans| spans[0]["tags"]["text"] = json!("x")),
    ("droppedAttributesCount", |spans| spans[0]["tags"]["otel.dropped_attributes_count"] = json!("7")),
    ("droppedEventsCount", |spans| spans[0]["tags"]["otel.dropped_events_count"] = json!("7")),
    ("droppedLinksCount", |spans| spans[0]["tags"]["otel.dropped_links_count"] = json!("7")),
    ("events[].name", |spans| spans[0]["annotations"][0]["value"] = json!("x")),
    ("events[].time", |spans| spans[0]["annotations"][0]["timestamp"] = json!(1)),
    ("status.code", |spans| spans[1]["tags"]["otel.status_code"] = json!("OK")),
    ("status.message", |spans| spans[1]["tags"]["error"] = json!("x")),
    ("scope.name", |spans| spans[0]["tags"]["otel.scope.name"] = json!("x")),
    ("scope.version", |spans| spans[0]["tags"]["otel.scope.version"] = json!("x")),
    ("resource.attributes.*", |spans| spans[0]["localEndpoint"]["serviceName"] = json!("x")),
    ("remoteEndpoint", |spans| spans[1]["remoteEndpoint"]["port"] = json!(1)),
    ("the answer's end", |spans| {
        spans[0]["annotations"] = json!([]);
        spans[0]["tags"]["text.unicode"] = json!("x");
    }),
];

/// The path of a field without the keys and numbers in it.
fn kind_of_field(path: &str) -> String {
    let path =
        path.split_once("attributes.").map_or(path.to_owned(), |(before, _)| format!("{before}attributes.*"));
    let Some((before, rest)) = path.split_once('[') else { return path };
    format!("{before}[]{}", rest.split_once(']').unwrap().1)
}

/// The kinds of fields in which there are differences.
fn changed(differences: &[Difference]) -> BTreeSet<String> {
    let fields = differences.iter().filter_map(|difference| match difference {
        Difference::Field { field, .. } => Some(kind_of_field(field)),
        _ => None,
    });
    fields.collect()
}

/// A trace that has been sent through a man in the middle.
struct Sent {
    trace_id: String,
    expected: Vec<Span>,
}

impl Sent {
    #[track_caller]
    fn send(form: Form, destination: impl Into<Destination>, spans: Vec<SpanData>) -> Self {
        let service = everything::service();
        let sent: Vec<Span> = spans.iter().map(|data| Span::sent(&service, data)).collect();
        let statistics = deliver_all(destination, &service, spans);
        assert_eq!(statistics.spans.accepted, sent.len() as u64, "{statistics:?}");
        Self { trace_id: sent[0].trace_id.clone(), expected: form.expected(&sent) }
    }

    /// A field for each kind that there is.
    fn kinds_of_fields(&self) -> BTreeSet<String> {
        self.expected
            .iter()
            .flat_map(|span| span.fields().into_keys())
            .map(|path| kind_of_field(&path))
            .collect()
    }
}

/// Protects the comparison against blindness for a field, a span that is dropped, and one that is repeated.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn each_change_on_the_way_to_the_collector_is_noticed() {
    const FORM: Form = Form::CollectorFile;
    let collector = Collector::shared().unwrap();
    let interceptor = Interceptor::start(&collector.otlp_http).unwrap();
    let send = |change: fn(&mut ExportTraceServiceRequest)| {
        interceptor.change_traces(move |message| {
            let mut message = ExportTraceServiceRequest::decode(message).unwrap();
            change(&mut message);
            message.encode_to_vec()
        });
        Sent::send(FORM, http(&interceptor.endpoint()), everything::trace())
    };
    let sent: Vec<_> = OTLP.iter().map(|(field, change)| (*field, send(*change))).collect();
    let dropped = send(|message| drop(of_scope(message).spans.remove(0)));
    let repeated = send(|message| {
        let again = root(message).clone();
        of_scope(message).spans.push(again);
    });
    let renamed = send(|message| root(message).span_id[0] ^= 1);
    let strayed = send(|message| root(message).trace_id[0] ^= 1);
    let unchanged = send(|_| {});
    assert_eq!(interceptor.changed(), OTLP.len() + 5);

    let differences = |sent: &Sent, spans: usize| {
        compare(&sent.expected, &wait_for(&*collector, FORM, &sent.trace_id, spans))
    };
    let all = unchanged.expected.len();
    assert_eq!(lines(&differences(&unchanged, all)), "", "without a change there is no difference");
    for (field, sent) in &sent {
        let differences = differences(sent, all);
        assert!(changed(&differences).contains(*field), "{field}:{}", lines(&differences));
    }
    let count = |differences: &[Difference], is: fn(&Difference) -> bool| {
        (differences.iter().filter(|it| is(it)).count(), differences.len())
    };
    let missing = |it: &Difference| matches!(it, Difference::Missing { .. });
    assert_eq!(count(&differences(&dropped, all - 1), missing), (1, 1));
    assert_eq!(count(&differences(&strayed, all - 1), missing), (1, 1));
    assert_eq!(count(&differences(&renamed, all), missing), (1, 2));
    let unexpected = |it: &Difference| matches!(it, Difference::Unexpected { .. });
    assert_eq!(count(&differences(&renamed, all), unexpected), (1, 2));
    let twice = |it: &Difference| matches!(it, Difference::Repeated { times: 2, .. });
    assert_eq!(count(&differences(&repeated, all + 1), twice), (1, 1));

    let mut fields = unchanged.kinds_of_fields();
    fields.retain(|field| field != "traceId" && field != "spanId");
    assert_eq!(fields, OTLP.iter().map(|(field, _)| (*field).to_owned()).collect(), "each field has a row");
}

/// Protects the same for Zipkin's form, whose reader is another.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn each_change_on_the_way_to_zipkin_is_noticed() {
    const FORM: Form = Form::Zipkin;
    let zipkin = Zipkin::shared().unwrap();
    let interceptor = Interceptor::start(&zipkin.url).unwrap();
    let send = |change: fn(&mut Value)| {
        interceptor.change_zipkin(change);
        let destination = Destination::zipkin(interceptor.zipkin_endpoint());
        Sent::send(FORM, destination, everything::trace())
    };
    let sent: Vec<_> = ZIPKIN.iter().map(|(field, change)| (*field, send(*change))).collect();
    let dropped = send(|spans| drop(spans.as_array_mut().unwrap().pop()));
    let unchanged = send(|_| {});
    assert_eq!(interceptor.changed(), ZIPKIN.len() + 2);

    let differences =
        |sent: &Sent, spans: usize| compare(&sent.expected, &wait_for(&*zipkin, FORM, &sent.trace_id, spans));
    let all = unchanged.expected.len();
    assert_eq!(lines(&differences(&unchanged, all)), "", "without a change there is no difference");
    for (field, sent) in &sent {
        let differences = differences(sent, all);
        assert!(changed(&differences).contains(*field), "{field}:{}", lines(&differences));
    }
    let missing = differences(&dropped, all - 1);
    assert!(matches!(missing[..], [Difference::Missing { .. }]), "{}", lines(&missing));

    let mut fields = unchanged.kinds_of_fields();
    fields.retain(|field| field != "traceId" && field != "spanId");
    assert_eq!(fields, ZIPKIN.iter().map(|(field, _)| (*field).to_owned()).collect(), "each field has a row");
}
