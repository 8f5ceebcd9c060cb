//! What a service behind the toolbar passes on: a hop by the rules of W3C Trace Context, level 2, case by case.

use http::HeaderMap;

use crate::{call_through, common};

const TRACE: &str = "12345678901234567890123456789012";
const PARENT: &str = "1234567890123456";
const VALID: &str = "00-12345678901234567890123456789012-1234567890123456-01";
const UNSAMPLED: &str = "00-12345678901234567890123456789012-1234567890123456-00";

type Fields<'f> = &'f [(&'static str, &'f str)];

async fn hop(fields: Fields<'_>) -> HeaderMap {
    let sent = call_through(&common::quiet_toolbar(), fields).await;
    for name in ["traceparent", "tracestate"] {
        assert!(sent.get_all(name).iter().count() <= 1, "{fields:?}: {sent:?}");
    }
    sent
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

/// The trace goes on from a span of its own, with these flags and this `tracestate`.
async fn continued(fields: Fields<'_>, flags: &str, tracestate: Option<&str>) {
    let sent = hop(fields).await;
    let traceparent = text(&sent, "traceparent").unwrap();
    let parts: Vec<&str> = traceparent.split('-').collect();
    assert_eq!((parts[0], parts[1], parts[3]), ("00", TRACE, flags), "{fields:?}");
    assert_ne!(parts[2], PARENT, "{fields:?}");
    assert_eq!(text(&sent, "tracestate"), tracestate, "{fields:?}");
}

/// Another trace begins, and no `tracestate` is taken into it.
async fn restarted(fields: Fields<'_>) {
    let sent = hop(fields).await;
    assert!(!text(&sent, "traceparent").unwrap().contains(TRACE), "{fields:?}");
    assert_eq!(text(&sent, "tracestate"), None, "{fields:?}");
}

/// Section 3.2: the header `traceparent`.
#[tokio::test]
async fn traceparent() {
    restarted(&[]).await;
    restarted(&[("traceparent", VALID), ("traceparent", VALID)]).await;
    restarted(&[("traceparent", VALID), ("traceparent", UNSAMPLED)]).await;
    restarted(&[("trace-parent", VALID)]).await;
    restarted(&[("trace.parent", VALID)]).await;
    for (flags, kept) in [("00", "00"), ("01", "01"), ("02", "02"), ("03", "03"), ("ff", "03"), ("80", "00")]
    {
        continued(&[("traceparent", &format!("00-{TRACE}-{PARENT}-{flags}"))], kept, None).await;
    }
    for blank in [" ", "\t", " \t "] {
        continued(&[("traceparent", &format!("{blank}{VALID}{blank}"))], "01", None).await;
    }
}

/// Section 3.2.1 and 4.3: versions.
#[tokio::test]
async fn versions() {
    let rest = &VALID[2..];
    continued(&[("traceparent", &format!("cc{rest}"))], "01", None).await;
    continued(&[("traceparent", &format!("cc{rest}-what-the-future-will-be-like"))], "01", None).await;
    continued(&[("traceparent", &format!("01{rest}-"))], "01", None).await;
    for refused in [
        format!("cc{rest}.what-the-future-will-be-like"),
        format!("00{rest}-what-the-future-will-be-like"),
        format!("00{rest}."),
        format!("00{rest}-"),
        format!("ff{rest}"),
        format!(".0{rest}"),
        format!("0.{rest}"),
        format!("0{rest}"),
        format!("000{rest}"),
    ] {
        restarted(&[("traceparent", &refused)]).await;
    }
}

/// Section 3.2.2: each field with other characters, of zeros, too short and too long.
#[tokio::test]
async fn fields() {
    let check = async |trace: &str, parent: &str, flags: &str| {
        restarted(&[("traceparent", &format!("00-{trace}-{parent}-{flags}"))]).await;
    };
    for trace in [&"0".repeat(32), &format!(".{}", &TRACE[1..]), &format!("{}.", &TRACE[1..])] {
        check(trace, PARENT, "01").await;
    }
    for trace in [&TRACE[1..], &format!("{TRACE}3"), &"A".repeat(32), ""] {
        check(trace, PARENT, "01").await;
    }
    for parent in [&"0".repeat(16), &format!(".{}", &PARENT[1..]), &format!("{}.", &PARENT[1..])] {
        check(TRACE, parent, "01").await;
    }
    for parent in [&PARENT[1..], &format!("{PARENT}7"), &"A".repeat(16), ""] {
        check(TRACE, parent, "01").await;
    }
    for flags in [".0", "0.", "001", "1", "0A", ""] {
        check(TRACE, PARENT, flags).await;
    }
}

/// Section 3.3: the header `tracestate`, alone and in several lines.
#[tokio::test]
async fn tracestate() {
    restarted(&[("tracestate", "foo=1")]).await;
    restarted(&[("traceparent", "00-0-0-0"), ("tracestate", "foo=1")]).await;
    let parent = ("traceparent", UNSAMPLED);
    continued(&[parent, ("trace-state", "foo=1")], "00", None).await;
    let members = |from: u32, to: u32| {
        (from..=to).map(|number| format!("bar{number:02}={number:02}")).collect::<Vec<_>>().join(",")
    };
    let (first, second) = (members(1, 10), members(11, 32));
    let all = format!("{first},{second}");
    let over = members(11, 33);
    for (lines, expected) in [
        (&["foo=1,bar=2"][..], Some("foo=1,bar=2")),
        (&["foo=1,bar=2", "rojo=1,congo=2", "baz=3"], Some("foo=1,bar=2,rojo=1,congo=2,baz=3")),
        (&[""], None),
        (&["", "foo=1"], Some("foo=1")),
        (&["foo=1", ""], Some("foo=1")),
        (&["foo=1,,bar=2"], Some("foo=1,bar=2")),
        (&["foo=1 \t , \t bar=2, \t baz=3"], Some("foo=1,bar=2,baz=3")),
        (&["foo=1\t \t,\t \tbar=2,\t \tbaz=3"], Some("foo=1,bar=2,baz=3")),
        (&[" foo=1\t"], Some("foo=1")),
        (&["foo=1,foo=1"], Some("foo=1")),
        (&["foo=1,bar=2,foo=3"], Some("foo=1,bar=2")),
        (&["foo=1", "foo=2"], Some("foo=1")),
        (&[&*first, &*second], Some(&*all)),
        (&[&*first, &*over], None),
    ] {
        let lines = lines.iter().map(|line| ("tracestate", *line));
        let fields: Vec<_> = [parent].into_iter().chain(lines).collect();
        continued(&fields, "00", expected).await;
    }
}

/// Section 3.3.1.3: keys and values, among them keys that level 1 and the `opentelemetry` crate do not know.
#[tokio::test]
async fn members() {
    let parent = ("traceparent", VALID);
    let value: String = (' '..='~').filter(|character| !",=".contains(*character)).collect();
    for allowed in [
        "foo=1",
        "0=1",
        "0foo=1",
        "foo@=1,bar=2",
        "0a@@b=1,c=2",
        "foo@bar@baz=1,bar=2",
        "foo@0bar=1",
        &format!("abcdefghijklmnopqrstuvwxyz0123456789_-*/={value}"),
        &format!("abc@a-z0-9_-*/={value}"),
        &format!("{}=1", "z".repeat(256)),
        &format!("{}@{}=1", "t".repeat(241), "v".repeat(14)),
        &format!("t@{}=1", "v".repeat(15)),
        &format!("{}@v=1", "t".repeat(242)),
        &format!("foo={}", "v".repeat(256)),
    ] {
        continued(&[parent, ("tracestate", allowed)], "01", Some(allowed)).await;
    }
    for refused in [
        "foo",
        "foo=",
        "=1",
        "foo =1",
        "FOO=1",
        "foo.bar=1",
        "@foo=1,bar=2",
        "foo=bar=baz",
        "foo=,bar=3",
        "foo=\u{fc}",
        &format!("foo=1,{}=1", "z".repeat(257)),
        &format!("foo={}", "v".repeat(257)),
    ] {
        continued(&[parent, ("tracestate", refused)], "01", None).await;
    }
}

/// The backend gets the `tracestate` that the next service gets.
#[tokio::test]
async fn the_tracestate_is_exported_as_it_came() {
    let collector = otelbar_testkit::Collector::start().unwrap();
    let toolbar = common::toolbar(&collector);
    let fields = [("traceparent", VALID), ("tracestate", "0a@@b=1"), ("tracestate", "vendor=2")];
    call_through(&toolbar, &fields).await;
    common::settle(&toolbar).await;
    let states: Vec<String> = collector.spans().iter().map(|span| span.trace_state().to_owned()).collect();
    assert_eq!(states, ["0a@@b=1,vendor=2"; 3]);
}
