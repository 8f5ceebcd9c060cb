//! What Zipkin holds, as its API tells it.

mod common;

use common::{deliver, span, trace_id};
use otelbar_export::ExporterOptions;
use otelbar_integration::{Zipkin, eventually};

/// Protects the set-up: Zipkin takes a span and gives it back.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn a_span_comes_back() {
    let zipkin = Zipkin::shared().unwrap();
    let span = span("get /cart");
    let trace_id = trace_id(&span);
    assert!(deliver(ExporterOptions::zipkin(&format!("{}/api/v2/spans", zipkin.url)).unwrap(), span));
    let stored = eventually(|| {
        let url = format!("{}/api/v2/trace/{trace_id}", zipkin.url);
        ureq::get(url).call().ok()?.into_body().read_json::<serde_json::Value>().ok()
    });
    assert_eq!(stored.unwrap()[0]["name"], "get /cart", "{trace_id}");
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
