//! The document of the JSON API shows what the API answers: the same fields, at each level.

mod common;

use std::collections::BTreeSet;

use axum::{Router, routing};
use otelbar_testkit::{Collector, Fault};
use serde_json::Value;

/// The examples in the document, in their order.
fn examples() -> Option<Vec<Value>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/json-api.md");
    let Ok(document) = std::fs::read_to_string(path) else {
        println!("left out: outside of the repository there is no document");
        return None;
    };
    let blocks = document.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    Some(blocks.map(|block| serde_json::from_str(block).unwrap()).collect())
}

/// Asserts that both have the same fields, as deep as both go.
#[track_caller]
fn assert_same_fields(documented: &Value, answered: &Value, at: &str) {
    match (documented, answered) {
        // Told elsewhere in the document.
        (Value::Object(documented), _) if documented.contains_key("…") => {}
        (Value::Object(documented), Value::Object(answered)) => {
            let names = |object: &serde_json::Map<_, _>| object.keys().cloned().collect::<BTreeSet<String>>();
            assert_eq!(names(documented), names(answered), "the fields of {at}");
            for (name, value) in documented {
                assert_same_fields(value, &answered[name], &format!("{at}.{name}"));
            }
        }
        (Value::Array(documented), Value::Array(answered)) => {
            if let (Some(documented), Some(answered)) = (documented.first(), answered.first()) {
                assert_same_fields(documented, answered, &format!("{at}[]"));
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn the_examples_have_the_fields_that_the_api_answers_with() {
    let Some(examples) = examples() else { return };
    let [list, detail, bar] = &examples[..] else { panic!("an example for each of the three calls") };
    let collector = Collector::start().unwrap();
    // So that there is an error to show.
    collector.respond_with([Fault::status(400)]);
    let toolbar = common::toolbar(&collector);
    let handler = async || {
        for _ in 0..20 {
            tracing::debug!(target: "sqlx::query", summary = "SELECT a FROM b", db.statement = "", elapsed_secs = 0.0);
        }
        tracing::info!("cart loaded");
    };
    let app = Router::new().route("/products/{id}", routing::get(handler)).layer(toolbar.layer());
    let mut request = common::get("/products/3?page=2");
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    request.headers_mut().insert("traceparent", traceparent.parse().unwrap());
    common::call(app, request).await;

    let answered = common::api(&toolbar, "api/requests").await;
    assert_same_fields(list, &answered, "the list");
    assert!(answered["exporter"]["destinations"][0]["last_error"].is_object(), "compared as well");
    let answered = common::the_request(&toolbar).await;
    for compared in ["deliveries", "links", "spans", "findings"] {
        assert!(answered[compared][0].is_object(), "{compared}");
    }
    assert_same_fields(detail, &answered, "the request");
    let id = answered["request"]["id"].as_str().unwrap();
    let answered = common::api(&toolbar, &format!("api/bar/{id}")).await;
    assert_same_fields(bar, &answered, "the bar");
    assert!(answered.to_string().len() < 700, "it is short: {answered}");
}
