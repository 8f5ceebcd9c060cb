//! OTLP over HTTP/1.1, protobuf or JSON in the body; and Zipkin, which is the same but for what it answers.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use otelbar_config::Compression;
use prost::Message;

use crate::client::{Connector, HttpClient, Unreadable, Version, beginning, one_line};
use crate::compress::compress;
#[cfg(feature = "json")]
use crate::encode::JSON;
use crate::encode::{Encoding, PROTOBUF};
use crate::rpc::RpcMessage;
use crate::transport::{Acknowledged, Payload, Transport};
use crate::{ExporterOptions, SendError};

/// Posts each request to the endpoint as it stands.
pub(crate) struct HttpTransport {
    client: HttpClient,
    encoding: Encoding,
    compression: Compression,
}

impl HttpTransport {
    pub(crate) fn new(options: &ExporterOptions, encoding: Encoding, connector: Connector) -> Self {
        let mut client = HttpClient::new(options, options.endpoint.uri.clone(), Version::Http1, connector);
        client.headers.insert(header::CONTENT_TYPE, encoding.content_type());
        Self { client, encoding, compression: options.compression }
    }
}

impl Transport for HttpTransport {
    fn pack(&self, body: Bytes) -> Payload {
        let (body, coding) = compress(body, self.compression);
        Payload { frame: Bytes::new(), body, coding }
    }

    async fn send(&self, payload: Payload) -> Result<Acknowledged, SendError> {
        let answer = self.client.post(payload).await?;
        if answer.status.is_success() {
            return Ok(match self.encoding {
                // A success has nothing more to say.
                #[cfg(feature = "zipkin")]
                Encoding::Zipkin => Acknowledged::default(),
                _ => acknowledged(&answer.headers, answer.body),
            });
        }
        Err(answer.refused(&self.client.endpoint))
    }
}

fn acknowledged(headers: &HeaderMap, body: Result<Bytes, Unreadable>) -> Acknowledged {
    let body = match body {
        Ok(body) => body,
        Err(unreadable) => return Acknowledged::unreadable(unreadable.as_str()),
    };
    #[cfg(feature = "json")]
    if has_type(headers, &JSON) {
        return json::acknowledged(&body);
    }
    #[cfg(not(feature = "json"))]
    let _ = headers;
    match ExportTraceServiceResponse::decode(body) {
        Ok(ExportTraceServiceResponse { partial_success: Some(partial) }) => {
            Acknowledged::partial(partial.rejected_spans, &partial.error_message)
        }
        Ok(_) => Acknowledged::default(),
        Err(_) => Acknowledged::unreadable("is no ExportTraceServiceResponse"),
    }
}

/// What an error's answer says: the message of the `google.rpc.Status` in the body, else the text.
pub(crate) fn message(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> String {
    if status.is_redirection() {
        let to = headers.get(header::LOCATION).map(HeaderValue::as_bytes).unwrap_or_default();
        return one_line(&beginning(to));
    }
    if has_type(headers, &PROTOBUF) {
        return one_line(&RpcMessage::decode(body.clone()).unwrap_or_default().message);
    }
    #[cfg(feature = "json")]
    if has_type(headers, &JSON)
        && let Some(message) = json::message(body)
    {
        return one_line(&message);
    }
    one_line(&beginning(body))
}

/// Whether the body is of this type, whatever its parameters.
fn has_type(headers: &HeaderMap, expected: &HeaderValue) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| {
        let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(expected.as_bytes())
    })
}

/// Answers in JSON.
#[cfg(feature = "json")]
mod json {
    use serde::Deserialize;

    use crate::transport::Acknowledged;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Response {
        partial_success: Option<PartialSuccess>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    #[derive(Default)]
    struct PartialSuccess {
        rejected_spans: Option<Int64>,
        error_message: Option<String>,
    }

    /// Protobuf's mapping writes these as strings, and reads both.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Int64 {
        Number(i64),
        Text(String),
    }

    #[derive(Deserialize)]
    struct Status {
        message: String,
    }

    pub(super) fn acknowledged(body: &[u8]) -> Acknowledged {
        // As in protobuf, nothing is a message without fields.
        if body.is_empty() {
            return Acknowledged::default();
        }
        let Ok(response) = serde_json::from_slice::<Response>(body) else {
            return Acknowledged::unreadable("is no ExportTraceServiceResponse");
        };
        let Some(partial) = response.partial_success else { return Acknowledged::default() };
        let rejected = match partial.rejected_spans {
            None => Some(0),
            Some(Int64::Number(rejected)) => Some(rejected),
            Some(Int64::Text(text)) => text.parse().ok(),
        };
        match rejected {
            Some(rejected) => Acknowledged::partial(rejected, &partial.error_message.unwrap_or_default()),
            None => Acknowledged::unreadable("has an invalid number of rejected spans"),
        }
    }

    pub(super) fn message(body: &[u8]) -> Option<String> {
        serde_json::from_slice::<Status>(body).ok().map(|status| status.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(content_type: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::LOCATION, HeaderValue::from_static("/there"));
        headers
    }

    #[test]
    fn an_errors_message_is_one_short_line() {
        #[track_caller]
        fn check(status: u16, content_type: &'static str, body: &[u8], expected: &str) {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(message(status, &typed(content_type), &Bytes::copy_from_slice(body)), expected);
        }
        check(400, "application/x-protobuf", b"\x08\x03\x12\x07bad key", "bad key");
        check(400, "application/x-protobuf", b"\xff\xff", "");
        let details = [&b"\x1a\x00".repeat(1000)[..], b"\x12\x07bad key"].concat();
        check(400, "application/x-protobuf", &details, "bad key");
        check(502, "text/html", b"<h1>Bad\r\n gateway</h1>\n\x1b[31m", "<h1>Bad gateway</h1> [31m");
        check(502, "text/plain", b"\xff\xfe", "\u{fffd}\u{fffd}");
        check(307, "text/plain", b"moved", "/there");
        check(500, "text/plain", "ü".repeat(2000).as_bytes(), &format!("{}…", "ü".repeat(300)));
        if cfg!(feature = "json") {
            check(400, "application/json; charset=utf-8", br#"{"code":3,"message":"bad key"}"#, "bad key");
        }
        check(400, "application/json", b"[bad]", "[bad]");
    }

    #[cfg(feature = "json")]
    #[test]
    fn a_success_in_json_is_read() {
        #[track_caller]
        fn check(body: &'static str, rejected: u64, message: Option<&str>) {
            let got = acknowledged(&typed("application/json"), Ok(Bytes::from_static(body.as_bytes())));
            assert_eq!(got, Acknowledged { rejected, message: message.map(str::to_owned) }, "{body}");
        }
        check("", 0, None);
        check("{}", 0, None);
        check(r#"{"partialSuccess":{}}"#, 0, None);
        check(r#"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"old"}}"#, 2, Some("old"));
        check(r#"{"partialSuccess":{"rejectedSpans":2,"more":1}}"#, 2, None);
        check(r#"{"partialSuccess":{"rejectedSpans":"-2"}}"#, 0, None);
        let unreadable = |why: &str| Acknowledged::unreadable(why).message;
        check("~", 0, unreadable("is no ExportTraceServiceResponse").as_deref());
        check(
            r#"{"partialSuccess":{"rejectedSpans":"two"}}"#,
            0,
            unreadable("has an invalid number of rejected spans").as_deref(),
        );
    }
}
