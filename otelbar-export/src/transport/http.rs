//! OTLP over HTTP/1.1, protobuf or JSON in the body; and Zipkin, which is the same but for what it answers.

use bytes::Bytes;
use http::{HeaderMap, header};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

use crate::encode::Encoding;
#[cfg(feature = "json")]
use crate::encode::JSON;
use crate::transport::answer::Unreadable;
#[cfg(feature = "json")]
use crate::transport::answer::has_type;
use crate::transport::client::HttpClient;
use crate::transport::compress::{Compression, compress};
use crate::transport::error::SendError;
use crate::transport::target::HttpTarget;
use crate::transport::version::Version;
use crate::transport::{Acknowledged, Payload, Transport};

/// Posts each request to the endpoint as it stands.
pub(crate) struct HttpTransport {
    client: HttpClient,
    encoding: Encoding,
    compression: Compression,
}

impl HttpTransport {
    pub(super) fn new(target: HttpTarget, encoding: Encoding) -> Self {
        let compression = target.compression;
        let uri = target.endpoint.uri.clone();
        let mut client = HttpClient::new(target, uri, Version::Http1);
        client.headers.insert(header::CONTENT_TYPE, encoding.content_type());
        Self { client, encoding, compression }
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

pub(super) fn acknowledged(headers: &HeaderMap, body: Result<Bytes, Unreadable>) -> Acknowledged {
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
        Err(_) => Acknowledged::unreadable("is not an ExportTraceServiceResponse"),
    }
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

    pub(super) fn acknowledged(body: &[u8]) -> Acknowledged {
        // As in protobuf, nothing is a message without fields.
        if body.is_empty() {
            return Acknowledged::default();
        }
        let Ok(response) = serde_json::from_slice::<Response>(body) else {
            return Acknowledged::unreadable("is not an ExportTraceServiceResponse");
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
}

#[cfg(all(test, feature = "json"))]
mod tests {
    use super::*;

    #[test]
    fn a_success_in_json_is_read() {
        #[track_caller]
        fn check(body: &'static str, rejected: u64, message: Option<&str>) {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, JSON)]);
            let got = acknowledged(&headers, Ok(Bytes::from_static(body.as_bytes())));
            assert_eq!(got, Acknowledged { rejected, message: message.map(str::to_owned) }, "{body}");
        }
        check("", 0, None);
        check("{}", 0, None);
        check(r#"{"partialSuccess":{}}"#, 0, None);
        check(r#"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"old"}}"#, 2, Some("old"));
        check(r#"{"partialSuccess":{"rejectedSpans":2,"more":1}}"#, 2, None);
        check(r#"{"partialSuccess":{"rejectedSpans":"-2"}}"#, 0, None);
        let unreadable = |why: &str| Acknowledged::unreadable(why).message;
        check("~", 0, unreadable("is not an ExportTraceServiceResponse").as_deref());
        check(
            r#"{"partialSuccess":{"rejectedSpans":"two"}}"#,
            0,
            unreadable("has an invalid number of rejected spans").as_deref(),
        );
    }
}
