//! The collector's port: each connection and what becomes of it.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};

use super::answer::{Release, answer};
use super::connection::{Connection, Control, Farewell};
use super::stage::Ending;
use super::{Security, Shared};
use crate::thread::ServerThread;

/// Serves the port until what it gives is dropped.
pub(super) fn start(
    listener: TcpListener,
    shared: Arc<Shared>,
    security: Security,
) -> io::Result<ServerThread> {
    ServerThread::start("otelbar-collector", listener, move |stream| {
        // Before the connection shows in the count: who sees it there may release it at once.
        let mut release = Release(shared.release.subscribe());
        let fault = shared.change(|received| {
            received.connections += 1;
            received.script.take_for_connection()
        });
        let (shared, security) = (Arc::clone(&shared), security.clone());
        async move {
            let control = Arc::new(Control::default());
            let Ok((connection, socket)) = Connection::new(stream, Arc::clone(&control)) else { return };
            match fault {
                None => serve(connection, shared, security, &control).await,
                Some(Ending::Hang) => {
                    release.given().await;
                    serve(connection, shared, security, &control).await;
                }
                Some(Ending::Reset) => control.say(Farewell::Reset),
                Some(Ending::Close) => control.say(Farewell::Close),
            }
            control.end(socket).await;
        }
    })
}

async fn serve(connection: Connection, shared: Arc<Shared>, security: Security, control: &Arc<Control>) {
    match security {
        Security::None => serve_http(connection, shared, control).await,
        #[cfg(feature = "tls")]
        Security::Tls(config) => {
            // A handshake that fails is the client's to report.
            if let Ok(stream) = tokio_rustls::TlsAcceptor::from(config).accept(connection).await {
                serve_http(stream, shared, control).await;
            }
        }
    }
}

/// Serves HTTP/1.1 and HTTP/2, whichever the client begins with, until the connection ends or is to be broken.
async fn serve_http<S>(stream: S, shared: Arc<Shared>, control: &Arc<Control>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let of_service = Arc::clone(control);
    let service = service_fn(move |request| answer(request, Arc::clone(&shared), Arc::clone(&of_service)));
    let server = auto::Builder::new(TokioExecutor::new());
    tokio::select! {
        // What was answered before the connection is to break has to be written before it does.
        biased;
        // A connection that breaks is the client's to report.
        _ = server.serve_connection(TokioIo::new(stream), service) => {}
        () = control.told() => {}
    }
}
