//! Clients that show what came back.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use otelbar_testkit::Collector;
use prost::Message;

/// Why there was no whole answer.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, key_strindex: 0 }
}

pub(crate) fn message(names: &[&str]) -> Vec<u8> {
    let spans = names
        .iter()
        .zip(1_u8..)
        .map(|(name, id)| Span {
            trace_id: vec![7; 16],
            span_id: vec![id; 8],
            name: (*name).to_owned(),
            start_time_unix_nano: u64::from(id),
            attributes: vec![text("http.route", "/cart")],
            ..Span::default()
        })
        .collect();
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![text("service.name", "shop")],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }],
    }
    .encode_to_vec()
}

pub(crate) async fn post(url: &str, body: Vec<u8>) -> Result<Response<Bytes>, Failure> {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::post(url)
        .header(header::CONTENT_TYPE, "application/x-protobuf")
        .header("x-key", "secret")
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let (head, body) = client.request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Response::from_parts(head, body))
}

/// The frame of a unary call.
pub(crate) fn framed(message: &[u8], compressed: bool) -> Vec<u8> {
    let mut frame = vec![compressed.into()];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(message);
    frame
}

/// A call of `TraceService.Export` over HTTP/2, with the trailers put among the headers.
pub(crate) async fn call(
    collector: &Collector,
    coding: Option<&str>,
    body: Vec<u8>,
) -> Result<Response<Bytes>, Failure> {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let mut request = Request::post(format!("{}{path}", collector.endpoint()))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers");
    if let Some(coding) = coding {
        request = request.header("grpc-encoding", coding);
    }
    let (mut head, body) =
        client.request(request.body(Full::new(Bytes::from(body))).unwrap()).await?.into_parts();
    let body = body.collect().await?;
    head.headers.extend(body.trailers().cloned().unwrap_or_default());
    Ok(Response::from_parts(head, body.to_bytes()))
}

pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}
