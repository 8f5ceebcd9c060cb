//! One connection to the proxy.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::uri::{Parts, PathAndQuery, Scheme};
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{ProxiedRequest, State, lock};
use crate::upstream::{self, Answer, say};

/// Serves it until it ends, or becomes a tunnel.
pub(super) async fn connection(stream: TcpStream, state: Arc<Mutex<State>>) {
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(answer(request, &state).await) }
    });
    // A connection that breaks is the client's to report.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}

async fn answer(request: Request<Incoming>, state: &Mutex<State>) -> Answer {
    let authorized = {
        let mut state = lock(state);
        let authorized = state.authorizes(request.headers());
        state.requests.push(ProxiedRequest {
            method: request.method().clone(),
            target: request.uri().to_string(),
            headers: request.headers().clone(),
            authorized,
        });
        authorized
    };
    if !authorized {
        let mut answer = say(StatusCode::PROXY_AUTHENTICATION_REQUIRED, "the proxy asks for credentials");
        let basic = HeaderValue::from_static("Basic realm=\"otelbar-testkit\"");
        answer.headers_mut().insert(header::PROXY_AUTHENTICATE, basic);
        return answer;
    }
    let uri = request.uri();
    let is_tunnel = request.method() == Method::CONNECT;
    let port = match (uri.port_u16(), uri.scheme()) {
        (Some(port), _) => port,
        (None, Some(scheme)) if *scheme == Scheme::HTTP => 80,
        _ => {
            let words = "a proxy takes http addresses in absolute form, and CONNECT with host and port";
            return say(StatusCode::BAD_REQUEST, words);
        }
    };
    let host = uri.host().unwrap_or_default();
    let Some(address) = lock(state).address(host, port) else {
        return say(StatusCode::BAD_GATEWAY, format!("this proxy does not lead to {host}"));
    };
    let answer = if is_tunnel { tunnel(request, address).await } else { forward(request, address).await };
    answer.unwrap_or_else(|error| say(StatusCode::BAD_GATEWAY, format!("{address}: {error}")))
}

/// The address that was asked for stays in the `Host` header (RFC 9112, section 3.2.2).
async fn forward(mut request: Request<Incoming>, address: SocketAddr) -> std::io::Result<Answer> {
    let mut parts: Parts = std::mem::take(request.uri_mut()).into_parts();
    if let Some(host) = parts.authority.take().and_then(|authority| {
        // Credentials in an address are for the one who asks, and no part of the host.
        let host = authority.as_str().rsplit('@').next().unwrap_or_default().to_owned();
        HeaderValue::try_from(host).ok()
    }) {
        request.headers_mut().insert(header::HOST, host);
    }
    parts.scheme = None;
    parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from_parts(parts).map_err(std::io::Error::other)?;
    upstream::send(address, request).await
}

async fn tunnel(request: Request<Incoming>, address: SocketAddr) -> std::io::Result<Answer> {
    let mut server = TcpStream::connect(address).await?;
    // The upgrade comes when the answer below has been sent. The task ends with either side, or with the runtime.
    tokio::spawn(async move {
        if let Ok(client) = hyper::upgrade::on(request).await {
            let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(client), &mut server).await;
        }
    });
    let mut answer = say(StatusCode::OK, "");
    answer.headers_mut().remove(header::CONTENT_TYPE);
    Ok(answer)
}
