//! OTLP over gRPC.
//!
//! A unary call is one frame each way and a status, so it is made on hyper itself: the request is compressed
//! once however often it is sent, and what failed here is never mistaken for a status the backend gave.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Uri, header};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use percent_encoding::percent_decode;
use prost::Message;

use crate::text::one_line;
use crate::transport::answer::{Answer, Unreadable};
use crate::transport::client::HttpClient;
use crate::transport::compress::{Compression, compress};
use crate::transport::error::{GrpcCode, SendError};
use crate::transport::rpc::RpcStatus;
use crate::transport::target::HttpTarget;
use crate::transport::version::Version;
use crate::transport::{Acknowledged, Payload, Transport};

const METHOD: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");
const GRPC_STATUS: &str = "grpc-status";
const GRPC_MESSAGE: &str = "grpc-message";
const GRPC_STATUS_DETAILS: &str = "grpc-status-details-bin";
const GRPC_TIMEOUT: &str = "grpc-timeout";
/// A frame's flag and length.
const FRAME_HEAD: usize = 1 + 4;

/// Values of `-bin` headers come with and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Calls `TraceService.Export`.
pub(crate) struct GrpcTransport {
    client: HttpClient,
    compression: Compression,
}

impl GrpcTransport {
    pub(super) fn new(target: HttpTarget) -> Self {
        let compression = target.compression;
        let mut uri = target.endpoint.uri.clone().into_parts();
        uri.path_and_query = Some(PathAndQuery::from_static(METHOD));
        // The parts come from a URI that had them all.
        let uri = Uri::from_parts(uri).unwrap_or_default();
        let mut client = HttpClient::new(target, uri, Version::Http2);
        client.headers.insert(header::CONTENT_TYPE, GRPC);
        client.headers.insert(header::TE, TRAILERS);
        if let Some(timeout) = timeout_value(client.timeout) {
            client.headers.insert(GRPC_TIMEOUT, timeout);
        }
        Self { client, compression }
    }

    fn read(&self, answer: Answer) -> Result<Acknowledged, SendError> {
        let endpoint = || Arc::clone(&self.client.endpoint);
        // An answer of headers alone has the status there.
        let trailers =
            if answer.headers.contains_key(GRPC_STATUS) { &answer.headers } else { &answer.trailers };
        let Some(status) = Status::read(trailers) else {
            if !answer.status.is_success() {
                // From a proxy, or from a server of another protocol.
                return Err(answer.refused(&self.client.endpoint));
            }
            return match answer.body {
                // A message comes with success alone.
                Err(unreadable @ Unreadable::TooLarge) => Ok(Acknowledged::unreadable(unreadable.as_str())),
                Err(Unreadable::TooLate) => Err(self.client.timed_out()),
                Err(Unreadable::CutOff(error)) => Err(error),
                Ok(_) => {
                    let reason = "the answer has no grpc-status, so it is not from a gRPC server".to_owned();
                    Err(SendError::Lost { endpoint: endpoint(), reason })
                }
            };
        };
        if status.code != GrpcCode::Ok {
            let retry_info = status.details.retry_info();
            return Err(SendError::Grpc {
                endpoint: endpoint(),
                code: status.code,
                message: status.message,
                retry_info: retry_info.is_some(),
                retry_after: retry_info.and_then(|info| info.delay()),
            });
        }
        Ok(match answer.body {
            Ok(body) => acknowledged(body),
            Err(unreadable) => Acknowledged::unreadable(unreadable.as_str()),
        })
    }
}

impl Transport for GrpcTransport {
    fn pack(&self, body: Bytes) -> Payload {
        let (body, coding) = compress(body, self.compression);
        let mut frame = BytesMut::with_capacity(FRAME_HEAD);
        frame.put_u8(coding.is_some().into());
        // A request is far below this; `check` of the options sees to it.
        frame.put_u32(u32::try_from(body.len()).unwrap_or(u32::MAX));
        Payload { frame: frame.freeze(), body, coding }
    }

    async fn send(&self, payload: Payload) -> Result<Acknowledged, SendError> {
        self.read(self.client.post(payload).await?)
    }
}

/// Reads the one frame of a success.
pub(super) fn acknowledged(mut body: Bytes) -> Acknowledged {
    if body.is_empty() {
        return Acknowledged::unreadable("is missing");
    }
    if body.len() < FRAME_HEAD {
        return Acknowledged::unreadable("is not a gRPC frame");
    }
    let compressed = body.get_u8();
    let len = body.get_u32();
    if compressed != 0 {
        return Acknowledged::unreadable("is compressed, which was not offered");
    }
    if usize::try_from(len) != Ok(body.len()) {
        return Acknowledged::unreadable("is not exactly one gRPC frame");
    }
    match ExportTraceServiceResponse::decode(body) {
        Ok(ExportTraceServiceResponse { partial_success: Some(partial) }) => {
            Acknowledged::partial(partial.rejected_spans, &partial.error_message)
        }
        Ok(_) => Acknowledged::default(),
        Err(_) => Acknowledged::unreadable("is not an ExportTraceServiceResponse"),
    }
}

/// How a call ended.
pub(super) struct Status {
    code: GrpcCode,
    pub(super) message: String,
    pub(super) details: RpcStatus,
}

impl Status {
    pub(super) fn read(trailers: &HeaderMap) -> Option<Self> {
        let code = trailers.get(GRPC_STATUS)?.to_str().ok().and_then(|code| code.parse().ok());
        let text = |name| trailers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
        let details = BASE64.decode(text(GRPC_STATUS_DETAILS)).unwrap_or_default();
        Some(Self {
            code: code.map_or(GrpcCode::Unknown, GrpcCode::from_number),
            message: one_line(&percent_decoded(text(GRPC_MESSAGE))),
            details: RpcStatus::decode(&*details).unwrap_or_default(),
        })
    }
}

/// A status message: UTF-8, with what is not printable ASCII percent-encoded. What is encoded wrongly stays as it
/// is, as gRPC asks.
fn percent_decoded(text: &[u8]) -> Cow<'_, str> {
    percent_decode(text).decode_utf8_lossy()
}

/// At most eight digits and a unit; nothing for what is longer than anybody waits.
fn timeout_value(timeout: Duration) -> Option<HeaderValue> {
    const MOST: u128 = 99_999_999;
    let (number, unit) = match (timeout.as_micros(), timeout.as_millis(), u128::from(timeout.as_secs())) {
        (micros, ..) if micros <= MOST => (micros, 'u'),
        (_, millis, _) if millis <= MOST => (millis, 'm'),
        (.., seconds) if seconds <= MOST => (seconds, 'S'),
        _ => return None,
    };
    HeaderValue::try_from(format!("{number}{unit}")).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trailers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| ((*name).try_into().unwrap(), (*value).try_into().unwrap()))
            .collect()
    }

    #[test]
    fn a_status_is_read_from_the_trailers() {
        #[track_caller]
        fn check(pairs: &[(&'static str, &str)], code: GrpcCode, message: &str, delay: Option<Duration>) {
            let status = Status::read(&trailers(pairs)).unwrap();
            let got = status.details.retry_info().and_then(|info| info.delay());
            assert_eq!((status.code, status.message.as_str(), got), (code, message, delay));
        }
        check(&[("grpc-status", "0")], GrpcCode::Ok, "", None);
        check(
            &[("grpc-status", "14"), ("grpc-message", "try%20l%C3%A4ter")],
            GrpcCode::Unavailable,
            "try läter",
            None,
        );
        check(&[("grpc-status", "99")], GrpcCode::Unknown, "", None);
        check(&[("grpc-status", "-1")], GrpcCode::Unknown, "", None);
        check(&[("grpc-status", "x")], GrpcCode::Unknown, "", None);
        check(
            &[("grpc-status", "8"), ("grpc-status-details-bin", "~")],
            GrpcCode::ResourceExhausted,
            "",
            None,
        );
        assert!(Status::read(&HeaderMap::new()).is_none());
    }

    #[test]
    fn retry_info_is_read_with_padding_and_without() {
        let mut delay = BytesMut::new();
        // RetryInfo { retry_delay: Duration { seconds: 1, nanos: 500000000 } }
        delay.put_slice(b"\x0a\x08\x08\x01\x10\x80\xca\xb5\xee\x01");
        let details = RpcStatus {
            code: 8,
            details: vec![crate::transport::rpc::Any {
                type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
                value: delay.freeze(),
            }],
            ..RpcStatus::default()
        };
        let padded = base64::engine::general_purpose::STANDARD.encode(details.encode_to_vec());
        assert!(padded.ends_with('='), "or this tests one form alone");
        for text in [padded.as_str(), padded.trim_end_matches('=')] {
            let status =
                Status::read(&trailers(&[("grpc-status", "8"), (GRPC_STATUS_DETAILS, text)])).unwrap();
            assert_eq!(status.details.retry_info().unwrap().delay(), Some(Duration::from_millis(1500)));
        }
    }

    #[test]
    fn a_message_that_is_encoded_wrongly_is_shown_as_it_is() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            assert_eq!(percent_decoded(text.as_bytes()), expected);
        }
        check("100%", "100%");
        check("%4", "%4");
        check("%zz%41", "%zzA");
        check("%ff", "\u{fffd}");
        check("%25%20", "% ");
    }

    #[test]
    fn a_timeout_has_at_most_eight_digits() {
        #[track_caller]
        fn check(timeout: Duration, expected: Option<&str>) {
            let value = timeout_value(timeout);
            assert_eq!(value.as_ref().map(|value| value.to_str().unwrap()), expected);
        }
        check(Duration::from_millis(300), Some("300000u"));
        check(Duration::from_secs(10), Some("10000000u"));
        check(Duration::from_secs(100), Some("100000m"));
        check(Duration::from_secs(99_999_999), Some("99999999S"));
        check(Duration::MAX, None);
    }

    #[test]
    fn a_success_with_an_odd_body_is_a_success() {
        #[track_caller]
        fn check(body: &'static [u8], expected: Acknowledged) {
            assert_eq!(acknowledged(Bytes::from_static(body)), expected);
        }
        check(b"\0\0\0\0\0", Acknowledged::default());
        check(b"\0\0\0\0\x04\x0a\x02\x08\x03", Acknowledged { rejected: 3, message: None });
        check(b"", Acknowledged::unreadable("is missing"));
        check(b"\0\0", Acknowledged::unreadable("is not a gRPC frame"));
        check(b"\x01\0\0\0\0", Acknowledged::unreadable("is compressed, which was not offered"));
        check(b"\0\0\0\0\x09~", Acknowledged::unreadable("is not exactly one gRPC frame"));
        check(b"\0\0\0\0\x01~", Acknowledged::unreadable("is not an ExportTraceServiceResponse"));
    }

    proptest! {
        /// Whatever a backend sends is read without a panic.
        #[test]
        fn nothing_upsets_the_readers(body in prop::collection::vec(any::<u8>(), 0..64), text in "\\PC*") {
            let _ = acknowledged(body.clone().into());
            let _ = percent_decoded(&body);
            // Valid text stays what it is or shrinks, but for sequences that decode to no UTF-8.
            prop_assert!(text.contains('%') || percent_decoded(text.as_bytes()) == text);
            if let Ok(value) = HeaderValue::from_bytes(&body) {
                let mut trailers = HeaderMap::new();
                for name in [GRPC_STATUS, GRPC_MESSAGE, GRPC_STATUS_DETAILS] {
                    trailers.insert(name, value.clone());
                }
                prop_assert!(Status::read(&trailers).is_some());
            }
        }
    }
}
