//! `reqwest`, whose requests have an `http::HeaderMap`, calling a server that reads the context and passes it
//! on to a second one.
//!
//! ```sh
//! cargo run -p otelbar-propagation --features http --example reqwest_client
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use otelbar_propagation::{
    Baggage, SpanId, TraceContext, Tracestate, extract_trace_context, inject_trace_context, parse_traceparent,
};
use tokio::net::TcpListener;

/// Calls the server, and fails if the context does not arrive.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let second = serve(None).await?;
    let first = serve(Some(second)).await?;

    let traceparent = parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")?;
    let context = TraceContext::new(traceparent)
        .with_tracestate(Tracestate::parse("congo=t61rcWkgMzE")?)
        .with_baggage(Baggage::parse("tier=gold")?);
    let received = call(first, &context).await?;

    println!("the second server received {received}");
    let expected = "00-0af7651916cd43dd8448eb211c80319c-0000000000000001-01 congo=t61rcWkgMzE tier=gold";
    if received == expected { Ok(()) } else { Err("the context did not arrive".into()) }
}

/// Calls a server within a context, and returns what it answers.
async fn call(server: SocketAddr, context: &TraceContext<'_>) -> Result<String, reqwest::Error> {
    let client = reqwest::Client::new();
    let mut request = client.get(format!("http://{server}/")).build()?;
    inject_trace_context(context, request.headers_mut());
    client.execute(request).await?.error_for_status()?.text().await
}

/// Starts a server that answers with the context it was called with, or, if there is a `next`, with what
/// that one answers when it is called within the context.
async fn serve(next: Option<SocketAddr>) -> Result<SocketAddr, Box<dyn Error>> {
    async fn answer(request: &Request<Incoming>, next: Option<SocketAddr>) -> String {
        let context = extract_trace_context(request.headers()).context();
        match (next, context.traceparent()) {
            (_, None) => "nothing".to_owned(),
            (None, Some(traceparent)) => {
                format!("{traceparent} {} {}", context.tracestate(), context.baggage())
            }
            (Some(next), Some(_)) => {
                // The span of this server. An id that is made up of course is not for production.
                let own_span = SpanId::from_u64(1);
                let context = own_span.map(|span| context.clone().with_parent_id(span)).unwrap_or(context);
                call(next, &context).await.unwrap_or_else(|error| error.to_string())
            }
        }
    }

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(move |request| async move {
                let body = answer(&request, next).await;
                Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(body)))
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    Ok(address)
}
