//! The toolbar's own pages: what they answer, and to whom.

mod common;

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::body::Body;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use otelbar_panel::{OpenTelemetryPanel, PeerAddr};
use tower::{Layer, ServiceExt, service_fn};

const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5);

async fn ask(
    toolbar: &OpenTelemetryPanel,
    peer: Option<SocketAddr>,
    request: http::request::Builder,
) -> (http::response::Parts, String) {
    let app = service_fn(async |_: Request<Body>| {
        let mut page = Response::new(Body::from("<p>app</p>"));
        page.headers_mut().insert("content-type", "text/html".parse().unwrap());
        Ok::<_, Infallible>(page)
    });
    let mut request = request.body(Body::empty()).unwrap();
    request.headers_mut().entry("host").or_insert("localhost:80".parse().unwrap());
    if let Some(peer) = peer {
        request.extensions_mut().insert(PeerAddr(peer));
    }
    let (head, body) = toolbar.layer().layer(app).oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head, String::from_utf8(body.to_vec()).unwrap())
}

fn get(path: &str) -> http::request::Builder {
    Request::get(path)
}

#[tokio::test]
async fn the_page_is_served_with_a_strict_policy() {
    let toolbar = common::quiet_toolbar();
    let (head, body) = ask(&toolbar, Some(LOCAL), get("/__otelbar/")).await;
    assert_eq!(
        (head.status, &head.headers["content-type"]),
        (StatusCode::OK, &"text/html; charset=utf-8".parse().unwrap())
    );
    assert!(body.contains("<script"), "{body}");
    let policy = head.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
    assert_eq!(head.headers["x-content-type-options"], "nosniff");
    for (file, kind) in [
        ("app.js", "text/javascript; charset=utf-8"),
        ("app.css", "text/css; charset=utf-8"),
        ("bar.js", "text/javascript; charset=utf-8"),
    ] {
        let (head, body) = ask(&toolbar, Some(LOCAL), get(&format!("/__otelbar/{file}"))).await;
        assert_eq!((head.status, &head.headers["content-type"]), (StatusCode::OK, &kind.parse().unwrap()));
        assert!(!body.is_empty());
    }
    let (head, _) = ask(&toolbar, Some(LOCAL), get("/__otelbar?token=a")).await;
    assert_eq!(
        (head.status, &head.headers["location"]),
        (StatusCode::PERMANENT_REDIRECT, &"/__otelbar/?token=a".parse().unwrap())
    );
    let (_, body) = ask(&toolbar, Some(LOCAL), get("/__otelbarista")).await;
    assert!(body.starts_with("<p>app</p>"), "a path that only begins alike is the application's");
}

#[tokio::test]
async fn errors_are_json_and_say_what_to_do() {
    let toolbar = common::quiet_toolbar();
    let cases = [
        (get("/__otelbar/api/requests?limit=many"), 400, "limit is not a whole number"),
        (get("/__otelbar/api/requests?before=-1"), 400, "before is not a whole number"),
        (get("/__otelbar/api/requests/xyz"), 400, "16 hexadecimal digits"),
        (get("/__otelbar/api/requests/00000000000000ff"), 404, "no request with this id"),
        (get("/__otelbar/api/nothing"), 404, "api/requests"),
        (get("/__otelbar/../Cargo.toml"), 404, "no such page"),
        (get("/__otelbar/api/requests").method(Method::POST), 405, "GET"),
    ];
    for (request, status, message) in cases {
        let (head, body) = ask(&toolbar, Some(LOCAL), request).await;
        let error: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(head.status, status, "{body}");
        assert!(error["error"].as_str().unwrap().contains(message), "{body}");
    }
}

#[tokio::test]
async fn local_callers_alone_see_the_pages_and_the_bar() {
    let toolbar = common::quiet_toolbar();
    let remote: SocketAddr = "192.0.2.1:5".parse().unwrap();
    for (peer, message) in [
        (Some(remote), "192.0.2.1 is not an address of this machine"),
        (None, "into_make_service_with_connect_info"),
    ] {
        let (head, body) = ask(&toolbar, peer, get("/__otelbar/api/requests")).await;
        assert_eq!(head.status, StatusCode::FORBIDDEN);
        assert!(body.contains(message), "{body}");
        let (head, body) = ask(&toolbar, peer, get("/")).await;
        assert_eq!(body, "<p>app</p>");
        assert!(!head.headers.contains_key("otelbar-request"));
        // Who is known to be somebody else is told nothing; where nobody knows, the developer is told why.
        assert_eq!(head.headers.contains_key("otelbar-bar"), peer.is_none());
    }
    let (head, _) = ask(&toolbar, Some(LOCAL), get("/__otelbar/").header("host", "evil.example")).await;
    assert_eq!(head.status, StatusCode::FORBIDDEN, "another site cannot get here by rebinding its name");
    let (head, body) = ask(&toolbar, Some(LOCAL), get("/")).await;
    assert!(body.contains("/__otelbar/bar.js"));
    assert_eq!(head.headers["otelbar-bar"], "added");
}

#[tokio::test]
async fn a_token_opens_the_pages_to_others_and_is_kept_in_a_cookie() {
    let toolbar = common::toolbar_with(|config| config.access_token("s3cret-s3cret-s3cret"));
    let remote: SocketAddr = "192.0.2.1:5".parse().unwrap();
    let (head, _) = ask(&toolbar, Some(remote), get("/__otelbar/api/requests")).await;
    assert_eq!(head.status, StatusCode::FORBIDDEN);
    let (head, _) = ask(&toolbar, Some(remote), get("/__otelbar/app.js")).await;
    assert_eq!(
        head.status,
        StatusCode::OK,
        "the page's files hold no data, and ask for each other without a token"
    );
    let (head, _) = ask(&toolbar, Some(remote), get("/__otelbar/?token=s3cret-s3cret-s3cret")).await;
    assert_eq!(head.status, StatusCode::OK);
    let cookie = head.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    let (head, body) = ask(&toolbar, Some(remote), get("/").header("cookie", pair)).await;
    assert!(body.contains("/__otelbar/bar.js") && head.headers.contains_key("otelbar-request"));
}

#[tokio::test]
async fn another_sites_page_cannot_read_the_api() {
    let toolbar = common::quiet_toolbar();
    let foreign = get("/__otelbar/api/requests")
        .header("sec-fetch-site", "cross-site")
        .header("sec-fetch-mode", "cors");
    let (head, body) = ask(&toolbar, Some(LOCAL), foreign).await;
    assert_eq!(head.status, StatusCode::FORBIDDEN);
    assert!(body.contains("a page of another site"), "{body}");
    let link = get("/__otelbar/").header("sec-fetch-site", "cross-site").header("sec-fetch-mode", "navigate");
    assert_eq!(ask(&toolbar, Some(LOCAL), link).await.0.status, StatusCode::OK);
}
