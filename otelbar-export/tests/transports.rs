//! The same spans over each protocol, with each compression.

mod common;

use std::time::{Duration, UNIX_EPOCH};

use opentelemetry::trace::{Event, Link, SpanKind, Status};
use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use otelbar_export::{Compression, Delivery, Destination, Protocol, TraceBatch};
use otelbar_testkit::{Collector, ReceivedSpan, Reply};

use common::{PATIENCE, at_once, compressions, otlp_by, protocols, start, statistics_of, to_by, trace};

/// Spans with something in every field.
fn rich() -> Vec<SpanData> {
    let mut spans = trace(1, 3);
    let context = spans[0].span_context.clone();
    for span in &mut spans {
        span.span_kind = SpanKind::Server;
        span.parent_span_is_remote = true;
        span.start_time = UNIX_EPOCH + Duration::from_nanos(1_700_000_000_123_456_789);
        span.attributes = vec![
            KeyValue::new("text", "a \"quoted\" line\nwith \u{1} and ü and 🦀"),
            KeyValue::new("empty", ""),
            KeyValue::new("integer", i64::MIN),
            KeyValue::new("double", 0.1),
            KeyValue::new("whole", 2.0),
            KeyValue::new("infinite", f64::NEG_INFINITY),
            KeyValue::new("yes", true),
            KeyValue::new("list", Value::Array(Array::I64(vec![1, -2]))),
            KeyValue::new("nothing", Value::Array(Array::String(Vec::new()))),
        ];
        span.dropped_attributes_count = 1;
        let attributes = vec![KeyValue::new("exception.type", "io")];
        span.events.events = vec![Event::new("exception", span.start_time, attributes.clone(), 2)];
        span.events.dropped_count = 3;
        span.links.links = vec![Link::new(context.clone(), attributes, 4)];
        span.links.dropped_count = 5;
        span.status = Status::error("broke");
        span.instrumentation_scope = InstrumentationScope::builder("scope")
            .with_version("1.2")
            .with_schema_url("https://opentelemetry.io/schemas/1.42.0")
            .with_attributes([KeyValue::new("scope.key", 1)])
            .build();
    }
    spans[1].instrumentation_scope = InstrumentationScope::builder("other").build();
    spans[2].status = Status::Ok;
    spans
}

fn batch() -> TraceBatch {
    let resource = Resource::builder_empty().with_service_name("shop").with_attribute(KeyValue::new("n", 1));
    TraceBatch::new(1, resource.build(), rich())
}

/// Sends them, and gives what arrived with the headers and the body's size.
fn sent(protocol: Protocol, compression: Compression) -> (Vec<ReceivedSpan>, http::HeaderMap, usize) {
    let collector = Collector::start().unwrap();
    let destination = otlp_by(protocol, &collector).with_compression(compression);
    let (pipeline, _) = start(at_once(destination.with_header("x-key", "secret")));
    pipeline.enqueue(batch()).unwrap();
    pipeline.flush(PATIENCE).unwrap();
    let requests = collector.requests();
    let expected = if protocol == Protocol::Grpc { Reply::Grpc(0) } else { Reply::Status(200) };
    assert_eq!(requests[0].reply, expected, "{protocol}, {compression}");
    assert_eq!(requests[0].headers["x-key"], "secret");
    (collector.spans(), requests[0].headers.clone(), requests[0].body.len())
}

#[test]
fn the_same_spans_arrive_whatever_the_way() {
    let (expected, ..) = sent(Protocol::HttpProtobuf, Compression::None);
    assert_eq!(expected.len(), 3);
    for protocol in protocols() {
        let (_, _, plain) = sent(protocol, Compression::None);
        for compression in compressions() {
            let (spans, headers, size) = sent(protocol, compression);
            assert_eq!(spans, expected, "{protocol}, {compression}");
            let (content_type, coding) = match protocol {
                Protocol::Grpc => ("application/grpc", "grpc-encoding"),
                Protocol::HttpJson => ("application/json", "content-encoding"),
                _ => ("application/x-protobuf", "content-encoding"),
            };
            assert_eq!(headers["content-type"], content_type);
            if compression == Compression::None {
                assert!(!headers.contains_key(coding));
            } else {
                assert_eq!(headers[coding], compression.to_string().as_str());
                assert!(size < plain, "{protocol}, {compression}: {size} of {plain}");
            }
            if protocol == Protocol::Grpc {
                assert_eq!(
                    (&headers["te"], &headers["grpc-timeout"]),
                    (&"trailers".parse().unwrap(), &"30000000u".parse().unwrap())
                );
            }
        }
    }
}

#[test]
fn a_batch_that_is_too_large_is_split_whatever_the_way() {
    for protocol in protocols() {
        let collector = Collector::start().unwrap();
        let (pipeline, _) = start(at_once(otlp_by(protocol, &collector).with_max_request_size(4000)));
        for key in 0..10 {
            pipeline.enqueue(common::batch(key, 5)).unwrap();
        }
        pipeline.flush(PATIENCE).unwrap();
        assert_eq!(collector.spans().len(), 50, "{protocol}");
        let requests = collector.requests();
        assert!(requests.iter().all(|request| request.body.len() <= 4000 + 5), "{requests:?}");
        assert_eq!(statistics_of(&pipeline).spans.accepted, 50);
    }
}

#[test]
fn a_connection_is_kept_between_requests() {
    for protocol in protocols() {
        let collector = Collector::start().unwrap();
        let (pipeline, _) = start(to_by(protocol, &collector));
        for key in 0..20 {
            pipeline.enqueue(common::batch(key, 1)).unwrap();
            pipeline.flush(PATIENCE).unwrap();
        }
        assert_eq!(collector.connections(), 1, "{protocol}");
    }
}

#[test]
fn after_a_timeout_the_next_attempt_has_a_new_connection() {
    for protocol in protocols() {
        let collector = Collector::start().unwrap();
        collector.respond_with([otelbar_testkit::Fault::Hang]);
        let hasty = otlp_by(protocol, &collector).with_timeout(Duration::from_millis(300));
        let (pipeline, _) = start(at_once(hasty));
        pipeline.enqueue(common::batch(1, 1)).unwrap();
        pipeline.flush(PATIENCE).unwrap();
        // More where the machine is too slow for the second attempt.
        assert!(collector.connections() >= 2, "{protocol}");
    }
}

/// The port is open, but its queue of connections is full: the system answers no further one.
#[cfg(target_os = "linux")]
#[test]
fn a_host_that_does_not_answer_is_left_before_the_timeout_so_that_others_have_their_turn() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let _inside = runtime.enter();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((std::net::Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let wait = Duration::from_millis(250);
    let mut waiting = Vec::new();
    while let Ok(connection) = std::net::TcpStream::connect_timeout(&address, wait) {
        waiting.push(connection);
    }
    let silent = Destination::otlp(format!("http://{address}/v1/traces")).with_timeout(4 * wait);
    let (pipeline, receipts) = start(at_once(silent));
    pipeline.enqueue(common::batch(1, 1)).unwrap();
    let retrying = receipts.wait_for(|receipt| matches!(receipt.delivery, Delivery::Retrying { .. }));
    assert!(retrying.delivery.to_string().contains("the host does not answer"), "{}", retrying.delivery);
    let _ = pipeline.shutdown(Duration::ZERO);
}

#[test]
fn what_is_not_in_the_build_is_named() {
    let at = |protocol| at_once(Destination::otlp("http://127.0.0.1:4317").with_protocol(protocol));
    for (there, protocol) in
        [(cfg!(feature = "grpc"), Protocol::Grpc), (cfg!(feature = "json"), Protocol::HttpJson)]
    {
        match at(protocol).build() {
            Ok(_) => assert!(there, "{protocol}"),
            Err(error) => assert!(!there && error.to_string().contains("enable the feature"), "{error}"),
        }
    }
}
