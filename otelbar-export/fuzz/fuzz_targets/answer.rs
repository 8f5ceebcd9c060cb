//! Any answer of a backend, as one to OTLP over HTTP and over gRPC: what is told of it is one short line. The first byte
//! chooses the type of the body and whether the request was taken.

#![no_main]

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use libfuzzer_sys::fuzz_target;
use otelbar_export::fuzzing::{grpc_success, http_error, http_success};

const TYPES: [HeaderValue; 4] = [
    HeaderValue::from_static("application/x-protobuf"),
    HeaderValue::from_static("application/json; charset=utf-8"),
    HeaderValue::from_static("text/html"),
    HeaderValue::from_static(""),
];
const STATUSES: [StatusCode; 4] = [
    StatusCode::OK,
    StatusCode::BAD_REQUEST,
    StatusCode::TEMPORARY_REDIRECT,
    StatusCode::SERVICE_UNAVAILABLE,
];

fuzz_target!(|input: &[u8]| {
    let Some((&first, body)) = input.split_first() else { return };
    let body = Bytes::copy_from_slice(body);
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, TYPES[usize::from(first) % TYPES.len()].clone());
    if let Ok(value) = HeaderValue::from_bytes(&body) {
        headers.insert(header::LOCATION, value.clone());
        headers.insert(header::RETRY_AFTER, value);
    }
    let status = STATUSES[usize::from(first) / TYPES.len() % STATUSES.len()];
    if status.is_success() {
        for (rejected, message) in [http_success(&headers, body.clone()), grpc_success(body.clone())] {
            assert!(i64::try_from(rejected).is_ok());
            check(&message.unwrap_or_default());
        }
    } else {
        check(&http_error(status, &headers, &body));
    }
});

fn check(line: &str) {
    assert!(line.chars().count() <= 301 && !line.contains(char::is_control), "{line:?}");
}
