//! Over gRPC to a server that is not ours: tonic's, with the service generated from the protocol's definition.
#![cfg(feature = "grpc")]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use otelbar_export::{Destination, Pipeline, Protocol};
use tokio::net::TcpListener;
use tonic::codec::CompressionEncoding;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use common::{PATIENCE, assert_balanced, batch, compressions, start, statistics_of};

/// Answers in turn: unavailable, a partial success, success.
#[derive(Clone, Default)]
struct Service(Arc<Mutex<Vec<usize>>>);

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        assert_eq!(request.metadata().get("x-key").unwrap(), "secret");
        let message = request.into_inner();
        let spans =
            message.resource_spans.iter().flat_map(|group| &group.scope_spans).map(|of| of.spans.len());
        let mut seen = self.0.lock().unwrap();
        seen.push(spans.sum());
        match seen.len() {
            1 => Err(Status::unavailable("nicht verfügbar")),
            2 => Ok(Response::new(ExportTraceServiceResponse {
                partial_success: Some(ExportTracePartialSuccess {
                    rejected_spans: 1,
                    error_message: "too old".to_owned(),
                }),
            })),
            _ => Ok(Response::new(ExportTraceServiceResponse::default())),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn tonic_takes_what_is_sent_and_is_understood() {
    for compression in compressions() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let service = Service::default();
        let server = TraceServiceServer::new(service.clone())
            .accept_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Zstd);
        let serving = tokio::spawn(
            tonic::transport::Server::builder()
                .add_service(server)
                .serve_with_incoming(TcpIncoming::from(listener)),
        );

        let destination = Destination::otlp(url)
            .with_protocol(Protocol::Grpc)
            .with_compression(compression)
            .with_header("x-key", "secret");
        let builder = Pipeline::builder().with_destination(destination);
        let (pipeline, receipts) = start(builder.with_scheduled_delay(Duration::ZERO));
        pipeline.enqueue(batch(1, 3)).unwrap();
        pipeline.flush_async(PATIENCE).await.unwrap();
        pipeline.enqueue(batch(2, 4)).unwrap();
        pipeline.flush_async(PATIENCE).await.unwrap();
        serving.abort();

        assert_eq!(*service.0.lock().unwrap(), [3, 3, 4], "{compression}");
        let said = receipts.said(1);
        assert!(said[1].contains("UNAVAILABLE (14): nicht verfügbar"), "{said:?}");
        assert!(said.last().unwrap().contains("too old"), "{said:?}");
        let statistics = statistics_of(&pipeline);
        assert_eq!((statistics.spans.accepted, statistics.spans.rejected), (6, 1));
        assert_balanced(&statistics);
    }
}
