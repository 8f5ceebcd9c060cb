//! The application's answers pass through as they are, but for the bar at the end of its pages.

mod common;

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Frame;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tower::{Layer, service_fn};

type AnyBody = UnsyncBoxBody<Bytes, Infallible>;

fn full(text: &'static str) -> AnyBody {
    Full::new(Bytes::from_static(text.as_bytes())).boxed_unsync()
}

/// Calls a service that gives this answer; its headers and body without what the toolbar adds, and its bar header.
async fn pass(method: Method, answer: Response<AnyBody>) -> (StatusCode, HeaderMap, String, Option<String>) {
    let toolbar = common::quiet_toolbar();
    let mut answer = Some(answer);
    let service = service_fn(move |_: Request<Body>| {
        let answer = answer.take().unwrap();
        async { Ok::<_, Infallible>(answer) }
    });
    let request = Request::builder().method(method).body(Body::empty()).unwrap();
    let (mut head, body) = common::call(toolbar.layer().layer(service), request).await;
    let link = head.headers.remove("otelbar-request").expect("the caller may see it");
    let id = link.to_str().unwrap().strip_prefix("/__otelbar/#/requests/").unwrap();
    assert_eq!(head.headers.remove("server-timing").unwrap(), format!("otelbar;desc=\"{id}\""));
    let bar = head.headers.remove("otelbar-bar").map(|bar| bar.to_str().unwrap().to_owned());
    (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap(), bar)
}

#[track_caller]
fn untouched(passed: (StatusCode, HeaderMap, String, Option<String>), expected: Response<&str>) {
    let (status, headers, body, bar) = passed;
    assert_eq!((status, &headers, &*body), (expected.status(), expected.headers(), *expected.body()));
    assert!(bar.is_none_or(|bar| bar.starts_with("left out; ")));
}

fn answer(
    status: u16,
    headers: &[(&'static str, &'static str)],
    body: &'static str,
) -> Response<&'static str> {
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        answer.headers_mut().append(*name, value.parse().unwrap());
    }
    answer
}

const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");

#[tokio::test]
async fn answers_that_are_no_pages_pass_untouched() {
    let cases = [
        (Method::GET, answer(200, &[("content-type", "application/json"), ("content-length", "2")], "{}")),
        (Method::GET, answer(200, &[HTML, ("content-encoding", "gzip"), ("content-length", "3")], "gz!")),
        (Method::GET, answer(204, &[HTML], "")),
        (Method::GET, answer(205, &[HTML], "")),
        (Method::GET, answer(304, &[HTML, ("etag", "\"a\"")], "")),
        (Method::GET, answer(206, &[HTML, ("content-range", "bytes 0-1/9")], "<p")),
        (Method::PUT, answer(200, &[HTML], "<p>put</p>")),
        (Method::GET, answer(500, &[("x-a", "1"), ("x-a", "2")], "")),
        (Method::GET, answer(101, &[("upgrade", "websocket"), ("connection", "upgrade")], "")),
    ];
    for (method, expected) in cases {
        let (head, body) = expected.clone().into_parts();
        untouched(pass(method, Response::from_parts(head, full(body))).await, expected);
    }
}

#[tokio::test]
async fn a_page_gets_the_bar_at_its_end_and_the_right_length() {
    let (_, headers, body, bar) =
        pass(Method::GET, answer(200, &[HTML, ("content-length", "10")], "<p>page</p").map(full)).await;
    let (page, script) = body.split_at(10);
    assert_eq!(page, "<p>page</p");
    assert!(script.trim().starts_with("<script src=\"/__otelbar/bar/bar.js?v="), "{script}");
    assert!(script.contains("\" data-request=\""), "{script}");
    assert_eq!(headers["content-length"], body.len().to_string());
    assert_eq!(bar.as_deref(), Some("added"));
}

#[tokio::test]
async fn head_has_the_headers_that_get_has() {
    let toolbar = common::quiet_toolbar();
    let mut answers = Vec::new();
    for method in [Method::GET, Method::HEAD] {
        let body = if method == Method::GET { "<p>page</p>" } else { "" };
        let rows = [HTML, ("content-length", "11"), ("etag", "\"x\""), ("accept-ranges", "bytes")];
        let page = answer(200, &rows, body).map(full);
        let mut page = Some(page);
        let service = service_fn(move |_: Request<Body>| {
            let page = page.take().unwrap();
            async { Ok::<_, Infallible>(page) }
        });
        let request = Request::builder().method(method).body(Body::empty()).unwrap();
        let (mut head, body) = common::call(toolbar.layer().layer(service), request).await;
        // Each has an id of its own.
        head.headers.remove("otelbar-request").unwrap();
        head.headers.remove("server-timing").unwrap();
        answers.push((head.headers, body));
    }
    let [(get, page), (head, nothing)] = &answers[..] else { panic!("two were made") };
    assert_eq!(get["content-length"], page.len().to_string());
    assert_eq!((get["etag"].to_str().unwrap(), get.get("accept-ranges")), ("W/\"x-otelbar\"", None));
    assert_eq!((head, nothing.len()), (get, 0));
}

/// Servers write the length themselves where the application leaves it out, and it has to be that of the longer page.
#[tokio::test]
async fn head_tells_the_length_that_the_server_would_write_for_get() {
    for (body, told) in [("<p>page</p>", true), ("", false)] {
        let (_, headers, page, _) = pass(Method::GET, answer(200, &[HTML], "<p>page</p>").map(full)).await;
        assert!(!headers.contains_key("content-length"));
        let (_, headers, _, _) = pass(Method::HEAD, answer(200, &[HTML], body).map(full)).await;
        let length = headers.get("content-length").map(|length| length.to_str().unwrap().to_owned());
        assert_eq!(length, told.then(|| page.len().to_string()), "{body}");
    }
}

#[tokio::test]
async fn a_server_timing_of_the_application_stays() {
    let toolbar = common::quiet_toolbar();
    let timing = ("server-timing", "db;dur=53");
    let service = service_fn(move |_: Request<Body>| async move {
        Ok::<_, Infallible>(answer(200, &[HTML, timing, timing], "<p>page</p>").map(full))
    });
    let (head, _) = common::call(toolbar.layer().layer(service), common::get("/")).await;
    let lines: Vec<_> = head.headers.get_all(timing.0).iter().map(|line| line.to_str().unwrap()).collect();
    assert_eq!(lines[..2], [timing.1; 2]);
    assert!(lines.len() == 3 && lines[2].starts_with("otelbar;desc="), "{lines:?}");
}

/// Asks an application that compares validators as they are written; what it was asked, and the head of its answer.
async fn conditional(
    name: &'static str,
    value: &str,
    accept: &'static str,
    method: Method,
) -> (String, http::response::Parts) {
    let toolbar = common::quiet_toolbar();
    let asked = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let seen = std::sync::Arc::clone(&asked);
    let service = service_fn(move |request: Request<Body>| {
        let given = request.headers()[name].to_str().unwrap().to_owned();
        let status = if given == "\"x\"" { 304 } else { 200 };
        *seen.lock().unwrap() = given;
        async move { Ok::<_, Infallible>(answer(status, &[HTML, ("etag", "\"x\"")], "").map(full)) }
    });
    let request = Request::builder().method(method).header(name, value).header("accept", accept);
    let (head, _) = common::call(toolbar.layer().layer(service), request.body(Body::empty()).unwrap()).await;
    let asked = asked.lock().unwrap().clone();
    (asked, head)
}

#[tokio::test]
async fn the_validator_of_a_lengthened_page_is_the_applications_again_when_it_comes_back() {
    let marked = "W/\"x-otelbar\"";
    let (asked, head) = conditional("if-none-match", marked, "text/html", Method::GET).await;
    assert_eq!((&*asked, head.status), ("\"x\"", StatusCode::NOT_MODIFIED));
    assert_eq!(head.headers["etag"], marked, "the browser knows its page by this");
    let id = head.headers["otelbar-request"].to_str().unwrap().rsplit('/').next().unwrap();
    assert_eq!(
        head.headers["server-timing"],
        format!("otelbar;desc=\"{id}\""),
        "the bar of the page that is kept shows the new request"
    );
    // What was not asked for as a page has to be sent anew, without the bar.
    let (asked, head) = conditional("if-none-match", marked, "*/*", Method::GET).await;
    assert_eq!(
        (&*asked, head.status, &head.headers["etag"]),
        (marked, StatusCode::OK, &"\"x\"".parse().unwrap())
    );
    // The application's own validators are its own.
    let (asked, head) = conditional("if-none-match", "\"x\"", "text/html", Method::GET).await;
    assert_eq!((&*asked, &head.headers["etag"]), ("\"x\"", &"\"x\"".parse().unwrap()));
    let (asked, _) = conditional("if-none-match", "W/\"y\"", "text/html", Method::GET).await;
    assert_eq!(asked, "W/\"y\"");
    // What is edited is the application's representation.
    for name in ["if-match", "if-none-match"] {
        assert_eq!(conditional(name, marked, "*/*", Method::PUT).await.0, "\"x\"");
    }
    // A part of one body cannot complete the other.
    assert_eq!(conditional("if-range", marked, "text/html", Method::GET).await.0, marked);
}

/// Caches take the directives of a 304 over to the page that they hold (RFC 9111, 3.2).
#[tokio::test]
async fn a_304_does_not_make_the_page_of_the_bearer_of_a_token_public() {
    let toolbar = common::toolbar_with(|config| config.access_token("s3cret-s3cret-16"));
    for (known, expected) in [("W/\"x-otelbar\"", "private, max-age=60"), ("\"x\"", "public, max-age=60")] {
        let service = service_fn(async |_: Request<Body>| {
            let rows = [("etag", "\"x\""), ("cache-control", "public, max-age=60")];
            Ok::<_, Infallible>(answer(304, &rows, "").map(full))
        });
        let mut request = common::get("/");
        for (name, value) in
            [("accept", "text/html"), ("if-none-match", known), ("authorization", "Bearer s3cret-s3cret-16")]
        {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let (head, _) = common::call(toolbar.layer().layer(service), request).await;
        assert_eq!(head.headers["cache-control"], expected, "{known}");
    }
}

#[tokio::test]
async fn a_page_in_utf_16_gets_the_bar_in_utf_16() {
    let page = "\u{feff}<p>page</p>";
    let bytes = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    for length in [true, false] {
        let toolbar = common::quiet_toolbar();
        // One byte at a time, as a body may come.
        let frames =
            bytes(page).into_iter().map(|byte| Ok::<_, Infallible>(Frame::data(Bytes::from(vec![byte]))));
        let mut answer =
            Response::new(StreamBody::new(futures_util::stream::iter(frames.collect::<Vec<_>>())));
        answer.headers_mut().insert("content-type", "text/html".parse().unwrap());
        if length {
            answer.headers_mut().insert("content-length", bytes(page).len().into());
        }
        let mut answer = Some(answer);
        let service = service_fn(move |_: Request<Body>| {
            let answer = answer.take().unwrap();
            async { Ok::<_, Infallible>(answer) }
        });
        let (head, body) = common::call(toolbar.layer().layer(service), common::get("/")).await;
        let units: Vec<u16> = body.chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
        let text = String::from_utf16(&units).unwrap();
        assert!(text.starts_with(page) && text.ends_with(" defer></script>\n"), "{text}");
        assert_eq!(
            head.headers.get("content-length").map(|l| l.to_str().unwrap().parse().unwrap()),
            length.then_some(body.len())
        );
    }
}

#[tokio::test]
async fn a_streaming_page_streams_on_and_keeps_its_trailers() {
    let (sender, receiver) = mpsc::channel::<Frame<Bytes>>(1);
    let frames = futures_stream(receiver);
    let toolbar = common::quiet_toolbar();
    let mut frames = Some(frames);
    let service = service_fn(move |_: Request<Body>| {
        let mut answer = Response::new(StreamBody::new(frames.take().unwrap()));
        answer.headers_mut().insert("content-type", HTML.1.parse().unwrap());
        async { Ok::<_, Infallible>(answer) }
    });
    let mut request = common::get("/");
    request.extensions_mut().insert(otelbar_panel::PeerAddr::new(SocketAddr::from(([127, 0, 0, 1], 1))));
    request.headers_mut().insert("host", "localhost".parse().unwrap());
    request.headers_mut().insert("accept", "text/html".parse().unwrap());
    request.headers_mut().insert("connection", "keep-alive".parse().unwrap());
    let answer = tower::ServiceExt::oneshot(toolbar.layer().layer(service), request).await.unwrap();
    let mut body = answer.into_body();

    for part in ["<p>first", "<p>second"] {
        sender.send(Frame::data(part.into())).await.unwrap();
        // Each part is there before the next is made.
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), part);
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", "1".parse().unwrap());
    sender.send(Frame::trailers(trailers.clone())).await.unwrap();
    drop(sender);
    let bar = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(String::from_utf8_lossy(&bar).contains("/__otelbar/bar/bar.js"));
    assert_eq!(body.frame().await.unwrap().unwrap().into_trailers().unwrap(), trailers);
    assert!(body.frame().await.is_none());
}

fn futures_stream(
    mut receiver: mpsc::Receiver<Frame<Bytes>>,
) -> impl futures_core::Stream<Item = Result<Frame<Bytes>, Infallible>> + Unpin {
    futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx).map(|frame| frame.map(Ok)))
}

#[tokio::test]
async fn pages_arrive_whole_over_both_versions_of_http() {
    let toolbar = common::quiet_toolbar();
    let layer = toolbar.layer();
    let (address, server) = common::serve(move |peer| {
        layer.clone().peer(peer).layer(service_fn(async |request: Request<hyper::body::Incoming>| {
            let mut answer = Response::new(Full::new(Bytes::from("<h1>page</h1>")));
            answer.headers_mut().insert("content-type", "text/html".parse().unwrap());
            if request.uri().path() == "/length" {
                answer.headers_mut().insert("content-length", "13".parse().unwrap());
            }
            Ok::<_, Infallible>(answer)
        }))
    })
    .await;
    for http2 in [false, true] {
        let client = Client::builder(TokioExecutor::new()).http2_only(http2).build_http::<Empty<Bytes>>();
        for path in ["/", "/length"] {
            let mut request = Request::get(format!("http://{address}{path}")).header("accept", "text/html");
            if !http2 {
                request = request.header("connection", "keep-alive");
            }
            let answer = client.request(request.body(Empty::new()).unwrap()).await.unwrap();
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(body.starts_with("<h1>page</h1>") && body.ends_with("</script>\n"), "{body}");
        }
    }
    let requests = common::requests(&toolbar).await;
    assert_eq!(requests.len(), 4);
    let version = |request: &serde_json::Value| {
        common::attribute(&request["spans"][0], "network.protocol.version")
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(requests.iter().map(version).collect::<Vec<_>>(), ["2", "2", "1.1", "1.1"]);
    assert!(requests.iter().all(|request| request["request"]["outcome"] == "completed"));
    server.abort();
}

/// A server stops asking when it has what it was told of. A body that goes on waiting, or fails, behind that holds nobody up.
#[tokio::test]
async fn a_page_of_a_told_length_is_whole_when_it_has_that() {
    let toolbar = common::quiet_toolbar();
    let layer = toolbar.layer();
    let (address, server) = common::serve(move |peer| {
        layer.clone().peer(peer).layer(service_fn(async |_: Request<hyper::body::Incoming>| {
            let page =
                futures_util::stream::once(async { Ok::<_, Infallible>(Frame::data(Bytes::from("page"))) });
            let waits = futures_util::stream::pending();
            let frames = futures_util::StreamExt::chain(page, waits);
            let mut answer = Response::new(StreamBody::new(Box::pin(frames)));
            answer.headers_mut().insert("content-type", HTML.1.parse().unwrap());
            answer.headers_mut().insert("content-length", "4".parse().unwrap());
            Ok::<_, Infallible>(answer)
        }))
    })
    .await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let request = Request::get(format!("http://{address}/")).header("accept", "text/html");
    let answer = client.request(request.body(Empty::new()).unwrap()).await.unwrap();
    let body = tokio::time::timeout(common::PATIENCE, answer.into_body().collect());
    let body = body.await.expect("the page ends").unwrap().to_bytes();
    assert!(body.starts_with(b"page") && body.ends_with(b"</script>\n"), "{body:?}");
    server.abort();
}

/// Handlers answer HEAD with the body that GET gets, and leave it to the server not to send it. What the head says of its length
/// has to be what the body says: hyper compares the two in debug builds.
#[tokio::test]
async fn head_may_be_answered_with_the_body_of_get() {
    let toolbar = common::quiet_toolbar();
    let layer = toolbar.layer();
    let (address, server) = common::serve(move |peer| {
        layer.clone().peer(peer).layer(service_fn(async |_: Request<hyper::body::Incoming>| {
            let mut answer = Response::new(Full::new(Bytes::from("<h1>page</h1>")));
            answer.headers_mut().insert("content-type", "text/html".parse().unwrap());
            Ok::<_, Infallible>(answer)
        }))
    })
    .await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let mut lengths = Vec::new();
    for method in [Method::GET, Method::HEAD] {
        let request = Request::builder().method(method).uri(format!("http://{address}/"));
        let request = request.header("accept", "text/html").body(Empty::new()).unwrap();
        let answer = client.request(request).await.unwrap();
        assert_eq!(answer.headers()["otelbar-bar"], "added");
        lengths.push(answer.headers()["content-length"].to_str().unwrap().to_owned());
    }
    assert_eq!(lengths[0], lengths[1]);
    server.abort();
}

#[tokio::test]
async fn an_upgraded_connection_goes_on() {
    let toolbar = common::quiet_toolbar();
    let layer = toolbar.layer();
    let (address, server) = common::serve(move |peer| {
        layer.clone().peer(peer).layer(service_fn(async |mut request: Request<hyper::body::Incoming>| {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut io = hyper_util::rt::TokioIo::new(upgrade.await.unwrap());
                let mut word = [0; 4];
                io.read_exact(&mut word).await.unwrap();
                io.write_all(&word).await.unwrap();
            });
            let mut answer = Response::new(Empty::<Bytes>::new());
            *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            answer.headers_mut().insert("upgrade", "echo".parse().unwrap());
            answer.headers_mut().insert("connection", "upgrade".parse().unwrap());
            Ok::<_, Infallible>(answer)
        }))
    })
    .await;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = "GET /echo HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    stream.write_all(b"ping").await.unwrap();
    let mut word = [0; 4];
    stream.read_exact(&mut word).await.unwrap();
    assert_eq!(&word, b"ping");
    let request = common::the_request(&toolbar).await;
    assert_eq!(
        (&request["request"]["status"], &request["request"]["outcome"]),
        (&101.into(), &"completed".into())
    );
    server.abort();
}
