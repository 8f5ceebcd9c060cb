//! What the page shows and what the backend received are the same spans.

mod common;

use std::time::SystemTime;

use axum::{Router, routing};
use otelbar_config::OptInAttributes;
use otelbar_testkit::{Collector, ReceivedSpan};
use serde_json::{Value, json};
use tracing::{Instrument, info, info_span, warn};

#[tokio::test]
async fn the_collector_has_exactly_the_spans_that_the_api_shows() {
    // Without the attributes that the conventions leave out unless they are asked for, and with them.
    for opt_in in [OptInAttributes::NONE, OptInAttributes::ALL] {
        check(opt_in).await;
    }
}

async fn check(opt_in: OptInAttributes) {
    let collector = Collector::start().unwrap();
    let toolbar = common::toolbar_with(|config| {
        common::exporting_to(&collector, config).opt_in_attributes(opt_in.clone())
    });
    let handler = async || {
        info!(items = 3, price = 1.5, ready = true, name = "ünï", "cart loaded");
        let html = otelbar_panel::template("cart.html", || "<p>cart</p>".to_owned());
        async { warn!(big = u64::MAX, "deep") }.instrument(info_span!("inner", otel.kind = "producer")).await;
        html
    };
    let router = Router::new().route("/cart/{id}", routing::get(handler)).layer(toolbar.layer());
    for id in 0..20 {
        common::call(router.clone(), common::get(&format!("/cart/{id}?page={id}"))).await;
    }

    let requests = common::requests(&toolbar).await;
    let spans = requests.iter().flat_map(|request| request["spans"].as_array().unwrap());
    let mut shown: Vec<Value> = spans.map(|span| shown_form(span, &opt_in)).collect();
    assert!(requests[0].to_string().contains("http.response.body.size"), "the page has it in any case");
    let mut received: Vec<Value> = collector.spans().iter().map(received_form).collect();
    assert_eq!(shown.len(), 60);
    let key = |span: &Value| span["span_id"].to_string();
    shown.sort_by_key(key);
    received.sort_by_key(key);
    assert_eq!(shown, received);
    assert!(requests.iter().all(|request| request["request"]["export"]["state"] == "accepted"));
    assert!(requests.iter().all(|request| request["links"][0]["ready"] == true));
}

/// The fields in which the two are compared, from the JSON API.
fn shown_form(span: &Value, opt_in: &OptInAttributes) -> Value {
    let start: u64 = span["start_unix_ns"].as_str().unwrap().parse().unwrap();
    let attributes = |of: &Value| -> Value {
        let rows = of["attributes"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        rows.filter(|row| {
            row["key"] != "http.response.body.size" || opt_in.contains("http.response.body.size")
        })
        .map(|row| (row["key"].as_str().unwrap().to_owned(), text(&row["value"])))
        .collect::<Vec<_>>()
        .into_iter()
        .collect::<std::collections::BTreeMap<_, _>>()
        .into_iter()
        .map(|(k, v)| json!([k, v]))
        .collect()
    };
    json!({
        "span_id": span["span_id"],
        "parent": span["parent_span_id"],
        "name": span["name"],
        "kind": span["kind"],
        "service": span["service"],
        "start": start,
        "end": start + span["duration_ns"].as_u64().unwrap(),
        "attributes": attributes(span),
        "events": span["events"].as_array().unwrap().iter().map(|event| json!({
            "name": event["name"],
            "time": event["time_unix_ns"].as_str().unwrap().parse::<u64>().unwrap(),
        })).collect::<Vec<_>>(),
    })
}

/// The same, from what came over the wire.
fn received_form(received: &ReceivedSpan) -> Value {
    let nanos = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    json!({
        "span_id": received.span_id(),
        "parent": received.parent_span_id(),
        "name": received.name(),
        "kind": format!("{:?}", received.kind()).to_lowercase(),
        "service": received.service_name(),
        "start": nanos(received.start()),
        "end": nanos(received.end()),
        "attributes": received.attributes().into_iter().map(|(key, value)| json!([key, value])).collect::<Vec<_>>(),
        "events": received.events().map(|event| json!({
            "name": event.name,
            "time": nanos(event.time),
        })).collect::<Vec<_>>(),
    })
}
