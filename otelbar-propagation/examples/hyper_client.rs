//! The client of `hyper-util`, in the layer that injects the current OpenTelemetry context, calling a server
//! that reads it.
//!
//! ```sh
//! cargo run -p otelbar-propagation --features opentelemetry,tower --example hyper_client
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;

use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry::context::{Context, FutureExt as _};
use opentelemetry::trace::{TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use otelbar_propagation::source::CurrentContext;
use otelbar_propagation::tower::InjectContextLayer;
use otelbar_propagation::{TraceContext, extract_trace_context};
use tokio::net::TcpListener;
use tower::{Layer as _, ServiceExt as _};

/// Calls the server, and fails if the context does not arrive.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let server = serve().await?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let client = InjectContextLayer::new(CurrentContext).layer(client);

    let provider = SdkTracerProvider::builder().build();
    let span = provider.tracer("example").start("fetch the greeting");
    let context = Context::current_with_span(span);
    let sent = TraceContext::from_opentelemetry(&context);

    let request = Request::get(format!("http://{server}/")).body(Empty::new())?;
    // The layer asks for the context when the client is called, which is when this future is polled first.
    let response = client.oneshot(request).with_context(context);
    let body = response.await?.into_body().collect().await?.to_bytes();

    let sent = sent.traceparent().ok_or("the span has no valid ids")?.to_string();
    println!("sent     {sent}\nreceived {}", String::from_utf8_lossy(&body));
    if body != sent { Err("the context did not arrive".into()) } else { Ok(()) }
}

/// Starts a server that answers with the traceparent it was called with.
async fn serve() -> Result<SocketAddr, Box<dyn Error>> {
    async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let extraction = extract_trace_context(request.headers());
        let received = extraction.traceparent().map(|traceparent| traceparent.to_string());
        Ok(Response::new(Full::from(received.unwrap_or_else(|| "nothing".to_owned()))))
    }

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)));
        }
    });
    Ok(address)
}
