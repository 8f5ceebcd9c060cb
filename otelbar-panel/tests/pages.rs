//! The toolbar's own pages: what they answer, and to whom.

mod common;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use otelbar_panel::{OpenTelemetryPanel, PeerAddr};
use tower::{Layer, ServiceExt, service_fn};

const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5);

/// What the application answers at every path.
const APP: &str = "<p>app</p>";

async fn ask(
    toolbar: &OpenTelemetryPanel,
    peer: Option<SocketAddr>,
    request: http::request::Builder,
) -> (http::response::Parts, String) {
    let app = service_fn(async |_: Request<Body>| {
        let mut page = Response::new(Body::from(APP));
        page.headers_mut().insert("content-type", "text/html".parse().unwrap());
        Ok::<_, Infallible>(page)
    });
    let mut request = request.body(Body::empty()).unwrap();
    request.headers_mut().entry("host").or_insert("localhost:80".parse().unwrap());
    request.headers_mut().entry("accept").or_insert("text/html".parse().unwrap());
    if let Some(peer) = peer {
        request.extensions_mut().insert(PeerAddr::new(peer));
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
        ("shared/shared.css", "text/css; charset=utf-8"),
        ("bar/bar.js", "text/javascript; charset=utf-8"),
    ] {
        let (head, body) = ask(&toolbar, Some(LOCAL), get(&format!("/__otelbar/{file}"))).await;
        assert_eq!((head.status, &head.headers["content-type"]), (StatusCode::OK, &kind.parse().unwrap()));
        assert!(!body.is_empty());
    }
    let (head, _) = ask(&toolbar, Some(LOCAL), get("/__otelbar?a=b")).await;
    assert_eq!(
        (head.status, &head.headers["location"]),
        (StatusCode::PERMANENT_REDIRECT, &"/__otelbar/?a=b".parse().unwrap())
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
        (Request::post("/__otelbar/api/requests"), 405, "GET"),
    ];
    for (request, status, message) in cases {
        let (head, body) = ask(&toolbar, Some(LOCAL), request).await;
        let error: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(head.status, status, "{body}");
        assert!(error["error"].as_str().unwrap().contains(message), "{body}");
    }
}

#[tokio::test]
async fn methods_that_change_nothing_are_answered() {
    let toolbar = common::quiet_toolbar();
    for path in ["/__otelbar/", "/__otelbar/app.js", "/__otelbar/api/requests/xyz"] {
        let (get, body) = ask(&toolbar, Some(LOCAL), get(path)).await;
        let (head, nothing) = ask(&toolbar, Some(LOCAL), Request::head(path)).await;
        assert_eq!((head.status, &*nothing), (get.status, ""));
        let mut expected = get.headers;
        expected.insert("content-length", body.len().into());
        assert_eq!(head.headers, expected, "HEAD {path} has the headers that GET has");
    }
    let (options, _) = ask(&toolbar, Some(LOCAL), Request::options("/__otelbar/api/requests")).await;
    assert_eq!(
        (options.status, &options.headers["allow"]),
        (StatusCode::NO_CONTENT, &"GET, HEAD, OPTIONS".parse().unwrap())
    );
    let (post, _) = ask(&toolbar, Some(LOCAL), Request::post("/__otelbar/")).await;
    assert_eq!(
        (post.status, &post.headers["allow"]),
        (StatusCode::METHOD_NOT_ALLOWED, &"GET, HEAD, OPTIONS".parse().unwrap())
    );
}

#[tokio::test]
async fn data_is_never_stored_and_files_are_asked_for_again() {
    let toolbar = common::quiet_toolbar();
    let (api, _) = ask(&toolbar, Some(LOCAL), get("/__otelbar/api/requests")).await;
    assert_eq!(api.headers["cache-control"], "no-store");
    let (file, _) = ask(&toolbar, Some(LOCAL), get("/__otelbar/app.js")).await;
    assert_eq!(file.headers["cache-control"], "private, no-cache");
    let tag = file.headers["etag"].to_str().unwrap();
    for (known, status) in [(tag, 304), (&*format!("\"a\", W/{tag}"), 304), ("*", 304), ("\"other\"", 200)] {
        let again = get("/__otelbar/app.js").header("if-none-match", known);
        let (head, body) = ask(&toolbar, Some(LOCAL), again).await;
        assert_eq!((head.status.as_u16(), body.is_empty()), (status, status == 304), "{known}");
        assert_eq!(head.headers["etag"], tag);
        let again = Request::head("/__otelbar/app.js").header("if-none-match", known);
        let (head, _) = ask(&toolbar, Some(LOCAL), again).await;
        assert_eq!(
            (head.status.as_u16(), head.headers.contains_key("content-length")),
            (status, status == 200)
        );
    }
    for head in [api, file] {
        assert_eq!(head.headers["referrer-policy"], "no-referrer");
        assert_eq!(head.headers["x-content-type-options"], "nosniff");
    }
}

/// A browser keeps what it is told is immutable until the cache is emptied: only what is under this version's address.
#[tokio::test]
async fn files_under_the_address_of_their_version_are_kept() {
    let toolbar = common::quiet_toolbar();
    let (_, start) = ask(&toolbar, Some(LOCAL), get("/__otelbar/")).await;
    let script = start.split("src=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let (version, name) = script.split_once('/').unwrap();
    assert_eq!((version.len(), name), (16, "app.js"), "{start}");
    assert_eq!(start.matches(version).count(), start.matches("href=").count() + 1, "{start}");
    let other = "0123456789abcdef";
    for (address, immutable) in [
        (script, true),
        (&*format!("{version}/shared/shared.css"), true),
        (&*format!("bar/bar.js?v={version}"), true),
        ("bar/bar.js", false),
        (&*format!("bar/bar.js?v={other}"), false),
        (&*format!("{other}/app.js"), false),
        (&*format!("{version}/index.html"), false),
        ("", false),
    ] {
        let (head, body) = ask(&toolbar, Some(LOCAL), get(&format!("/__otelbar/{address}"))).await;
        assert_eq!((head.status, body.is_empty()), (StatusCode::OK, false), "{address}");
        let expected = if immutable { "private, max-age=31536000, immutable" } else { "private, no-cache" };
        assert_eq!(head.headers["cache-control"], expected, "{address}");
    }
    let (head, _) = ask(&toolbar, Some(LOCAL), get(&format!("/__otelbar/{version}/none.js"))).await;
    assert_eq!(head.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_answer_that_is_known_is_not_sent_again() {
    let toolbar = common::quiet_toolbar();
    ask(&toolbar, Some(LOCAL), get("/")).await;
    toolbar.flush(Duration::from_secs(60)).unwrap();
    let (list, body) = ask(&toolbar, Some(LOCAL), get("/__otelbar/api/requests")).await;
    let id = serde_json::from_str::<serde_json::Value>(&body).unwrap()["requests"][0]["id"].clone();
    let id = id.as_str().unwrap();
    for path in [format!("/__otelbar/api/requests/{id}"), format!("/__otelbar/api/bar/{id}")] {
        let (first, body) = ask(&toolbar, Some(LOCAL), get(&path)).await;
        assert_eq!((first.status, body.is_empty()), (StatusCode::OK, false));
        let again = get(&path).header("if-none-match", &first.headers["etag"]);
        let (again, body) = ask(&toolbar, Some(LOCAL), again).await;
        assert_eq!((again.status, &*body), (StatusCode::NOT_MODIFIED, ""));
        assert_eq!(again.headers["etag"], first.headers["etag"]);
        let other = get(&path).header("if-none-match", &list.headers["etag"]);
        assert_eq!(ask(&toolbar, Some(LOCAL), other).await.0.status, StatusCode::OK);
    }
}

/// What the application answers without the toolbar.
#[track_caller]
fn is_the_application(head: &http::response::Parts, body: &str) {
    assert_eq!((head.status, body), (StatusCode::OK, APP));
    let names: Vec<_> = head.headers.keys().collect();
    assert_eq!(names, ["content-type"], "nothing tells of the toolbar");
}

#[tokio::test]
async fn who_may_not_see_the_toolbar_finds_the_application() {
    let toolbar = common::quiet_toolbar();
    let remote: SocketAddr = "192.0.2.1:5".parse().unwrap();
    let foreign = |path| get(path).header("sec-fetch-site", "cross-site").header("sec-fetch-mode", "cors");
    for path in ["/", "/__otelbar", "/__otelbar/", "/__otelbar/app.js", "/__otelbar/api/requests"] {
        for (peer, request) in [
            (Some(remote), get(path)),
            (None, get(path)),
            (Some(LOCAL), get(path).header("host", "evil.example")),
            (Some(LOCAL), get(path).header("x-forwarded-for", "127.0.0.1")),
            (Some(LOCAL), get(path).header("connection", "close")),
            (Some(LOCAL), get(path).header("user-agent", "Mozilla/5.0").header("connection", "te")),
            (Some(LOCAL), get(path).version(http::Version::HTTP_10)),
            (Some(LOCAL), foreign(path)),
            (Some(LOCAL), Request::post(path).header("origin", "http://evil.example")),
        ] {
            let (head, body) = ask(&toolbar, peer, request).await;
            is_the_application(&head, &body);
        }
    }
    let (head, body) = ask(&toolbar, Some(LOCAL), get("/")).await;
    assert!(body.contains("/__otelbar/bar/bar.js"));
    assert_eq!(head.headers["otelbar-bar"], "added");
    assert!(!head.headers.contains_key("cache-control"));
}

#[tokio::test]
async fn the_log_tells_once_why_the_toolbar_is_not_shown() {
    let toolbar = common::quiet_toolbar();
    let remote: SocketAddr = "192.0.2.1:5".parse().unwrap();
    let told = common::Told::default();
    let guard = told.listen();
    let lines = || -> Vec<String> {
        told.lines().into_iter().filter(|line| line.starts_with("the toolbar is not shown")).collect()
    };
    ask(&toolbar, Some(remote), get("/")).await;
    assert_eq!(lines(), Vec::<String>::new(), "the world's requests are no matter");
    for _ in 0..2 {
        ask(&toolbar, Some(remote), get("/__otelbar/")).await;
        ask(&toolbar, None, get("/")).await;
        ask(&toolbar, None, get("/__otelbar/")).await;
    }
    drop(guard);
    let lines = lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("192.0.2.1 is not a loopback address; set a token (OTELBAR_ACCESS_TOKEN)"));
    assert!(lines[1].contains("into_make_service_with_connect_info"), "{lines:?}");
}

const TOKEN: &str = "s3cret-s3cret-16";

#[tokio::test]
async fn a_token_leaves_the_address_and_is_kept_in_a_cookie() {
    let toolbar = common::toolbar_with(|config| config.access_token(TOKEN));
    let remote: SocketAddr = "192.0.2.1:5".parse().unwrap();
    for (path, location) in [
        (format!("/__otelbar/?token={TOKEN}"), "/__otelbar/"),
        (format!("/__otelbar?token={TOKEN}"), "/__otelbar/"),
        (format!("/__otelbar/?a=1&token={TOKEN}&b=2"), "/__otelbar/?a=1&b=2"),
    ] {
        for (request, secure) in [
            (get(&path), false),
            (get(&path).header("x-forwarded-proto", "https"), true),
            (get(&format!("https://shop.example{path}")), true),
        ] {
            let (head, body) = ask(&toolbar, Some(remote), request).await;
            assert_eq!((head.status, &*body), (StatusCode::SEE_OTHER, ""), "{path}");
            assert_eq!(head.headers["location"], location);
            assert_eq!(head.headers["cache-control"], "no-store");
            let cookies: Vec<_> =
                head.headers.get_all("set-cookie").iter().map(|c| c.to_str().unwrap()).collect();
            let [own, bar] = cookies[..] else { panic!("{cookies:?}") };
            assert!(
                own.starts_with(&format!(
                    "otelbar_token={TOKEN}; Path=/__otelbar; HttpOnly; SameSite=Strict"
                ))
            );
            assert!(bar.starts_with("otelbar_bar=") && bar.contains("; Path=/; HttpOnly; SameSite=Strict"));
            assert!(!bar.contains(TOKEN), "the application's pages and logs do not see the token: {bar}");
            assert_eq!((own.ends_with("; Secure"), bar.ends_with("; Secure")), (secure, secure));
        }
    }
    let (head, _) = ask(&toolbar, Some(remote), get(&format!("/__otelbar/?token={TOKEN}"))).await;
    let pairs: Vec<_> = head
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|c| c.to_str().unwrap().split(';').next().unwrap())
        .collect();
    // The first goes to the toolbar's path, the second everywhere.
    let own = pairs.join("; ");
    for path in ["/__otelbar/", "/__otelbar/app.js", "/__otelbar/api/requests"] {
        let (head, body) = ask(&toolbar, Some(remote), get(path).header("cookie", &own)).await;
        assert_eq!(head.status, StatusCode::OK);
        assert_ne!(body, APP);
        let (head, body) = ask(&toolbar, Some(remote), get(path).header("cookie", pairs[1])).await;
        is_the_application(&head, &body);
        let (head, body) = ask(&toolbar, Some(remote), get(path)).await;
        is_the_application(&head, &body);
    }
    let (head, body) = ask(&toolbar, Some(remote), get("/").header("cookie", pairs[1])).await;
    assert!(body.contains("/__otelbar/bar/bar.js") && head.headers.contains_key("otelbar-request"));
    assert_eq!(head.headers["cache-control"], "private", "others are not given this page");
}

#[tokio::test]
async fn scripts_bring_the_token_with_each_call() {
    let toolbar = common::toolbar_with(|config| config.access_token(TOKEN));
    for request in [
        get(&format!("/__otelbar/api/requests?token={TOKEN}")),
        get("/__otelbar/api/requests").header("authorization", format!("Bearer {TOKEN}")),
    ] {
        let (head, body) = ask(&toolbar, None, request).await;
        assert_eq!(head.status, StatusCode::OK);
        assert!(body.starts_with('{'), "{body}");
        assert!(!head.headers.contains_key("set-cookie"));
    }
}

#[tokio::test]
async fn a_link_from_another_site_opens_the_page() {
    let toolbar = common::quiet_toolbar();
    let link = get("/__otelbar/").header("sec-fetch-site", "cross-site").header("sec-fetch-mode", "navigate");
    let link = link.header("connection", "keep-alive");
    let (head, body) = ask(&toolbar, Some(LOCAL), link).await;
    assert_eq!(head.status, StatusCode::OK);
    assert_ne!(body, APP);
}

#[tokio::test]
async fn a_token_that_cannot_be_used_opens_to_nobody() {
    let (config, _) = otelbar_panel::OpenTelemetryConfig::from_environment(&[
        ("OTELBAR_ACCESS_TOKEN", "too short"),
        ("OTEL_TRACES_EXPORTER", "none"),
    ]);
    let toolbar = OpenTelemetryPanel::new(config).unwrap();
    for path in ["/", "/__otelbar/", "/__otelbar/?token=too%20short", "/__otelbar/api/requests?token="] {
        let (head, body) = ask(&toolbar, Some(LOCAL), get(path)).await;
        is_the_application(&head, &body);
    }
}
