//! A limit of size, in the words of those who have one.

use bytes::Bytes;
use http::header;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use otelbar_testkit::{Collector, Reply};

use crate::client::{call, framed, gzip, message, post};

/// A message that shrinks.
fn large() -> Vec<u8> {
    message(&[&"x".repeat(2000)])
}

#[tokio::test]
async fn grpc_counts_before_and_after_decompression() {
    let collector = Collector::start().unwrap();
    collector.limit_request_size(1000);
    let size = large().len();
    for (coding, body, words) in [
        (None, framed(&large(), false), format!("grpc: received message larger than max ({size} vs. 1000)")),
        (
            Some("gzip"),
            framed(&gzip(&large()), true),
            "grpc: received message after decompression larger than max 1000".to_owned(),
        ),
    ] {
        let answer = call(&collector, coding, body).await.unwrap();
        assert_eq!(
            (&answer.headers()["grpc-status"], &answer.headers()["grpc-message"]),
            (&"8".parse().unwrap(), &words.parse().unwrap())
        );
    }
    let answer = call(&collector, None, framed(&message(&["small"]), false)).await.unwrap();
    assert_eq!((&answer.headers()["grpc-status"], collector.spans().len()), (&"0".parse().unwrap(), 1));
}

#[tokio::test]
async fn http_answers_413() {
    let collector = Collector::start().unwrap();
    collector.limit_request_size(1000);
    assert_eq!(post(&collector.traces_endpoint(), large()).await.unwrap().status(), 413);
    let zipkin = format!("[{}]", " ".repeat(1000)).into_bytes();
    for (url, content_type, body, words) in [
        (
            collector.traces_endpoint(),
            "application/json",
            gzip(format!("{{{}}}", " ".repeat(1000)).as_bytes()),
            r#"{"code":8,"message":"http: request body too large"}"#,
        ),
        (collector.zipkin_endpoint(), "application/json", gzip(&zipkin), "413 Request Entity Too Large"),
    ] {
        let request = http::Request::post(url)
            .header(header::CONTENT_TYPE, content_type)
            .header(header::CONTENT_ENCODING, "gzip")
            .body(Full::from(body))
            .unwrap();
        let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let answer = client.request(request).await.unwrap();
        assert_eq!(answer.status(), 413);
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), words);
    }
    assert!(collector.requests().iter().all(|request| request.reply == Reply::Status(413)));
    assert_eq!(post(&collector.traces_endpoint(), message(&["small"])).await.unwrap().status(), 200);
}

#[tokio::test]
async fn what_is_larger_than_any_limit_is_in_the_log() {
    let collector = Collector::start().unwrap();
    let answer = post(&collector.traces_endpoint(), vec![0; (64 << 20) + 1]).await;
    // The rest of the body isn't waited for, so a client may find the connection closed instead.
    if let Ok(answer) = answer {
        assert_eq!(answer.status(), 413);
    }
    assert_eq!(collector.requests()[0].reply, Reply::Status(413));
}
