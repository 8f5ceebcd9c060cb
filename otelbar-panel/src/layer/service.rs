use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::ToolbarBody;
use super::future::ToolbarFuture;
use super::open_request::Watch;
use super::peer;
use super::watcher::Watcher;
use crate::guard::{fault, guard};
use crate::record::{RequestHandle, ServiceInfo};

/// Watches the requests of a service, and serves the toolbar's pages beside it.
///
/// Made by [`OpenTelemetryPanel::layer`](crate::OpenTelemetryPanel::layer). It goes around everything that is to be seen;
/// in axum, `Router::layer` after the routes.
#[derive(Clone, Debug)]
pub struct ToolbarLayer {
    /// `None` when the configuration says that the toolbar is off.
    watcher: Option<Arc<Watcher>>,
    service: Arc<ServiceInfo>,
    peer: Option<SocketAddr>,
}

impl ToolbarLayer {
    pub(crate) fn new(watcher: Option<Arc<Watcher>>, service: Arc<ServiceInfo>) -> Self {
        ToolbarLayer { watcher, service, peer: None }
    }

    /// The same layer for a service of another name (`service.name`), when a process holds several.
    #[must_use]
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.service = Arc::new(self.service.named(name.into()));
        self
    }

    /// The same layer for the requests of one connection, whose other end has this address.
    ///
    /// For servers that leave no address in the request; see [`PeerAddr`](crate::PeerAddr).
    #[must_use]
    pub fn peer(mut self, address: SocketAddr) -> Self {
        self.peer = Some(address);
        self
    }
}

impl<S> Layer<S> for ToolbarLayer {
    type Service = ToolbarService<S>;

    fn layer(&self, inner: S) -> ToolbarService<S> {
        ToolbarService { inner, layer: self.clone() }
    }
}

/// A service that the toolbar watches; made by [`ToolbarLayer`].
#[derive(Clone, Debug)]
pub struct ToolbarService<S> {
    inner: S,
    layer: ToolbarLayer,
}

impl<S, B, R> Service<Request<B>> for ToolbarService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body,
{
    type Response = Response<ToolbarBody<R>>;
    type Error = S::Error;
    type Future = ToolbarFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let Some(watcher) = &self.layer.watcher else { return ToolbarFuture::off(self.inner.call(request)) };
        let peer = self.layer.peer.or_else(|| peer::peer(request.extensions()));
        if let Some(rest) = watcher.pages.own_path(request.uri().path()) {
            return match watcher.pages.ask(rest, &request, peer) {
                Some(answer) => ToolbarFuture::own(answer),
                // Who may not see the toolbar finds there what the application has at any other path.
                None => ToolbarFuture::off(self.inner.call(request)),
            };
        }
        // A layer around another of the same toolbar watches; the inner one has nothing to add.
        let watched = request.extensions().get::<RequestHandle>();
        if watched.is_some_and(|handle| Arc::ptr_eq(&handle.scope.context.recorder, &watcher.recorder)) {
            return ToolbarFuture::off(self.inner.call(request));
        }
        let opened = guard("beginning to record a request", || {
            fault("opening", request.uri().path());
            watcher.pages.warnings.tell();
            Watch::open(watcher, &self.layer.service, &mut request, peer)
        });
        let Some(watch) = opened else { return ToolbarFuture::off(self.inner.call(request)) };
        request.extensions_mut().insert(watch.handle());
        let inner = watch.run(|| self.inner.call(request));
        ToolbarFuture::watched(inner, watch)
    }
}
