//! OTLP over HTTP and gRPC.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use otelbar_testkit::{Collector, Fault, Reply, assert_tree};
use prost::Message;

use crate::client::{PATIENCE, call, framed, gzip, message, post};

#[tokio::test]
async fn what_is_sent_is_decoded_and_kept() {
    let collector = Collector::start().unwrap();
    let response = post(&collector.traces_endpoint(), message(&["one", "two"])).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(ExportTraceServiceResponse::decode(response.into_body()).unwrap().partial_success, None);

    let spans = collector.wait_for_async(|spans| spans.len() == 2, PATIENCE).await.unwrap();
    assert_tree(&spans, "one [internal] {http.route=/cart}\ntwo [internal] {http.route=/cart}");
    assert_eq!(spans[0].service_name(), "shop");
    assert_eq!(spans[0].trace_id(), "07".repeat(16));
    assert_eq!(spans[1].span_id(), "02".repeat(8));
    assert_eq!(spans[1].parent_span_id(), None);
    let requests = collector.requests();
    assert_eq!((requests[0].spans, requests[0].reply), (2, Reply::Status(200)));
    assert_eq!(requests[0].headers["x-key"], "secret");
}

#[tokio::test]
async fn grpc_is_spoken_on_the_same_port() {
    let collector = Collector::start().unwrap();
    let plain = message(&["one"]);
    let zstd = zstd::encode_all(&*plain, 0).unwrap();
    for (coding, body) in [
        (None, framed(&plain, false)),
        (Some("gzip"), framed(&gzip(&plain), true)),
        (Some("zstd"), framed(&zstd, true)),
    ] {
        let answer = call(&collector, coding, body).await.unwrap();
        assert_eq!(
            (answer.status(), &answer.headers()["grpc-status"]),
            (StatusCode::OK, &"0".parse().unwrap())
        );
        assert_eq!(answer.into_body(), framed(b"", false));
    }
    let spans = collector.spans();
    assert!(spans.len() == 3 && spans.iter().all(|span| span.name() == "one"), "{spans:?}");
    assert!(collector.requests().iter().all(|request| request.reply == Reply::Grpc(0)));
}

#[tokio::test]
async fn grpc_goes_wrong_as_told() {
    let collector = Collector::start().unwrap();
    collector.respond_with([
        Fault::grpc(14),
        Fault::grpc(8).retry_info(Duration::from_millis(1500)).trailers_only(),
        Fault::partial_success(1, "too old"),
        Fault::Body(3),
        Fault::status(503),
        Fault::ResetStream,
    ]);
    let send = || call(&collector, None, framed(&message(&["a", "b"]), false));

    let unavailable = send().await.unwrap();
    assert_eq!(unavailable.headers()["grpc-status"], "14");
    assert_eq!(unavailable.headers()["grpc-message"], "told to answer 14");
    assert!(!unavailable.headers().contains_key("grpc-status-details-bin"));
    let exhausted = send().await.unwrap();
    assert_eq!(exhausted.headers()["grpc-status"], "8");
    assert!(exhausted.headers().contains_key("grpc-status-details-bin"));
    assert!(collector.spans().is_empty(), "what was refused must not count as received");

    let partial = send().await.unwrap().into_body();
    let partial = ExportTraceServiceResponse::decode(&partial[5..]).unwrap().partial_success.unwrap();
    assert_eq!((partial.rejected_spans, partial.error_message.as_str()), (1, "too old"));
    assert_eq!(send().await.unwrap().into_body(), framed(b"~~~", false));
    let proxy = send().await.unwrap();
    assert_eq!((proxy.status().as_u16(), proxy.headers().get("grpc-status")), (503, None));
    assert!(send().await.is_err());
    assert_eq!(collector.requests()[5].reply, Reply::Broken);
    assert_eq!(collector.spans().len(), 3);
    // Over HTTP the same status is told as the nearest there is.
    collector.respond_with([Fault::grpc(8).retry_info(Duration::from_secs(7))]);
    let exhausted = post(&collector.traces_endpoint(), message(&["a"])).await.unwrap();
    assert_eq!(
        (exhausted.status().as_u16(), &exhausted.headers()["retry-after"]),
        (429, &"7".parse().unwrap())
    );
}

#[tokio::test]
async fn grpc_that_is_wrong_is_refused() {
    let collector = Collector::start().unwrap();
    let plain = message(&["one"]);
    for (coding, body, code) in [
        (None, framed(b"\xff\xff\xff", false), "3"),
        (None, plain.clone(), "13"),
        (None, framed(&plain, true), "13"),
        (Some("gzip"), framed(&plain, true), "3"),
        (Some("br"), framed(&plain, true), "12"),
    ] {
        let answer = call(&collector, coding, body).await.unwrap();
        assert_eq!(answer.headers()["grpc-status"], code);
    }
    assert!(collector.spans().is_empty());
}

#[tokio::test]
async fn json_is_answered_in_json() {
    let collector = Collector::start().unwrap();
    collector.respond_with([Fault::Accept, Fault::partial_success(1, "too old"), Fault::status(400)]);
    let send = |body: &'static str| {
        let request = Request::post(collector.traces_endpoint())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from_static(body.as_bytes())))
            .unwrap();
        async move {
            let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
            let (head, body) = client.request(request).await.unwrap().into_parts();
            assert_eq!(head.headers[header::CONTENT_TYPE], "application/json");
            (head.status.as_u16(), body.collect().await.unwrap().to_bytes())
        }
    };
    let one = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"one"}]}]}]}"#;
    assert_eq!(send(one).await, (200, "{}".into()));
    let partial = r#"{"partialSuccess":{"errorMessage":"too old","rejectedSpans":"1"}}"#;
    assert_eq!(send(one).await, (200, partial.into()));
    assert_eq!(send(one).await, (400, r#"{"code":0,"message":"told to answer 400"}"#.into()));
    let (status, words) = send(r#"{"resourceSpans":7}"#).await;
    assert_eq!((status, &words[..]), (400, &br#"{"code":3,"message":"resourceSpans cannot be 7"}"#[..]));
    assert_tree(collector.spans(), "one [internal]");
}

#[tokio::test]
async fn faults_are_made_in_their_order_and_then_all_is_well() {
    let collector = Collector::start().unwrap();
    collector.respond_with([
        Fault::status(503).retry_after("7"),
        Fault::Accept,
        Fault::partial_success(1, "too old"),
        Fault::Body(3),
        Fault::Redirect("/elsewhere".to_owned()),
    ]);
    let url = collector.traces_endpoint();

    let unavailable = post(&url, message(&["a"])).await.unwrap();
    assert_eq!(
        (unavailable.status().as_u16(), &unavailable.headers()["retry-after"]),
        (503, &"7".parse().unwrap())
    );
    assert!(collector.spans().is_empty(), "what was refused must not count as received");

    assert_eq!(post(&url, message(&["b"])).await.unwrap().status(), StatusCode::OK);

    let partial = post(&url, message(&["c", "d"])).await.unwrap().into_body();
    let partial = ExportTraceServiceResponse::decode(partial).unwrap().partial_success.unwrap();
    assert_eq!((partial.rejected_spans, partial.error_message.as_str()), (1, "too old"));

    assert_eq!(post(&url, message(&["e"])).await.unwrap().into_body(), "~~~");
    assert_eq!(post(&url, message(&["f"])).await.unwrap().headers()["location"], "/elsewhere");
    assert_eq!(post(&url, message(&["g"])).await.unwrap().status(), StatusCode::OK);
    let names: Vec<String> = collector.spans().iter().map(|span| span.name().to_owned()).collect();
    assert_eq!(names, ["b", "c", "e", "g"]);
}

#[tokio::test]
async fn a_connection_breaks_as_told() {
    for fault in [Fault::Reset, Fault::Garbage] {
        let collector = Collector::start().unwrap();
        collector.respond_with([fault.clone()]);
        let broken = post(&collector.traces_endpoint(), message(&["a"])).await;
        assert!(broken.is_err(), "{fault:?}: {broken:?}");
        assert_eq!(collector.requests()[0].reply, Reply::Broken);
        assert!(collector.spans().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_request_hangs_until_it_is_released_or_given_up() {
    let collector = Collector::start().unwrap();
    collector.respond_with([Fault::Hang, Fault::Hang]);
    let send = |name: &'static str| {
        let url = collector.traces_endpoint();
        tokio::spawn(async move { post(&url, message(&[name])).await })
    };
    let abandoned = send("a");
    collector.wait_for_requests(|requests| requests.len() == 1, PATIENCE).unwrap();
    abandoned.abort();
    collector.wait_for_requests(|requests| requests[0].reply == Reply::Abandoned, PATIENCE).unwrap();

    let released = send("b");
    collector.wait_for_requests(|requests| requests.len() == 2, PATIENCE).unwrap();
    collector.release();
    assert_eq!(released.await.unwrap().unwrap().status(), StatusCode::OK);
    assert_eq!(collector.spans().len(), 1);
}

#[tokio::test]
async fn what_collectors_refuse_is_refused() {
    let collector = Collector::start().unwrap();
    #[track_caller]
    fn check(response: &Response<Bytes>, status: u16) {
        assert_eq!(response.status().as_u16(), status);
    }
    check(&post(&format!("{}/v1/logs", collector.endpoint()), message(&["a"])).await.unwrap(), 404);
    check(&post(&collector.traces_endpoint(), b"\xff\xff\xff".to_vec()).await.unwrap(), 400);
    assert!(collector.spans().is_empty());
}

#[tokio::test]
async fn it_stops_and_comes_back_on_the_same_port() {
    let collector = Collector::start().unwrap();
    let url = collector.traces_endpoint();
    collector.stop();
    let refused = post(&url, message(&["a"])).await.unwrap_err();
    assert!(refused.downcast::<legacy::Error>().unwrap().is_connect());
    collector.restart().unwrap();
    assert_eq!(collector.traces_endpoint(), url);
    assert_eq!(post(&url, message(&["b"])).await.unwrap().status(), StatusCode::OK);
    assert_eq!(collector.spans().len(), 1);
}

#[tokio::test]
async fn a_wait_in_vain_tells_what_did_arrive() {
    let collector = Collector::start().unwrap();
    post(&collector.traces_endpoint(), message(&["one"])).await.unwrap();
    let missing = collector.wait_for(|spans| spans.len() == 2, Duration::ZERO).unwrap_err().to_string();
    assert!(missing.contains("POST /v1/traces with 1 spans: 200"), "{missing}");
    assert!(missing.contains("one [internal] {http.route=/cart}"), "{missing}");
}
