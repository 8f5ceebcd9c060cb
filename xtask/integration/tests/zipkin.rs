//! What Zipkin holds, as its API tells it.

use otelbar_integration::{Zipkin, eventually};

/// Protects the set-up: Zipkin takes a span and gives it back.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn a_span_comes_back() {
    let zipkin = Zipkin::shared().unwrap();
    let spans = serde_json::json!([{
        "traceId": "0af7651916cd43dd8448eb211c80319c", "id": "b7ad6b7169203331", "name": "get /cart",
        "kind": "SERVER", "timestamp": 1_700_000_000_000_000_u64, "duration": 5_000,
        "localEndpoint": {"serviceName": "shop"},
    }]);
    let answer = ureq::post(format!("{}/api/v2/spans", zipkin.url)).send_json(&spans).unwrap();
    assert_eq!(answer.status().as_u16(), 202);
    let stored = eventually(|| {
        let url = format!("{}/api/v2/trace/0af7651916cd43dd8448eb211c80319c", zipkin.url);
        ureq::get(url).call().ok()?.into_body().read_json::<serde_json::Value>().ok()
    });
    assert_eq!(stored, Some(spans));
}

#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn a_killed_zipkin_comes_back_at_its_address() {
    let mut zipkin = Zipkin::alone().unwrap();
    let answers = |zipkin: &Zipkin| ureq::get(format!("{}/health", zipkin.url)).call().is_ok();
    assert!(answers(&zipkin));
    zipkin.kill().unwrap();
    assert!(!answers(&zipkin));
    zipkin.start().unwrap();
    assert!(answers(&zipkin));
}
