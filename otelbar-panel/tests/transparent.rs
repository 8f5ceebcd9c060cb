//! The toolbar changes nothing of what a service answers, nor of what it is asked, but what the README tells.
//!
//! Services and requests are generated. Each service is called twice with the same request, as it is and with the toolbar
//! around it, and what can be seen of the two has to be the same to the byte: what the service saw of the request, its
//! errors, the head of its answer with the order of its headers, and each frame of the body with what the body tells of
//! its length and its end. For callers who may not see the toolbar nothing is taken out before it is compared; for others
//! what [`undo_head`] and [`undo_body`] take out, which is exactly what is documented.
//!
//! A failure shows the smallest service that shows it, and the seed.

mod common;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use bytes::buf::Chain;
use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use otelbar_panel::{OpenTelemetryPanel, PeerAddr};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{RngAlgorithm, TestCaseError, TestRng, TestRunner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, Service};

/// From which the services are generated.
const SEED: &[u8; 32] = b"a toolbar that is not in the way";
/// How many are called directly.
const CALLED: u32 = 1_000;
/// How many are served by hyper.
const SERVED: u32 = 100;

const TOKEN: &str = "s3cret-s3cret-16";
const BEARER: Line = ("authorization", "Bearer s3cret-s3cret-16");
const REMOTE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 9);
const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

#[test]
fn a_thousand_services_answer_as_without_the_toolbar() {
    let toolbars = Toolbars::new();
    check(CALLED, case(), |case| {
        let plain = exchange(case, |application| application);
        let watched = exchange(case, |application| toolbars.of(case).layer().layer(application));
        compare(case, plain, watched, &toolbars.version)
    });
}

#[test]
fn a_hundred_services_send_the_same_bytes_over_a_socket() {
    let toolbars = Toolbars::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    check(SERVED, case().prop_map(for_the_wire), |case| {
        let plain = runtime.block_on(bytes_of(case, |application| application));
        let watched = runtime.block_on(bytes_of(case, |application| {
            let layer = toolbars.of(case).layer();
            match case.asked.peer {
                Peer::Absent => layer,
                Peer::Remote => layer.peer(REMOTE),
                Peer::Local => layer.peer(LOCAL),
            }
            .layer(application)
        }));
        compare_bytes(case, &plain, &watched, &toolbars.version)
    });
}

/// Holds a property of so many generated cases; a failure shows the smallest case.
fn check(cases: u32, of: impl Strategy<Value = Case>, holds: impl Fn(&Case) -> Result<(), String>) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, SEED));
    if let Err(error) = runner.run(&of, |case| holds(&case).map_err(TestCaseError::fail)) {
        panic!("{error}\nseed: {:?}", SEED.escape_ascii().to_string());
    }
}

/// One toolbar that is shown to local callers, and one that is shown to the bearer of a token.
struct Toolbars {
    local: OpenTelemetryPanel,
    by_token: OpenTelemetryPanel,
    /// Stands in the address of the bar's script.
    version: String,
}

impl Toolbars {
    fn new() -> Self {
        let local = common::quiet_toolbar();
        let by_token = common::toolbar_with(|config| config.access_token(TOKEN));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let nothing = tower::service_fn(async |_: Request<axum::body::Body>| {
            Ok::<_, Infallible>(Response::new(axum::body::Body::empty()))
        });
        let page = common::call(local.layer().layer(nothing), common::get("/__otelbar/"));
        let (_, page) = runtime.block_on(page);
        let page = String::from_utf8(page.to_vec()).unwrap();
        let script = page.split("src=\"").nth(1).and_then(|rest| rest.split('/').next()).unwrap();
        Toolbars { local, by_token, version: script.to_owned() }
    }

    fn of(&self, case: &Case) -> &OpenTelemetryPanel {
        if case.token { &self.by_token } else { &self.local }
    }
}

// What is generated.

type Line = (&'static str, &'static str);

/// A request, and the service that answers it.
#[derive(Clone, Debug)]
struct Case {
    /// Whether a token decides who may see the toolbar.
    token: bool,
    asked: Asked,
    answer: Answer,
}

#[derive(Clone, Debug)]
struct Asked {
    peer: Peer,
    method: &'static str,
    target: &'static str,
    version: Version,
    headers: Vec<Line>,
    body: Script,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Peer {
    Absent,
    Remote,
    Local,
}

#[derive(Clone, Debug)]
struct Answer {
    /// How often the service is not ready before it is.
    not_ready: u8,
    refuses: bool,
    /// How often its future waits.
    waits: u8,
    fails: bool,
    status: u16,
    version: Version,
    length: Length,
    content_type: Option<&'static str>,
    etag: Option<&'static str>,
    headers: Vec<Line>,
    body: Script,
}

/// What the answer's head tells of the body's length.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Length {
    Absent,
    Told,
    /// To HEAD, without the body that GET gets.
    OfGet,
}

/// The length that [`Length::OfGet`] tells.
const OF_GET: u64 = 11;

/// What a body does when it is polled.
#[derive(Clone, Debug)]
struct Script {
    steps: Vec<Step>,
    end: End,
    hint: Hint,
    /// Whether it says that it has ended when its last frame has been given.
    tells_end: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Pending,
    Data(Bytes),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Ends,
    Trailers,
    Breaks,
    /// Waits until it is dropped.
    Never,
}

/// What a body tells of the bytes that are left.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Hint {
    Nothing,
    Exact,
    AtLeast,
    Within,
}

const TRAILERS: [Line; 3] = [("x-checksum", "1"), ("x-a", ""), ("x-checksum", "2")];

fn case() -> impl Strategy<Value = Case> {
    (proptest::bool::weighted(0.2), asked(), answer()).prop_map(|(token, asked, answer)| {
        let mut case = Case { token, asked, answer };
        if case.answer.length == Length::OfGet {
            if case.asked.method == "HEAD" {
                case.answer.body = Script { steps: Vec::new(), end: End::Ends, ..case.answer.body };
            } else {
                case.answer.length = Length::Told;
            }
        }
        of_the_application(case)
    })
}

fn asked() -> impl Strategy<Value = Asked> {
    let peer = prop_oneof![6 => Just(Peer::Local), 2 => Just(Peer::Remote), 1 => Just(Peer::Absent)];
    let odd = select(&["PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND", "get", "X-!#$"][..]);
    let method = prop_oneof![
        5 => Just("GET"), 2 => Just("HEAD"), 2 => Just("POST"), 1 => Just("OPTIONS"), 2 => odd,
    ];
    let target = select(
        &["/", "/a//b/../c%2F%ff?x=%ff&token=1&", "/?", "/__otelbar/api/requests", "/__otelbarista", "*"][..],
    );
    let target = prop_oneof![8 => target, 1 => Just("http://localhost/absolute?x=1")];
    let version = prop_oneof![
        8 => Just(Version::HTTP_11), 2 => Just(Version::HTTP_2), 1 => Just(Version::HTTP_10),
    ];
    let host = prop_oneof![
        6 => Just(Some(("host", "localhost"))),
        2 => Just(Some(("host", "127.0.0.1:3000"))),
        1 => Just(Some(("host", "shop.example"))),
        1 => Just(None),
    ];
    // What a browser sends with an address that is typed into it.
    let browser = [
        ("connection", "keep-alive"),
        ("user-agent", "Mozilla/5.0 (X11)"),
        ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-site", "none"),
    ];
    let browser = prop_oneof![2 => Just(browser.to_vec()), 1 => Just(Vec::new())];
    let others = vec(select(REQUEST_LINES), 0..5);
    let headers = (host, browser, others)
        .prop_map(|(host, browser, others)| host.into_iter().chain(browser).chain(others).collect());
    let ends = prop_oneof![6 => Just(End::Ends), 1 => Just(End::Trailers), 1 => Just(End::Breaks)];
    (peer, method, target, version, headers, script(ends)).prop_map(
        |(peer, method, target, version, headers, body)| Asked {
            peer,
            method,
            target,
            version,
            headers,
            body,
        },
    )
}

const REQUEST_LINES: &[Line] = &[
    ("accept", "*/*"),
    ("accept", "text/html;q=0"),
    ("accept", "application/json, TEXT/HTML;q=0.5"),
    BEARER,
    ("b3", "0"),
    ("baggage", "user=alice,plan=pro;x=1"),
    ("baggage", "\u{e9}=%"),
    ("connection", "close"),
    ("cookie", "a=1; otelbar_bar=1"),
    ("hx-request", "true"),
    ("if-match", "\"x\""),
    ("if-match", "W/\"x-otelbar\""),
    ("if-none-match", "\"x\""),
    ("if-none-match", "W/\"x-otelbar\""),
    ("if-none-match", "W/\"y\", W/\"x-otelbar\", \"x-otelbar\""),
    ("if-none-match", "*"),
    ("if-range", "W/\"x-otelbar\""),
    ("origin", "http://localhost"),
    ("origin", "http://evil.example"),
    ("range", "bytes=0-1"),
    ("sec-fetch-dest", "empty"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-site", "cross-site"),
    ("te", "trailers"),
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("traceparent", "nonsense"),
    ("tracestate", "a=1,b=2"),
    ("user-agent", "curl/8.0"),
    ("via", "1.1 proxy"),
    ("x-empty", ""),
    ("x-forwarded-for", "203.0.113.9"),
    ("x-odd", "\u{e9}\t\u{fffd}"),
    ("x-requested-with", "XMLHttpRequest"),
];

fn answer() -> impl Strategy<Value = Answer> {
    let others = &[
        201_u16, 202, 204, 205, 206, 226, 299, 300, 301, 303, 304, 307, 400, 401, 404, 405, 412, 418, 500,
        503, 599, 999,
    ];
    let status = prop_oneof![4 => Just(200_u16), 1 => Just(304), 4 => select(&others[..])];
    let content_type = prop_oneof![
        6 => select(&["text/html", "Text/HTML ;charset=\"utf-8\""][..]).prop_map(Some),
        1 => Just(Some("text/html; charset=UTF-16")),
        1 => Just(Some("application/json")),
        1 => Just(None),
    ];
    let etags = select(&["\"x\"", "W/\"x\"", "\"x-otelbar\"", "\"\"", "x"][..]);
    let headers = vec(select(RESPONSE_LINES), 0..6);
    let length = prop_oneof![Just(Length::Absent), Just(Length::Told), Just(Length::OfGet)];
    let version = prop_oneof![8 => Just(Version::HTTP_11), 1 => Just(Version::HTTP_10)];
    let ends = prop_oneof![
        8 => Just(End::Ends), 2 => Just(End::Trailers), 1 => Just(End::Breaks), 1 => Just(End::Never),
    ];
    let work = (
        prop_oneof![4 => Just(0_u8), 1 => 1..4_u8],
        proptest::bool::weighted(0.03),
        0..4_u8,
        proptest::bool::weighted(0.05),
    );
    let head = (status, version, length, content_type, option::of(etags), headers);
    (work, head, script(ends)).prop_map(|((not_ready, refuses, waits, fails), head, body)| {
        let (status, version, length, content_type, etag, headers) = head;
        Answer {
            not_ready,
            refuses,
            waits,
            fails,
            status,
            version,
            length,
            content_type,
            etag,
            headers,
            body,
        }
    })
}

const RESPONSE_LINES: &[Line] = &[
    ("accept-ranges", "bytes"),
    ("cache-control", "no-store"),
    ("cache-control", "Private"),
    ("cache-control", "public, max-age=60"),
    ("cache-control", "s-maxage=600"),
    ("content-digest", "sha-256=:x:"),
    ("content-disposition", "attachment; filename=a"),
    ("content-encoding", "gzip"),
    ("content-encoding", "identity"),
    ("content-language", "en"),
    ("content-range", "bytes 0-1/9"),
    ("content-security-policy", "default-src 'none'"),
    ("content-security-policy", "sandbox allow-forms"),
    ("content-security-policy", "script-src 'nonce-aB+/='"),
    ("content-security-policy", "script-src 'self'"),
    ("content-security-policy-report-only", "script-src 'none'"),
    ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ("location", "/other?x=\u{e9}"),
    ("otelbar-bar", "mine"),
    ("otelbar-request", "mine"),
    ("server", ""),
    ("server-timing", "db;dur=53"),
    ("set-cookie", "a=1; Path=/"),
    ("set-cookie", "b=2; HttpOnly"),
    ("set-cookie", "b=2; HttpOnly"),
    ("trailer", "x-checksum"),
    ("trailer", "x-a, Content-Digest"),
    ("vary", "accept"),
    ("x-a", "1"),
    ("x-a", "2"),
    ("x-odd", "\u{e9}\t\u{fffd}"),
];

fn script(end: impl Strategy<Value = End>) -> impl Strategy<Value = Script> {
    let chunks = [
        &b""[..],
        b"x",
        b"<!doctype html><p>page</p>",
        b"</body></html>\r\n",
        b"\xff\xfe<\0",
        b"\xfe\xff\0<",
        b"\xff",
        b"\0\r\n\r\n0\r\n\r\n",
        &[b'a'; 9_000],
    ];
    let data = select(chunks.map(Bytes::from_static).to_vec()).prop_map(Step::Data);
    let step = prop_oneof![1 => Just(Step::Pending), 3 => data];
    let hint = select(&[Hint::Nothing, Hint::Exact, Hint::AtLeast, Hint::Within][..]);
    (vec(step, 0..6), end, hint, any::<bool>()).prop_map(|(steps, end, hint, tells_end)| Script {
        steps,
        end,
        hint,
        tells_end,
    })
}

/// The toolbar's own pages are no answers of the application.
fn of_the_application(mut case: Case) -> Case {
    if case.asked.target.starts_with("/__otelbar/") && may_see(&case) {
        case.asked.target = "/";
    }
    case
}

/// The case as it can be sent over HTTP/1.1, and answered to the end.
fn for_the_wire(mut case: Case) -> Case {
    case.asked.version = Version::HTTP_11;
    case.answer.version = Version::HTTP_11;
    case.asked.body.end = End::Ends;
    // A connection that is closed with something unread is reset, and may lose what was sent.
    if case.answer.refuses {
        case.asked.body.steps.clear();
    }
    if case.asked.method == "CONNECT" {
        case.asked.method = "GET";
    }
    if !case.asked.target.starts_with('/') {
        case.asked.target = "/";
    }
    if case.answer.body.end == End::Never && (case.asked.method != "HEAD" && !tells_length(&case.answer)) {
        case.answer.body.end = End::Ends;
    }
    of_the_application(case)
}

impl Script {
    fn len(&self) -> u64 {
        remaining(&self.steps)
    }

    fn data(&self) -> Vec<u8> {
        let data = |step: &Step| match step {
            Step::Data(data) => data.to_vec(),
            Step::Pending => Vec::new(),
        };
        self.steps.iter().flat_map(data).collect()
    }
}

fn remaining<'s>(steps: impl IntoIterator<Item = &'s Step>) -> u64 {
    steps.into_iter().map(|step| if let Step::Data(data) = step { data.len() as u64 } else { 0 }).sum()
}

// What is documented.

/// Who may see the toolbar ("Who sees it").
fn may_see(case: &Case) -> bool {
    let asked = &case.asked;
    let all = |name: &str| -> Vec<&str> {
        asked.headers.iter().filter(|line| line.0 == name).map(|line| line.1).collect()
    };
    let first = |name: &str| all(name).first().copied();
    let host = first("host");
    let named = if asked.target.starts_with("http:") { Some("localhost") } else { host };
    let of_another_site = first("sec-fetch-site") == Some("cross-site")
        && first("sec-fetch-mode") != Some("navigate")
        || first("origin").is_some_and(|origin| named.is_some_and(|own| origin != format!("http://{own}")));
    if of_another_site {
        return false;
    }
    if case.token {
        return all("authorization").contains(&BEARER.1);
    }
    let proxied = !all("via").is_empty()
        || !all("x-forwarded-for").is_empty()
        || all("connection").contains(&"close")
        || asked.version == Version::HTTP_10;
    let browser = first("user-agent").is_some_and(|agent| agent.starts_with("Mozilla/"))
        || asked.headers.iter().any(|line| line.0.starts_with("sec-"));
    let kept_alive = all("connection").contains(&"keep-alive") || asked.version != Version::HTTP_11;
    asked.peer == Peer::Local
        && !proxied
        && (!browser || kept_alive)
        && named.is_some()
        && host != Some("shop.example")
}

/// Whether somebody who may see the toolbar looks at the answer as a page.
fn navigates(case: &Case) -> bool {
    let asked = &case.asked;
    let has = |name: &str| asked.headers.iter().any(|line| line.0 == name);
    let accepts = |line: &Line| {
        line.0 == "accept" && line.1.to_ascii_lowercase().contains("text/html") && line.1 != "text/html;q=0"
    };
    let destination = asked.headers.iter().find(|line| line.0 == "sec-fetch-dest").map(|line| line.1);
    may_see(case)
        && matches!(asked.method, "GET" | "HEAD" | "POST")
        && match destination {
            Some(destination) => destination == "document",
            None => !has("hx-request") && !has("x-requested-with"),
        }
        && asked.headers.iter().any(accepts)
}

/// Whether an answer that was asked for by somebody who may see the toolbar is a page.
fn is_page(case: &Case) -> bool {
    let answer = &case.answer;
    let without_body = matches!(answer.status, 204 | 205 | 304)
        || (case.asked.method == "CONNECT" && (200..300).contains(&answer.status));
    !without_body
        && answer.content_type.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"))
}

/// Whether a page can have a bar.
fn gets_bar(case: &Case) -> bool {
    let answer = &case.answer;
    let forbids = |line: &Line| {
        matches!(
            line,
            ("content-encoding", "gzip")
                | ("content-digest" | "content-disposition", _)
                | ("trailer", "x-a, Content-Digest")
                | ("content-security-policy", "default-src 'none'" | "sandbox allow-forms")
        )
    };
    navigates(case)
        && is_page(case)
        && answer.status != 206
        && !answer.content_type.is_some_and(|kind| kind.contains("16"))
        && !answer.headers.iter().any(forbids)
}

/// Whether the page that a 304 is about is one that the bar has lengthened.
fn revalidates(case: &Case) -> bool {
    let marked = |line: &Line| line.0 == "if-none-match" && line.1.contains("W/\"x-otelbar\"");
    navigates(case) && case.answer.status == 304 && case.asked.headers.iter().any(marked)
}

/// What of a request's header the application sees: its own validators, where the client brings those of lengthened pages.
fn documented_value(case: &Case, name: &str, value: &Bytes) -> Bytes {
    let own = match name {
        // What stands under the toolbar's own path is not looked at where the toolbar is not shown.
        _ if case.asked.target.starts_with("/__otelbar/") => false,
        "if-match" => true,
        // The page that the browser has is another one than a script asks for.
        "if-none-match" => navigates(case) || !matches!(case.asked.method, "GET" | "HEAD"),
        _ => false,
    };
    match std::str::from_utf8(value) {
        Ok(text) if own => text.replace("W/\"x-otelbar\"", "\"x\"").into(),
        _ => value.clone(),
    }
}

/// What is put at the end of a page: room for itself in UTF-16, and the script.
fn fragment(case: &Case, id: &str, version: &str) -> Bytes {
    let policies = &case.answer.headers;
    let nonce = match policies.contains(&("content-security-policy", "script-src 'nonce-aB+/='")) {
        true => " nonce=\"aB+/=\"",
        false => "",
    };
    let script = format!(
        "\n<script src=\"/__otelbar/bar/bar.js?v={version}\" data-request=\"{id}\"{nonce} defer></script>\n"
    );
    match case.answer.body.data()[..] {
        [0xff, 0xfe, ..] => script.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        [0xfe, 0xff, ..] => script.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        _ => format!("{}{script}", " ".repeat(script.len())).into(),
    }
}

/// Takes what is documented out of the head of an answer, and out of both heads what is changed as it is documented ("What it
/// does to your answers"). Gives what is at the end of the body, if something is.
///
/// - Who may see the toolbar gets `otelbar-request` and `server-timing`, behind the application's own.
/// - With a page comes `otelbar-bar`, which says whether the bar was added.
/// - With the bar `content-length` is that of the longer body, for HEAD too, which is told the length of the body it would
///   get; `accept-ranges` is gone; a strong `etag` is weak and marked; one that is none is gone.
/// - A 304 about such a page has its `etag`.
/// - With a token the `cache-control` of a page is `private`, unless it was stricter.
fn undo_head(
    case: &Case,
    version: &str,
    plain: &mut Headers,
    watched: &mut Headers,
) -> Result<Option<Bytes>, String> {
    if !may_see(case) {
        return Ok(None);
    }
    let request = text(&watched.take_last("otelbar-request")?);
    let id = request.strip_prefix("/__otelbar/#/requests/").unwrap_or_default();
    same("digits of the id", &16, &id.bytes().filter(u8::is_ascii_hexdigit).count())?;
    same("server-timing", &format!("otelbar;desc=\"{id}\""), &text(&watched.take_last("server-timing")?))?;
    let bar = gets_bar(case).then(|| fragment(case, id, version));
    match (&bar, is_page(case)) {
        (Some(_), _) => same("otelbar-bar", "added", &text(&watched.take_last("otelbar-bar")?))?,
        (None, true) => {
            let told = text(&watched.take_last("otelbar-bar")?);
            same("otelbar-bar", "left out; ", told.get(..10).unwrap_or(&told))?;
        }
        (None, false) => {}
    }
    if bar.is_some() || revalidates(case) {
        watched.order_is_kept = plain.take("accept-ranges").is_empty();
        same("accept-ranges", &Vec::<Bytes>::new(), &watched.take("accept-ranges"))?;
        let marked = match plain.take("etag").first().map(text).as_deref() {
            Some("\"x\"") => vec![Bytes::from("W/\"x-otelbar\"")],
            Some("\"x-otelbar\"") => vec![Bytes::from("W/\"x-otelbar-otelbar\"")],
            Some("\"\"") => vec![Bytes::from("W/\"-otelbar\"")],
            Some(weak) if weak.starts_with("W/") => vec![Bytes::from(weak.to_owned())],
            Some(_) => {
                watched.order_is_kept = false;
                Vec::new()
            }
            None => Vec::new(),
        };
        same("etag", &marked, &watched.take("etag"))?;
    }
    if let Some(bar) = &bar {
        let length = |headers: &mut Headers| {
            headers.take("content-length").first().map(|length| text(length).parse::<u64>().unwrap())
        };
        let of_body = (case.asked.method == "HEAD" && case.answer.body.hint == Hint::Exact)
            .then(|| case.answer.body.len())
            .filter(|length| *length > 0);
        let own = length(plain).or(of_body);
        same("content-length", &own.map(|own| own + bar.len() as u64), &length(watched))?;
    }
    if case.token && (is_page(case) || revalidates(case)) {
        let own = plain.take("cache-control");
        let strict = |line: &Bytes| matches!(line.as_ref(), b"no-store" | b"Private");
        let lines = watched.take("cache-control");
        if own.iter().any(strict) {
            same("cache-control", &own, &lines)?;
        } else {
            let public = own.iter().filter(|line| line.starts_with(b"public")).count();
            let private = format!("private{}", ", max-age=60".repeat(public));
            same("cache-control", &vec![Bytes::from(private)], &lines)?;
        }
    }
    // To HEAD the bar is a part of a body that the server does not send, if it was given one.
    let has_body =
        case.asked.method != "HEAD" || (case.answer.body.hint == Hint::Exact && case.answer.body.len() > 0);
    Ok(bar.filter(|_| has_body))
}

/// Takes what is at the end of a page's body out of it, and out of what the body tells of its length and its end.
///
/// It comes when the body has ended, before its trailers, or as soon as the body has given as much as was told.
fn undo_body(case: &Case, plain: &[Event], watched: &mut Vec<Event>, bar: &Bytes) -> Result<(), String> {
    let is_told = tells_length(&case.answer);
    let data = |event: &Event| matches!(&event.then, Then::Data(data) if !data.is_empty());
    let end = |event: &Event| matches!(event.then, Then::End | Then::Trailers(_));
    let due = match is_told {
        true => Some(plain.iter().rposition(data).map_or(0, |last| last + 1)),
        false => plain.iter().position(end),
    };
    let len = bar.len() as u64;
    let before = due.map_or(usize::MAX, |due| due + 1);
    for (event, own) in watched.iter_mut().zip(plain).take(before) {
        same("is_end_stream with the bar to come", &false, &event.ended)?;
        event.lower = event.lower.checked_sub(len).ok_or("the bar is not in the lower bound")?;
        if let Some(upper) = &mut event.upper {
            *upper = upper.checked_sub(len).ok_or("the bar is not in the upper bound")?;
        }
        event.ended = own.ended;
    }
    let Some(due) = due else { return Ok(()) };
    let Some(added) = watched.get(due) else { return Err("the bar is not there".into()) };
    same("bar", &Then::Data(bar.clone()), &added.then)?;
    let added = watched.remove(due);
    if let Some(next) = watched.get_mut(due).filter(|_| !is_told) {
        same("size_hint behind the bar", &(0, Some(0)), &(next.lower, next.upper))?;
        same("is_end_stream behind the bar", &matches!(next.then, Then::End), &next.ended)?;
        // What the body told before the bar is what it told before its end.
        *next = Event { then: next.then.clone(), ..added };
    }
    Ok(())
}

/// Whether a server knows how long the body is, and asks for no more.
fn tells_length(answer: &Answer) -> bool {
    let body = &answer.body;
    let is_over = body.tells_end && body.steps.is_empty() && body.end == End::Ends;
    answer.length == Length::Told || body.hint == Hint::Exact || is_over
}

// Calling a service.

#[derive(Clone, Debug, PartialEq)]
struct Broken(&'static str);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Broken {}

/// An extension that is not the toolbar's.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Mark(u16);

/// Headers in their order, as they are given or sent.
#[derive(Clone, Debug, PartialEq)]
struct Headers {
    lines: Vec<(String, Bytes)>,
    /// Whether the order of different names is to be the same. A map from which one is removed changes it, which has no
    /// meaning (RFC 9110, 5.3).
    order_is_kept: bool,
}

impl Headers {
    fn of(map: &HeaderMap) -> Self {
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.as_str().to_owned(), Bytes::copy_from_slice(value.as_bytes()))
        };
        Headers { lines: map.iter().map(line).collect(), order_is_kept: true }
    }

    fn take(&mut self, name: &str) -> Vec<Bytes> {
        let (taken, left) = std::mem::take(&mut self.lines).into_iter().partition(|line| line.0 == name);
        self.lines = left;
        let taken: Vec<(String, Bytes)> = taken;
        taken.into_iter().map(|line| line.1).collect()
    }

    fn take_last(&mut self, name: &str) -> Result<Bytes, String> {
        let at = self.lines.iter().rposition(|line| line.0 == name);
        at.map(|at| self.lines.remove(at).1).ok_or_else(|| format!("{name} is not there"))
    }

    fn same(mut plain: Headers, mut watched: Headers) -> Result<(), String> {
        if !watched.order_is_kept {
            plain.lines.sort_by(|a, b| a.0.cmp(&b.0));
            watched.lines.sort_by(|a, b| a.0.cmp(&b.0));
        }
        same("headers", &plain.lines, &watched.lines)
    }
}

/// All that can be seen of a request and its answer.
#[derive(Debug)]
struct Exchange {
    /// `None` where the service was not called.
    inside: Option<Inside>,
    /// How often the service, and then its future, was not ready.
    waits: [usize; 2],
    answer: Result<(Head, Vec<Event>), Broken>,
}

/// What the service saw of the request.
#[derive(Debug, PartialEq)]
struct Inside {
    method: Method,
    uri: http::Uri,
    version: Version,
    headers: Headers,
    mark: Option<Mark>,
    peer: Option<PeerAddr>,
    body: Vec<Then>,
}

#[derive(Debug)]
struct Head {
    status: StatusCode,
    version: Version,
    headers: Headers,
    mark: Option<Mark>,
}

/// What a body told of the rest before it was polled, and what came then.
#[derive(Clone, Debug, PartialEq)]
struct Event {
    lower: u64,
    upper: Option<u64>,
    ended: bool,
    then: Then,
}

#[derive(Clone, Debug, PartialEq)]
enum Then {
    Pending,
    Data(Bytes),
    Trailers(Vec<(String, Bytes)>),
    Broken(Broken),
    End,
    /// It would wait for ever.
    Asleep,
}

/// Calls the service of a case, without a runtime: what is not ready has to wake its task, and nothing else does.
fn exchange<S, R>(case: &Case, around: impl FnOnce(Application) -> S) -> Exchange
where
    S: Service<Request<ScriptedBody>, Response = Response<R>, Error = Broken>,
    R: Body<Error = Broken>,
{
    let inside = Arc::default();
    let mut service = around(Application::new(&case.answer, &inside));
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut cx = Context::from_waker(&waker);
    let mut waits = [0, 0];
    let answer = (|| {
        ready(&woken, &mut waits[0], || service.poll_ready(&mut cx))?;
        let mut future = pin!(service.call(request(case)));
        let (head, body) = ready(&woken, &mut waits[1], || future.as_mut().poll(&mut cx))?.into_parts();
        let mark = head.extensions.get().copied();
        let headers = Headers::of(&head.headers);
        let head = Head { status: head.status, version: head.version, headers, mark };
        let mut events = Vec::new();
        let mut body = pin!(body);
        loop {
            let (hint, ended) = (body.size_hint(), body.is_end_stream());
            let then = match body.as_mut().poll_frame(&mut cx) {
                Poll::Pending if woken.take() => Then::Pending,
                Poll::Pending => Then::Asleep,
                Poll::Ready(frame) => then(frame),
            };
            let last = matches!(then, Then::Broken(_) | Then::End | Then::Asleep);
            events.push(Event { lower: hint.lower(), upper: hint.upper(), ended, then });
            if last {
                return Ok((head, events));
            }
        }
    })();
    drop(service);
    let inside = inside.lock().unwrap().take();
    Exchange { inside, waits, answer }
}

fn request(case: &Case) -> Request<ScriptedBody> {
    let asked = &case.asked;
    let mut request = Request::new(ScriptedBody::new(&asked.body));
    *request.method_mut() = asked.method.parse().unwrap();
    *request.uri_mut() = asked.target.parse().unwrap();
    *request.version_mut() = asked.version;
    *request.headers_mut() = header_map(&asked.headers);
    request.extensions_mut().insert(Mark(1));
    match asked.peer {
        Peer::Absent => None,
        Peer::Remote => request.extensions_mut().insert(PeerAddr::new(REMOTE)),
        Peer::Local => request.extensions_mut().insert(PeerAddr::new(LOCAL)),
    };
    request
}

fn header_map(lines: &[Line]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

/// Polls until it is ready. Who is not has to have woken the task.
fn ready<T>(woken: &Woken, waits: &mut usize, mut poll: impl FnMut() -> Poll<T>) -> T {
    loop {
        match poll() {
            Poll::Ready(value) => return value,
            Poll::Pending => assert!(woken.take(), "it would wait for ever"),
        }
        *waits += 1;
    }
}

#[derive(Debug, Default)]
struct Woken(AtomicBool);

impl Woken {
    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a poll of a body has given.
fn then<D: Buf, E>(frame: Option<Result<Frame<D>, E>>) -> Then
where
    E: std::error::Error + 'static,
{
    let frame = match frame {
        None => return Then::End,
        Some(Err(error)) => {
            let error: Box<dyn std::error::Error> = Box::new(error);
            return Then::Broken(error.downcast().map_or(Broken("another error"), |broken| *broken));
        }
        Some(Ok(frame)) => frame,
    };
    match frame.into_data() {
        Ok(mut data) => Then::Data(data.copy_to_bytes(data.remaining())),
        Err(frame) => Then::Trailers(Headers::of(&frame.into_trailers().ok().unwrap()).lines),
    }
}

/// The generated service.
#[derive(Clone)]
struct Application {
    answer: Answer,
    not_ready: u8,
    inside: Arc<Mutex<Option<Inside>>>,
}

impl Application {
    fn new(answer: &Answer, inside: &Arc<Mutex<Option<Inside>>>) -> Self {
        Application { answer: answer.clone(), not_ready: answer.not_ready, inside: Arc::clone(inside) }
    }
}

impl<B> Service<Request<B>> for Application
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: std::error::Error,
{
    type Response = Response<ScriptedBody>;
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Broken>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        if let Some(left) = self.not_ready.checked_sub(1) {
            self.not_ready = left;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(if self.answer.refuses { Err(Broken("not ready")) } else { Ok(()) })
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Application { answer, inside, .. } = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let mut frames = Vec::new();
            let mut body = Box::pin(body);
            loop {
                let frame = then(std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await);
                let last = matches!(frame, Then::End | Then::Broken(_));
                frames.push(frame);
                if last {
                    break;
                }
            }
            *inside.lock().unwrap() = Some(Inside {
                method: head.method,
                uri: head.uri,
                version: head.version,
                headers: Headers::of(&head.headers),
                mark: head.extensions.get().copied(),
                peer: head.extensions.get().copied(),
                body: frames,
            });
            for _ in 0..answer.waits {
                wait_once().await;
            }
            if answer.fails {
                return Err(Broken("failed"));
            }
            Ok(response(&answer))
        })
    }
}

fn response(answer: &Answer) -> Response<ScriptedBody> {
    let mut response = Response::new(ScriptedBody::new(&answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap();
    *response.version_mut() = answer.version;
    let content_type = answer.content_type.map(|kind| ("content-type", kind));
    let etag = answer.etag.map(|tag| ("etag", tag));
    let lines: Vec<Line> = content_type.into_iter().chain(etag).chain(answer.headers.clone()).collect();
    *response.headers_mut() = header_map(&lines);
    match answer.length {
        Length::Absent => None,
        Length::Told => response.headers_mut().insert("content-length", answer.body.len().into()),
        Length::OfGet => response.headers_mut().insert("content-length", OF_GET.into()),
    };
    response.extensions_mut().insert(Mark(2));
    response
}

fn wait_once() -> impl Future<Output = ()> {
    let mut waited = false;
    std::future::poll_fn(move |cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

/// The generated body. Its data is in two pieces, as that of a `Buf` may be.
#[derive(Debug)]
struct ScriptedBody {
    steps: VecDeque<Step>,
    end: End,
    hint: Hint,
    tells_end: bool,
}

impl ScriptedBody {
    fn new(script: &Script) -> Self {
        let Script { steps, end, hint, tells_end } = script.clone();
        ScriptedBody { steps: steps.into(), end, hint, tells_end }
    }
}

impl Body for ScriptedBody {
    type Data = Chain<Bytes, Bytes>;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Broken>>> {
        match (self.steps.pop_front(), self.end) {
            (Some(Step::Pending), _) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            (Some(Step::Data(mut data)), _) => {
                let first = data.split_to(data.len() / 2);
                Poll::Ready(Some(Ok(Frame::data(first.chain(data)))))
            }
            (None, End::Ends) => Poll::Ready(None),
            (None, End::Never) => Poll::Pending,
            (None, End::Breaks) => {
                self.end = End::Ends;
                Poll::Ready(Some(Err(Broken("broken"))))
            }
            (None, End::Trailers) => {
                self.end = End::Ends;
                Poll::Ready(Some(Ok(Frame::trailers(header_map(&TRAILERS)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.tells_end && self.steps.is_empty() && self.end == End::Ends
    }

    fn size_hint(&self) -> SizeHint {
        let left = remaining(&self.steps);
        let mut hint = SizeHint::new();
        match self.hint {
            _ if self.is_end_stream() => hint = SizeHint::with_exact(0),
            Hint::Nothing => {}
            Hint::Exact => hint = SizeHint::with_exact(left),
            Hint::AtLeast => hint.set_lower(left / 2),
            Hint::Within => {
                hint.set_lower(left / 2);
                hint.set_upper(left + 3);
            }
        }
        hint
    }
}

// Comparing.

fn same<T: PartialEq + std::fmt::Debug + ?Sized>(what: &str, plain: &T, watched: &T) -> Result<(), String> {
    match plain == watched {
        true => Ok(()),
        false => Err(format!("{what}: {plain:?} became {watched:?}")),
    }
}

fn text(value: &Bytes) -> String {
    String::from_utf8_lossy(value).into_owned()
}

fn compare(case: &Case, mut plain: Exchange, mut watched: Exchange, version: &str) -> Result<(), String> {
    if let Some(inside) = &mut plain.inside {
        for (name, value) in &mut inside.headers.lines {
            *value = documented_value(case, name, value);
        }
    }
    same("request", &plain.inside, &watched.inside)?;
    same("waits", &plain.waits, &watched.waits)?;
    let ((plain, mut plain_body), (mut head, mut body)) = match (&mut plain.answer, &mut watched.answer) {
        (Ok(_), Ok(_)) => {
            let (Ok(plain), Ok(watched)) = (plain.answer, watched.answer) else { unreachable!() };
            (plain, watched)
        }
        (plain, watched) => {
            let error = |answer: &Result<_, Broken>| answer.as_ref().err().cloned();
            return same("error", &error(plain), &error(watched));
        }
    };
    let mut headers = plain.headers;
    let bar = undo_head(case, version, &mut headers, &mut head.headers)?;
    same("status", &plain.status, &head.status)?;
    same("version", &plain.version, &head.version)?;
    same("extension", &plain.mark, &head.mark)?;
    Headers::same(headers, head.headers)?;
    if let Some(bar) = bar {
        undo_body(case, &plain_body, &mut body, &bar)?;
    }
    // Nothing comes behind trailers, which a body may not know.
    for body in [&mut plain_body, &mut body] {
        let trailers = body.iter().position(|event| matches!(event.then, Then::Trailers(_)));
        for event in body.iter_mut().skip(trailers.map_or(usize::MAX, |at| at + 1)) {
            *event = Event { lower: 0, upper: Some(0), ended: true, then: event.then.clone() };
        }
    }
    same("body", &plain_body, &body)
}

// Over a socket.

/// The bytes of the answer, after one request of a client that says that it has no more.
async fn bytes_of<S, R>(case: &Case, around: impl FnOnce(Application) -> S) -> Vec<u8>
where
    S: Service<Request<hyper::body::Incoming>, Response = Response<R>, Error = Broken> + Clone,
    R: Body + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let service = TowerToHyperService::new(around(Application::new(&case.answer, &Arc::default())));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = async {
        let (stream, _) = listener.accept().await.unwrap();
        let mut server = hyper::server::conn::http1::Builder::new();
        // Services and bodies fail; the client sees what has been sent.
        let _ = server.half_close(true).serve_connection(TokioIo::new(stream), service).await;
    };
    let client = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&sent(&case.asked)).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
        received
    };
    tokio::join!(server, client).1
}

fn sent(asked: &Asked) -> Vec<u8> {
    let mut bytes = format!("{} {} HTTP/1.1\r\n", asked.method, asked.target).into_bytes();
    for (name, value) in &asked.headers {
        bytes.extend(format!("{name}: {value}\r\n").bytes());
    }
    let body = asked.body.data();
    bytes.extend(format!("content-length: {}\r\n\r\n", body.len()).bytes());
    bytes.extend(body);
    bytes
}

/// The status line, the headers and the body as they were sent; `None` where nothing was.
fn parsed(bytes: &[u8]) -> Result<Option<(Bytes, Headers, Vec<u8>)>, String> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let end = bytes.windows(4).position(|end| end == b"\r\n\r\n").ok_or("the head has no end")?;
    let mut lines = Vec::new();
    let mut rest = &bytes[..end + 2];
    while let Some(at) = rest.windows(2).position(|end| end == b"\r\n") {
        lines.push(&rest[..at]);
        rest = &rest[at + 2..];
    }
    let mut headers = Headers { lines: Vec::new(), order_is_kept: true };
    for line in &lines[1..] {
        let at = line.windows(2).position(|end| end == b": ").ok_or("a header has no value")?;
        let name = String::from_utf8_lossy(&line[..at]).into_owned();
        headers.lines.push((name, Bytes::copy_from_slice(&line[at + 2..])));
    }
    headers.take("date");
    Ok(Some((Bytes::copy_from_slice(lines[0]), headers, bytes[end + 4..].to_vec())))
}

fn compare_bytes(case: &Case, plain: &[u8], watched: &[u8], version: &str) -> Result<(), String> {
    let (plain, watched) = (parsed(plain)?, parsed(watched)?);
    let ((line, mut headers, body), (watched_line, mut watched_headers, mut watched_body)) =
        match (plain, watched) {
            (Some(plain), Some(watched)) => (plain, watched),
            (plain, watched) => return same("answer", &plain, &watched),
        };
    same("status line", &line, &watched_line)?;
    let chunked = headers.lines.iter().any(|line| line.0 == "transfer-encoding");
    let bar = undo_head(case, version, &mut headers, &mut watched_headers)?;
    Headers::same(headers, watched_headers)?;
    let is_sent =
        case.asked.method != "HEAD" && (case.answer.body.end != End::Breaks || tells_length(&case.answer));
    if let Some(bar) = bar.filter(|_| is_sent) {
        let mut added = bar.to_vec();
        if chunked {
            added = [format!("{:X}\r\n", bar.len()).as_bytes(), &bar, b"\r\n"].concat();
        }
        let at = watched_body.windows(added.len()).rposition(|bytes| bytes == added);
        let at = at.ok_or("the bar is not at the end of the page")?;
        watched_body.drain(at..at + added.len());
    }
    same("body", &body.escape_ascii().to_string(), &watched_body.escape_ascii().to_string())
}
