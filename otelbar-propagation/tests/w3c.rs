//! The cases of the W3C's own harness for Trace Context, each as the headers that come in and what a service
//! has to pass on. (The harness itself runs against the example `w3c_service`.)

use http::{HeaderMap, HeaderName, HeaderValue};
use otelbar_propagation::{
    Propagators, SpanId, TraceContextLevel, extract_trace_context, inject_trace_context,
};

const VALID: &str = "00-12345678901234567890123456789012-1234567890123456-01";
const UNSAMPLED: &str = "00-12345678901234567890123456789012-1234567890123456-00";

fn headers(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

/// What a service with the span 1 passes on.
fn passed_on(fields: &[(&str, &str)]) -> HeaderMap {
    let received = headers(fields);
    let context = extract_trace_context(&received).context().with_parent_id(SpanId::from_u64(1).unwrap());
    let mut sent = HeaderMap::new();
    inject_trace_context(&context, &mut sent);
    sent
}

/// The trace goes on, with these flags.
#[track_caller]
fn continued(fields: &[(&str, &str)], flags: &str) {
    let expected = format!("00-12345678901234567890123456789012-0000000000000001-{flags}");
    assert_eq!(passed_on(fields)["traceparent"], expected, "{fields:?}");
}

/// A new trace has to be started: there is nothing to pass on, not even a `tracestate`.
#[track_caller]
fn restarted(fields: &[(&str, &str)]) {
    assert!(passed_on(fields).is_empty(), "{fields:?}");
}

/// The trace goes on, with this `tracestate`, or with none.
#[track_caller]
fn tracestate(lines: &[&str], expected: Option<&str>) {
    let fields: Vec<_> = [("traceparent", UNSAMPLED)]
        .into_iter()
        .chain(lines.iter().map(|line| ("tracestate", *line)))
        .collect();
    continued(&fields, "00");
    let sent = passed_on(&fields);
    assert_eq!(sent.get("tracestate").map(|value| value.to_str().unwrap()), expected, "{lines:?}");
    assert!(sent.get_all("tracestate").iter().count() <= 1);
}

/// `traceparent`: absent, once, twice, under other names, and with its name in upper and mixed case.
#[test]
fn traceparent_names() {
    restarted(&[]);
    continued(&[("traceparent", VALID)], "01");
    restarted(&[("traceparent", VALID), ("traceparent", VALID)]);
    restarted(&[("trace-parent", VALID)]);
    restarted(&[("trace.parent", VALID)]);
    for name in ["TraceParent", "TrAcEpArEnT", "TRACEPARENT"] {
        continued(&[(name, VALID)], "01");
    }
}

/// `traceparent`: its versions, and what each of them may have behind the flags.
#[test]
fn traceparent_versions() {
    let with = |from: usize, text: &str| format!("{}{text}", &VALID[..from]);
    let version = |version: &str, end: &str| format!("{version}{}{end}", &VALID[2..]);
    restarted(&[("traceparent", &with(55, "."))]);
    restarted(&[("traceparent", &with(55, "-what-the-future-will-be-like"))]);
    continued(&[("traceparent", &version("cc", ""))], "01");
    continued(&[("traceparent", &version("cc", "-what-the-future-will-be-like"))], "01");
    restarted(&[("traceparent", &version("cc", ".what-the-future-will-be-like"))]);
    for other in ["ff", ".0", "0.", "000", "0000", "0"] {
        restarted(&[("traceparent", &version(other, ""))]);
    }
}

/// `traceparent`: each field of zeros, with other characters, too long and too short.
#[test]
fn traceparent_fields() {
    let fields = |trace_id: &str, parent_id: &str, flags: &str| format!("00-{trace_id}-{parent_id}-{flags}");
    let (trace_id, parent_id) = (&VALID[3..35], &VALID[36..52]);
    for other in [
        &"0".repeat(32),
        &format!(".{}", &trace_id[1..]),
        &format!("{}.", &trace_id[..31]),
        &format!("{trace_id}3"),
        &trace_id[..31],
    ] {
        restarted(&[("traceparent", &fields(other, parent_id, "01"))]);
    }
    for other in [
        &"0".repeat(16),
        &format!(".{}", &parent_id[1..]),
        &format!("{}.", &parent_id[..15]),
        &format!("{parent_id}7"),
        &parent_id[..15],
    ] {
        restarted(&[("traceparent", &fields(trace_id, other, "01"))]);
    }
    for other in [".0", "0.", "001", "1"] {
        restarted(&[("traceparent", &fields(trace_id, parent_id, other))]);
    }
    for padded in [" {}", "\t{}", "{} ", "{}\t", "\t {} \t"] {
        continued(&[("traceparent", &padded.replace("{}", VALID))], "01");
    }
}

/// The random flag goes on at level 2, and not at level 1.
#[test]
fn random_flag() {
    let random = VALID.replace("-01", "-02");
    continued(&[("traceparent", &random)], "02");
    let received = headers(&[("traceparent", &random)]);
    let level_1 = Propagators::default().with_level(TraceContextLevel::One);
    assert_eq!(level_1.extract(&received).traceparent().unwrap().flags().to_bits(), 0);
}

/// `tracestate`: without a traceparent, under other names, with its name in upper and mixed case, empty, in several headers.
#[test]
fn tracestate_names_and_headers() {
    restarted(&[("tracestate", "foo=1,bar=2")]);
    for name in ["trace-state", "trace.state"] {
        assert!(!passed_on(&[("traceparent", VALID), (name, "foo=1")]).contains_key("tracestate"));
    }
    for name in ["TraceState", "TrAcEsTaTe", "TRACESTATE"] {
        assert_eq!(passed_on(&[("traceparent", VALID), (name, "foo=1")])["tracestate"], "foo=1");
    }
    tracestate(&["foo=1,bar=2"], Some("foo=1,bar=2"));
    tracestate(&[""], None);
    tracestate(&["foo=1", ""], Some("foo=1"));
    tracestate(&["", "foo=1"], Some("foo=1"));
    tracestate(&["foo=1,bar=2", "rojo=1,congo=2", "baz=3"], Some("foo=1,bar=2,rojo=1,congo=2,baz=3"));
}

/// `tracestate`: a key that comes twice is passed on once.
#[test]
fn tracestate_duplicates() {
    tracestate(&["foo=1,foo=1"], Some("foo=1"));
    tracestate(&["foo=1,foo=2"], Some("foo=1"));
    tracestate(&["foo=1", "foo=1"], Some("foo=1"));
    tracestate(&["foo=1", "foo=2"], Some("foo=1"));
}

/// `tracestate`: all characters that are allowed, white space around members, and what is not allowed.
#[test]
fn tracestate_characters() {
    let value: String = (' '..='~').filter(|character| !",=".contains(*character)).collect();
    for key in ["abcdefghijklmnopqrstuvwxyz0123456789_-*/", "abc0123456789_-*/@a-z0-9_-*/"] {
        let member = format!("{key}={value}");
        tracestate(&[&member], Some(&member));
    }
    tracestate(&["foo=1 \t , \t bar=2, \t baz=3"], Some("foo=1,bar=2,baz=3"));
    tracestate(&["foo=1\t \t,\t \tbar=2,\t \tbaz=3"], Some("foo=1,bar=2,baz=3"));
    for padded in [" foo=1", "\tfoo=1", "foo=1 ", "foo=1\t", "\t foo=1 \t"] {
        tracestate(&[padded], Some("foo=1"));
    }
    for refused in ["foo =1", "FOO=1", "foo.bar=1", "@foo=1,bar=2", "foo=bar=baz", "foo=,bar=3"] {
        tracestate(&[refused], None);
    }
    for allowed in ["foo@=1,bar=2", "foo@@bar=1,bar=2", "foo@bar@baz=1,bar=2"] {
        tracestate(&[allowed], Some(allowed));
    }
}

/// `tracestate`: the limits of members and keys.
#[test]
fn tracestate_limits() {
    let members: Vec<String> = (1..=33).map(|number| format!("bar{number:02}={number:02}")).collect();
    let lines: Vec<String> = members.chunks(10).map(|chunk| chunk.join(",")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    tracestate(&lines, None);
    tracestate(&[lines[0], lines[1], lines[2], "bar31=31,bar32=32"], Some(&members[..32].join(",")));

    let keys =
        ["z".repeat(256), format!("{}@{}", "t".repeat(241), "v".repeat(14)), format!("t@{}", "v".repeat(15))];
    for key in keys {
        let member = format!("{key}=1");
        tracestate(&["foo=1", &member], Some(&format!("foo=1,{member}")));
    }
    tracestate(&["foo=1", &format!("{}=1", "z".repeat(257))], None);
}
