//! What a client sends fills neither the memory nor the processor, and all that is kept is counted.

use std::convert::Infallible;

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use otelbar_config::Propagator;
use tower::{Layer, Service, service_fn};

use crate::common;

/// More than is kept of a request's headers, and of all that is made of them.
const MOST_KEPT: usize = 128 * 1024;

/// More than is allocated for a request in all, a measure of the work.
const MOST_MADE: u64 = 256 * 1024;

/// One request with these headers: the bytes that it left behind, and those that the store says it holds.
async fn kept(what: &str, headers: HeaderMap) -> (usize, usize) {
    let toolbar = common::toolbar_with(|config| {
        config.propagators([
            Propagator::TraceContext,
            Propagator::Baggage,
            Propagator::B3,
            Propagator::Jaeger,
            Propagator::XRay,
        ])
    });
    let answer = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
    let mut service = toolbar.layer().layer(answer);
    let mut request = common::get("/");
    *request.headers_mut() = headers;
    let mut request = Some(request);
    // It is answered at once, on this thread; what is kept of it goes to the store.
    let left = allocation_counter::measure(|| {
        let answer = service.call(request.take().unwrap());
        futures_util::FutureExt::now_or_never(answer).unwrap().unwrap();
    });
    assert!(left.bytes_total < MOST_MADE, "{what}: {} bytes are made", left.bytes_total);
    let said = common::api(&toolbar, "api/requests").await["store"]["bytes"].as_u64().unwrap();
    (usize::try_from(left.bytes_current.max(0)).unwrap(), usize::try_from(said).unwrap())
}

fn lines(name: &str, count: usize, value: impl Fn(usize) -> Vec<u8>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for index in 0..count {
        let name = HeaderName::from_bytes(name.replace('#', &index.to_string()).as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_bytes(&value(index)).unwrap());
    }
    headers
}

/// Floods of each header that is read: the memory is bounded, and the store's account of it is right.
#[tokio::test]
async fn floods_are_bounded_and_counted() {
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let with_parent = |mut headers: HeaderMap| {
        headers.insert("traceparent", HeaderValue::from_static(traceparent));
        headers
    };
    let members = |prefix: &str, value: usize| {
        let member = |n: usize| format!("{prefix}{n:02}={}", "v".repeat(value));
        (0..32).map(member).collect::<Vec<_>>().join(",").into_bytes()
    };
    let (empty, said_of_none) = kept("nothing", HeaderMap::new()).await;
    for (what, headers) in [
        ("bytes that are no text", lines("baggage", 92, |_| vec![0xff; 4200])),
        (
            "baggage that is valid",
            lines("baggage", 92, |n| format!("k{n}={}", "v".repeat(4200)).into_bytes()),
        ),
        ("baggage of many entries", lines("baggage", 92, |_| b"k=v,".repeat(1000))),
        ("baggage of secrets", lines("baggage", 92, |_| b"password=,".repeat(400))),
        ("baggage of invalid entries", lines("baggage", 92, |_| b"x,\xfc,a=\",".repeat(500))),
        ("the longest tracestate", with_parent(lines("tracestate", 1, |_| members("k", 256)))),
        ("tracestates", with_parent(lines("tracestate", 92, |_| members("k", 100)))),
        ("a tracestate of commas", with_parent(lines("tracestate", 92, |_| vec![b','; 4200]))),
        ("tracestates that are no text", with_parent(lines("tracestate", 92, |_| vec![0xff; 4200]))),
        ("traceparents", lines("traceparent", 92, |_| traceparent.as_bytes().to_vec())),
        ("traceparents that are no text", lines("traceparent", 92, |_| vec![0xff; 4200])),
        ("one long traceparent", lines("traceparent", 1, |_| vec![b'a'; 400_000])),
        ("b3", lines("b3", 92, |_| vec![b'a'; 4200])),
        ("one long b3", lines("b3", 1, |_| vec![b'a'; 400_000])),
        ("b3 in several headers", lines("x-b3-traceid", 92, |_| vec![b'a'; 4200])),
        ("uber-trace-id", lines("uber-trace-id", 92, |_| vec![b'1'; 4200])),
        ("uberctx", lines("uberctx-key#", 92, |_| vec![b'v'; 4200])),
        ("uberctx that is no text", lines("uberctx-key#", 92, |_| vec![0xff; 4200])),
        ("uberctx of one key", lines("uberctx-key", 92, |_| vec![b'v'; 4200])),
        ("X-Ray", lines("x-amzn-trace-id", 92, |_| b"Root=1;".repeat(600))),
        ("one long X-Ray", lines("x-amzn-trace-id", 1, |_| vec![b';'; 400_000])),
    ] {
        let (kept, said) = kept(what, headers).await;
        assert!(kept < MOST_KEPT, "{what}: {kept} bytes are kept");
        // Allocators and containers round up.
        let (kept, said) = (kept.saturating_sub(empty), said - said_of_none.min(said));
        assert!(kept <= said + said / 4 + 2048, "{what}: {kept} bytes more are kept, {said} are counted");
    }
}

/// The page is told what was left out.
#[tokio::test]
async fn what_is_left_out_is_told() {
    let request = crate::shown(&vec![("baggage", "x".repeat(4200).as_str()); 92]).await;
    let propagation = &request["propagation"];
    let headers = propagation["headers"].as_array().unwrap();
    let shown: usize = headers.iter().map(|header| header["value"].as_str().unwrap().len()).sum();
    assert!(shown <= 8200 && headers.len() == 2, "{shown}, {}", headers.len());
    let warnings = propagation["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(warnings[0].as_str().unwrap().starts_with("baggage: 3 entries were dropped"), "{warnings:?}");
    assert!(warnings[2].as_str().unwrap().contains("91 of them are not shown"), "{warnings:?}");
}
