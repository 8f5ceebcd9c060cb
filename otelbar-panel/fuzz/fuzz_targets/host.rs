//! Who is let in by the `Host` that a local caller asks for: only a name of this machine, however it is written. The
//! input is the value of the header, then, on a line of its own, the authority in the request's target, if any.

#![no_main]

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use futures_executor::block_on;
use http::uri::Authority;
use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use libfuzzer_sys::fuzz_target;
use otelbar_config::OpenTelemetryConfig;
use otelbar_panel::{OpenTelemetryPanel, PeerAddr};
use tower::{Layer, ServiceExt, service_fn};

static TOOLBAR: LazyLock<OpenTelemetryPanel> = LazyLock::new(|| {
    let config = OpenTelemetryConfig::builder().traces_exporters([]).build().expect("a valid configuration");
    OpenTelemetryPanel::new(config).expect("a toolbar without exporters")
});

fuzz_target!(|input: &[u8]| {
    let (host, authority) = match input.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&input[..end], Some(&input[end + 1..])),
        None => (input, None),
    };
    let Ok(value) = HeaderValue::from_bytes(host) else { return };
    let mut uri = Uri::builder().path_and_query("/__otelbar/");
    if let Some(authority) = authority {
        uri = uri.scheme("http").authority(authority);
    }
    let Ok(uri) = uri.build() else { return };
    let request = Request::builder()
        .uri(uri)
        .header(header::HOST, value)
        .header(header::CONNECTION, "keep-alive")
        .extension(PeerAddr::new((Ipv4Addr::LOCALHOST, 50_000).into()))
        .body(String::new())
        .expect("its parts are valid");
    let application = service_fn(async |_: Request<String>| {
        Ok::<_, Infallible>(Response::builder().status(StatusCode::IM_A_TEAPOT).body(String::new()).expect("valid"))
    });
    let answer = block_on(TOOLBAR.layer().layer(application).oneshot(request)).expect("it never fails");
    if answer.status() != StatusCode::OK {
        return;
    }
    let authorities = [Some(host), authority];
    for authority in authorities.into_iter().flatten() {
        let text = std::str::from_utf8(authority).expect("a name of this machine is text");
        let authority: Authority = text.trim().parse().expect("a name of this machine is an authority");
        let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        assert!(!authority.as_str().contains('@'), "{text}");
        assert!(
            host == "localhost"
                || host.ends_with(".localhost")
                || address.is_ok_and(|address| address.to_canonical().is_loopback()),
            "{text}"
        );
    }
});
