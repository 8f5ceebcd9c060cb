//! What trusted proxies say of a request.

use std::convert::Infallible;

use axum::body::Body;
use http::{Request, Response};
use serde_json::Value;
use tower::{Layer, service_fn};

use crate::common;

/// The attributes of a request that comes from this machine, with these headers; `trusted` are the proxies.
async fn attributes(trusted: Option<&str>, headers: &[(&'static str, &str)]) -> [Value; 5] {
    let toolbar = common::toolbar_with(|config| match trusted {
        Some(trusted) => config.trusted_proxies(trusted.parse::<otelbar_config::IpNetworks>().unwrap()),
        None => config,
    });
    let service = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
    let mut request = common::get("/");
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    common::call(toolbar.layer().layer(service), request).await;
    let request = common::the_request(&toolbar).await;
    ["client.address", "network.peer.address", "url.scheme", "server.address", "server.port"]
        .map(|key| common::attribute(&request["spans"][0], key).cloned().unwrap_or_default())
}

#[tokio::test]
async fn headers_of_trusted_proxies_are_believed() {
    let standard = ("forwarded", "for=\"[2001:db8::1]:4711\";proto=https;host=\"shop.example:8443\"");
    let common = [
        ("x-forwarded-for", "2001:db8::1, 127.0.0.9"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "shop.example"),
        ("x-forwarded-port", "8443"),
    ];
    let expected: [Value; 5] =
        ["2001:db8::1".into(), "127.0.0.1".into(), "https".into(), "shop.example".into(), 8443.into()];
    assert_eq!(attributes(Some("127.0.0.0/8"), &[standard]).await, expected);
    assert_eq!(attributes(Some("127.0.0.0/8"), &common).await, expected);

    let own: [Value; 5] =
        ["127.0.0.1".into(), "127.0.0.1".into(), "http".into(), "localhost".into(), Value::Null];
    for (trusted, told) in [(None, "off unless set"), (Some("10.0.0.0/8"), "another peer")] {
        assert_eq!(attributes(trusted, &[standard]).await, own, "{told}");
        assert_eq!(attributes(trusted, &common).await, own, "{told}");
    }
}
