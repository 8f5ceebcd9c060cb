//! Any proxy variables for any endpoint: no credentials are shown, this machine is never reached through a proxy, and
//! `*` in `no_proxy` means no proxy at all. The first line is the endpoint, each further one `NAME=value`.

#![no_main]

use std::collections::HashMap;
use std::net::IpAddr;

use http::Uri;
use libfuzzer_sys::fuzz_target;
use otelbar_export::fuzzing::proxy;

fuzz_target!(|text: &str| {
    let (endpoint, lines) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(endpoint) = endpoint.parse::<Uri>() else { return };
    let mut variables: HashMap<&str, &str> = lines.lines().filter_map(|line| line.split_once('=')).collect();
    let read = |variables: &HashMap<&str, &str>| {
        proxy(&|name| variables.get(name).map(|value| (*value).to_owned()), &endpoint)
    };

    match read(&variables) {
        Ok(Some(url)) => {
            assert!(url.starts_with("http://") && !url.contains('@'), "{url}");
            let host = endpoint.host().unwrap_or_default().trim_matches(['[', ']']);
            let address = host.parse::<IpAddr>();
            assert!(!host.eq_ignore_ascii_case("localhost"), "{host}");
            assert!(!address.is_ok_and(|address| address.to_canonical().is_loopback()), "{host}");
        }
        Ok(None) => {}
        Err(error) => {
            let told = error.to_string();
            let secret = |value: &&&str| value.contains('@') && value.len() > 3;
            let shown = variables.values().filter(secret).find(|value| told.contains(value.trim()));
            assert_eq!(shown, None, "{told}");
        }
    }

    variables.remove("NO_PROXY");
    variables.insert("no_proxy", "other, *");
    // A host that cannot be read is not compared with the list.
    if endpoint.host().is_some_and(|host| !host.is_empty()) {
        assert!(read(&variables).is_ok_and(|proxy| proxy.is_none()), "{endpoint}");
    }
});
