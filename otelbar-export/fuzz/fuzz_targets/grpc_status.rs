//! Any trailers of a gRPC call: the message, percent-decoded, is one short line. The lines of the input are the values
//! of `grpc-status`, `grpc-message` and `grpc-status-details-bin`.

#![no_main]

use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use otelbar_export::fuzzing::grpc_status;

fuzz_target!(|input: &[u8]| {
    let mut trailers = HeaderMap::new();
    let names = ["grpc-status", "grpc-message", "grpc-status-details-bin"];
    for (name, value) in names.into_iter().zip(input.splitn(3, |byte| *byte == b'\n')) {
        let Ok(value) = HeaderValue::from_bytes(value) else { return };
        trailers.insert(name, value);
    }
    let (message, delay) = grpc_status(&trailers).expect("there is always a grpc-status");
    assert!(message.chars().count() <= 301 && !message.contains(char::is_control), "{message:?}");
    assert!(delay.is_none_or(|delay| !delay.is_zero()));
    // What is plain is read as it is.
    let sent = trailers.get("grpc-message").map(HeaderValue::as_bytes).unwrap_or_default();
    if sent.len() <= 300 && sent.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'%') {
        assert_eq!(message.as_bytes(), sent);
    }
});
