//! Any `Forwarded` and `X-Forwarded-*` headers: nothing is taken from a peer that is not trusted, and what is taken from
//! one that is has its form. Each line of the input is `name: value`.

#![no_main]

#[path = "../../src/layer/forwarded.rs"]
mod forwarded_headers;

use forwarded_headers::forwarded;
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use otelbar_config::IpNetworks;

fuzz_target!(|input: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let trusted: IpNetworks = "10.0.0.0/8,fd00::/8".parse().expect("two networks");
    let from = |peer: [u8; 4]| forwarded(&headers, Some((peer, 1).into()), &trusted);
    assert_eq!(from([192, 0, 2, 1]), None);
    let Some(told) = from([10, 0, 0, 1]) else { return };
    assert!(told.client.is_none_or(|client| client == client.to_canonical()));
    assert!(told.host.is_none_or(|host| !host.as_str().contains('@')));
    assert!(told.scheme.is_none_or(|scheme| matches!(scheme, "http" | "https")));
});
