//! From Zipkin v2 JSON to spans.

use std::collections::BTreeMap;
use std::fmt::Display;

use opentelemetry::trace::SpanKind;
use serde_json::Value;

use super::{ReceivedZipkinSpan, ZipkinAnnotation, ZipkinEndpoint};
use crate::collector::object::{Object, Result};

/// Reads a body of `POST /api/v2/spans`. It refuses what Zipkin 3 refuses, and beyond that what Zipkin takes and
/// then changes or loses without a word, since that is the sender's mistake as well.
pub(in crate::collector) fn decode(body: &[u8]) -> Result<Vec<ReceivedZipkinSpan>> {
    match body.first() {
        None => return Ok(Vec::new()),
        // Zipkin tells its formats apart by the first byte.
        Some(b'[') => {}
        Some(_) => return Err("Expected a JSON_V2 encoded list".to_owned()),
    }
    let spans: Vec<Value> = serde_json::from_slice(body).map_err(in_words_of_zipkin)?;
    let read = |value| Object::of(value, "a span").and_then(|object| span(object));
    spans.iter().map(read).collect::<Result<_>>().map_err(in_words_of_zipkin)
}

fn in_words_of_zipkin(words: impl Display) -> String {
    format!("{words} reading List<Span> from json")
}

fn span(object: Object<'_>) -> Result<ReceivedZipkinSpan> {
    let mut unknown = BTreeMap::new();
    remember(&mut unknown, object, "", &SPAN_FIELDS);
    Ok(ReceivedZipkinSpan {
        trace_id: id(object, "traceId", &[16, 32])?.ok_or("Missing : traceId")?,
        id: id(object, "id", &[16])?.ok_or("Missing : id")?,
        parent_id: id(object, "parentId", &[16])?,
        name: text(object, "name")?,
        kind: kind(object)?,
        timestamp: object.read("timestamp", micros)?,
        duration: object.read("duration", micros)?.map(at_least_one).transpose()?,
        local_endpoint: endpoint(object, "localEndpoint", &mut unknown)?,
        remote_endpoint: endpoint(object, "remoteEndpoint", &mut unknown)?,
        annotations: object.list("annotations", |annotation| {
            remember(&mut unknown, annotation, "annotations.", &["timestamp", "value"]);
            let incomplete = "Incomplete annotation";
            Ok(ZipkinAnnotation {
                timestamp: annotation.read("timestamp", micros)?.ok_or(incomplete)?,
                value: text(annotation, "value")?.ok_or(incomplete)?,
            })
        })?,
        tags: object.object("tags", tags)?.unwrap_or_default(),
        shared: object.read("shared", Value::as_bool)?.unwrap_or_default(),
        debug: object.read("debug", Value::as_bool)?.unwrap_or_default(),
        unknown,
        request: 0,
    })
}

const SPAN_FIELDS: [&str; 13] = [
    "traceId",
    "id",
    "parentId",
    "name",
    "kind",
    "timestamp",
    "duration",
    "localEndpoint",
    "remoteEndpoint",
    "annotations",
    "tags",
    "shared",
    "debug",
];

fn remember(unknown: &mut BTreeMap<String, Value>, object: Object<'_>, prefix: &str, known: &[&str]) {
    unknown.extend(object.others(known).map(|(name, value)| (format!("{prefix}{name}"), value.clone())));
}

fn id(object: Object<'_>, name: &str, lengths: &[usize]) -> Result<Option<String>> {
    let Some(id) = text(object, name)? else { return Ok(None) };
    let longest = lengths.iter().max().copied().unwrap_or_default();
    if id.is_empty() {
        Err(format!("{name} is empty"))
    } else if id.len() > longest {
        Err(format!("{name}.length > {longest}"))
    } else if !id.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        Err(format!("{id} should be lower-hex encoded with no prefix"))
    } else if id.bytes().all(|digit| digit == b'0') {
        Err(format!("{name} is all zeros"))
    } else if !lengths.contains(&id.len()) {
        Err(format!("{name} has {} digits, which Zipkin would fill up with zeros: {id}", id.len()))
    } else {
        Ok(Some(id))
    }
}

fn text(object: Object<'_>, name: &str) -> Result<Option<String>> {
    object.read(name, |value| value.as_str().map(ToOwned::to_owned))
}

fn kind(object: Object<'_>) -> Result<Option<SpanKind>> {
    let Some(kind) = text(object, "kind")? else { return Ok(None) };
    match kind.as_str() {
        "CLIENT" => Ok(Some(SpanKind::Client)),
        "SERVER" => Ok(Some(SpanKind::Server)),
        "PRODUCER" => Ok(Some(SpanKind::Producer)),
        "CONSUMER" => Ok(Some(SpanKind::Consumer)),
        _ => Err(format!("No enum constant zipkin2.Span.Kind.{kind}")),
    }
}

/// Microseconds are a signed 64-bit integer in Zipkin.
fn micros(value: &Value) -> Option<u64> {
    value.as_u64().filter(|micros| i64::try_from(*micros).is_ok())
}

fn at_least_one(micros: u64) -> Result<u64> {
    if micros == 0 { Err("duration is 0, which Zipkin reads as none".to_owned()) } else { Ok(micros) }
}

fn endpoint(
    object: Object<'_>,
    name: &str,
    unknown: &mut BTreeMap<String, Value>,
) -> Result<Option<ZipkinEndpoint>> {
    object.object(name, |endpoint| {
        remember(unknown, endpoint, &format!("{name}."), &["serviceName", "ipv4", "ipv6", "port"]);
        let port = endpoint.read("port", Value::as_i64)?;
        Ok(ZipkinEndpoint {
            service_name: text(endpoint, "serviceName")?,
            ipv4: endpoint.read("ipv4", |value| value.as_str()?.parse().ok())?,
            ipv6: endpoint.read("ipv6", |value| value.as_str()?.parse().ok())?,
            port: port.map(|port| port.try_into().map_err(|_| format!("invalid port {port}"))).transpose()?,
        })
    })
}

fn tags(object: Object<'_>) -> Result<BTreeMap<String, String>> {
    let read = |(key, value): (&String, &Value)| match value {
        Value::String(value) => Ok((key.clone(), value.clone())),
        Value::Null => Err(format!("No value at tags.{key}")),
        value => Err(format!("tags.{key} cannot be {value}")),
    };
    object.others(&[]).map(read).collect()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn list(fields: &str) -> String {
        format!(r#"[{{"traceId":"000000000000000a","id":"000000000000000b"{fields}}}]"#)
    }

    #[test]
    fn a_span_is_read_with_all_its_fields() {
        let text = list(
            r#","parentId":"000000000000000c","name":"GET","kind":"CLIENT","timestamp":7,"duration":9,
            "localEndpoint":{"serviceName":"Shop","ipv4":"127.0.0.1","zone":1},
            "remoteEndpoint":{"ipv6":"::1","port":65535},
            "annotations":[{"timestamp":8,"value":"sent"}],"tags":{"b":"2","a":""},"shared":true,"debug":true,
            "new":[{}]"#,
        );
        let span = decode(text.as_bytes()).unwrap().remove(0);
        let local = ZipkinEndpoint {
            service_name: Some("Shop".to_owned()),
            ipv4: Some(Ipv4Addr::LOCALHOST),
            ..ZipkinEndpoint::default()
        };
        let remote = ZipkinEndpoint {
            ipv6: Some(Ipv6Addr::LOCALHOST),
            port: Some(65535),
            ..ZipkinEndpoint::default()
        };
        let expected = ReceivedZipkinSpan {
            trace_id: "000000000000000a".to_owned(),
            id: "000000000000000b".to_owned(),
            parent_id: Some("000000000000000c".to_owned()),
            name: Some("GET".to_owned()),
            kind: Some(SpanKind::Client),
            timestamp: Some(7),
            duration: Some(9),
            local_endpoint: Some(local),
            remote_endpoint: Some(remote),
            annotations: vec![ZipkinAnnotation { timestamp: 8, value: "sent".to_owned() }],
            tags: [("a", ""), ("b", "2")].map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            shared: true,
            debug: true,
            unknown: [
                ("localEndpoint.zone".to_owned(), serde_json::json!(1)),
                ("new".to_owned(), serde_json::json!([{}])),
            ]
            .into(),
            request: 0,
        };
        assert_eq!(span, expected);
    }

    #[test]
    fn what_is_absent_or_null_or_empty_is_none() {
        #[track_caller]
        fn check(body: &str, spans: usize) {
            let read = decode(body.as_bytes()).unwrap();
            assert_eq!(read.len(), spans);
            for span in read {
                assert_eq!((span.parent_id, span.kind, span.duration), (None, None, None));
                assert!(span.tags.is_empty() && !span.shared && !span.debug);
            }
        }
        check("", 0);
        check("[]", 0);
        check(&list(""), 1);
        check(&list(r#","parentId":null,"kind":null,"duration":null,"tags":null,"shared":null"#), 1);
    }

    /// These rows were put to a Zipkin 3.6.1: it refuses them, in these words but for the place it adds.
    #[test]
    fn what_zipkin_refuses_is_refused_in_its_words() {
        #[track_caller]
        fn check(body: &str, expected: &str) {
            let words = decode(body.as_bytes()).unwrap_err();
            assert!(words.starts_with(expected), "{words}");
        }
        check("{}", "Expected a JSON_V2 encoded list");
        check(" []", "Expected a JSON_V2 encoded list");
        check(r#"[{"id":"000000000000000b"}]"#, "Missing : traceId");
        check(r#"[{"traceId":"000000000000000a"}]"#, "Missing : id");
        check(r#"[{"traceId":""}]"#, "traceId is empty");
        check(r#"[{"traceId":"000000000000000000000000000000001"}]"#, "traceId.length > 32");
        check(r#"[{"traceId":"0000000000000000"}]"#, "traceId is all zeros");
        check(r#"[{"traceId":"00000000000000AB"}]"#, "00000000000000AB should be lower-hex encoded");
        check(r#"[{"traceId":"000000000000000a","id":"0000000000000000b"}]"#, "id.length > 16");
        check(r#"[{"traceId":"000000000000000a","id":"0x"}]"#, "0x should be lower-hex encoded");
        check(&list(r#","parentId":"""#), "parentId is empty");
        check(&list(r#","kind":"INTERNAL""#), "No enum constant zipkin2.Span.Kind.INTERNAL");
        check(&list(r#","kind":"client""#), "No enum constant zipkin2.Span.Kind.client");
        check(&list(r#","localEndpoint":{"port":70000}"#), "invalid port 70000");
        check(&list(r#","annotations":[{"value":"x"}]"#), "Incomplete annotation");
        check(&list(r#","annotations":[{"timestamp":1}]"#), "Incomplete annotation");
        check(&list(r#","tags":{"a":null}"#), "No value at tags.a");
    }

    #[test]
    fn what_zipkin_refuses_or_loses_is_refused_by_name() {
        #[track_caller]
        fn check(fields: &str, expected: &str) {
            let words = decode(list(fields).as_bytes()).unwrap_err();
            assert_eq!(words, format!("{expected} reading List<Span> from json"));
        }
        check(r#","timestamp":7.5"#, "timestamp cannot be 7.5");
        check(r#","timestamp":"7""#, r#"timestamp cannot be "7""#);
        check(r#","timestamp":9223372036854775808"#, "timestamp cannot be 9223372036854775808");
        check(r#","duration":-1"#, "duration cannot be -1");
        check(r#","duration":0"#, "duration is 0, which Zipkin reads as none");
        check(r#","parentId":"b""#, "parentId has 1 digits, which Zipkin would fill up with zeros: b");
        check(r#","parentId":"0000000000000000""#, "parentId is all zeros");
        check(r#","localEndpoint":7"#, "localEndpoint is no object: 7");
        check(r#","localEndpoint":{"ipv4":"::1"}"#, r#"ipv4 cannot be "::1""#);
        check(r#","localEndpoint":{"port":-1}"#, "invalid port -1");
        check(r#","annotations":{}"#, "annotations cannot be {}");
        check(r#","tags":[]"#, "tags is no object: []");
        check(r#","tags":{"a":7}"#, "tags.a cannot be 7");
        check(r#","shared":"true""#, r#"shared cannot be "true""#);
    }
}
