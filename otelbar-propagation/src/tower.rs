//! A layer for HTTP clients: every request gets the context it belongs to.
//!
//! It goes around any client that is a `tower` service of `http::Request`, such as that of `hyper-util`.
//! Where the context comes from is a [`ContextSource`]: the current OpenTelemetry context, the current
//! `tracing` span, a fixed value or a closure. A single request can be given another one in its
//! extensions.
//!
//! ```
//! use otelbar_propagation::tower::InjectContextLayer;
//! use otelbar_propagation::{TraceContext, Traceparent};
//! use tower_layer::Layer as _;
//! use tower_service::Service as _;
//!
//! # struct Client;
//! # impl tower_service::Service<http::Request<()>> for Client {
//! #     type Response = http::Request<()>;
//! #     type Error = std::convert::Infallible;
//! #     type Future = std::future::Ready<Result<http::Request<()>, Self::Error>>;
//! #     fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
//! #         std::task::Poll::Ready(Ok(()))
//! #     }
//! #     fn call(&mut self, request: http::Request<()>) -> Self::Future { std::future::ready(Ok(request)) }
//! # }
//! # let client = Client;
//! let traceparent: Traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse()?;
//! let mut client = InjectContextLayer::new(TraceContext::new(traceparent)).layer(client);
//! let sent = client.call(http::Request::new(()));
//! # assert_eq!(sent.into_inner().unwrap().headers()["traceparent"], traceparent.to_string());
//! # Ok::<(), otelbar_propagation::TraceparentError>(())
//! ```

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
#[doc(no_inline)]
pub use tower_layer::Layer;
#[doc(no_inline)]
pub use tower_service::Service;

use crate::source::ContextSource;
use crate::{Propagators, TraceContext, inject_trace_context};

/// A layer that injects the context of a [`ContextSource`] into every request that has not its own.
#[derive(Clone)]
pub struct InjectContextLayer<C> {
    source: C,
    /// `None` for the default ones, for which there is a shorter way.
    propagators: Option<Arc<Propagators>>,
}

impl<C: ContextSource> InjectContextLayer<C> {
    /// A layer that writes the context of `source` as W3C Trace Context and Baggage.
    pub const fn new(source: C) -> Self {
        Self { source, propagators: None }
    }

    /// Writes these formats instead.
    pub fn with_propagators(mut self, propagators: Propagators) -> Self {
        self.propagators = (!propagators.is_default()).then(|| Arc::new(propagators));
        self
    }
}

impl<C: Clone, S> Layer<S> for InjectContextLayer<C> {
    type Service = InjectContext<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        InjectContext { inner, layer: self.clone() }
    }
}

impl<C> fmt::Debug for InjectContextLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InjectContextLayer").field("propagators", &self.propagators).finish_non_exhaustive()
    }
}

/// The service of [`InjectContextLayer`].
///
/// A request with a [`TraceContext<'static>`](TraceContext) in its extensions is sent with that one, and
/// with none if that one is empty.
#[derive(Clone)]
pub struct InjectContext<S, C> {
    inner: S,
    layer: InjectContextLayer<C>,
}

impl<S, C> InjectContext<S, C> {
    /// The client inside.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// The client inside, to be changed.
    pub const fn inner_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The client inside, out of the layer.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, C, B> Service<Request<B>> for InjectContext<S, C>
where
    S: Service<Request<B>>,
    C: ContextSource,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let own = request.extensions_mut().remove::<TraceContext<'static>>();
        let context = own.unwrap_or_else(|| self.layer.source.trace_context());
        match &self.layer.propagators {
            None => inject_trace_context(&context, request.headers_mut()),
            Some(propagators) => propagators.inject(&context, request.headers_mut()),
        }
        drop(context);
        self.inner.call(request)
    }
}

impl<S: fmt::Debug, C> fmt::Debug for InjectContext<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InjectContext").field("inner", &self.inner).field("layer", &self.layer).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::{Ready, ready};

    use http::HeaderMap;

    use super::*;

    /// A client that answers with the headers it was to send.
    #[derive(Clone, Debug)]
    struct Echo;

    impl Service<Request<()>> for Echo {
        type Response = HeaderMap;
        type Error = Infallible;
        type Future = Ready<Result<HeaderMap, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<()>) -> Self::Future {
            ready(Ok(request.headers().clone()))
        }
    }

    const FIRST: &str = "00-12345678901234567890123456789012-1234567890123456-01";
    const SECOND: &str = "00-12345678901234567890123456789012-6543210987654321-01";

    fn context(traceparent: &str) -> TraceContext<'static> {
        TraceContext::new(traceparent.parse().unwrap())
    }

    fn send<C: ContextSource + Clone>(layer: &InjectContextLayer<C>, request: Request<()>) -> HeaderMap {
        let Ok(headers) = layer.layer(Echo).call(request).into_inner();
        headers
    }

    /// Each request is sent with the context there is at its time.
    #[test]
    fn the_source_is_asked_for_each_request() {
        let count = std::cell::Cell::new(0);
        let source = || {
            count.set(count.get() + 1);
            context(if count.get() == 1 { FIRST } else { SECOND })
        };
        let layer = InjectContextLayer::new(&source);
        assert_eq!(send(&layer, Request::new(()))["traceparent"], FIRST);
        assert_eq!(send(&layer, Request::new(()))["traceparent"], SECOND);
    }

    /// The request's own context goes before that of the source, and an empty one keeps it out.
    #[test]
    fn a_request_can_have_its_own() {
        let layer = InjectContextLayer::new(context(FIRST));
        let mut request = Request::new(());
        request.extensions_mut().insert(context(SECOND));
        assert_eq!(send(&layer, request)["traceparent"], SECOND);

        let mut request = Request::new(());
        request.extensions_mut().insert(TraceContext::empty());
        assert!(send(&layer, request).is_empty());
    }

    /// A request outside of any trace is sent as it is.
    #[test]
    fn without_a_context_nothing_is_written() {
        let mut request = Request::new(());
        request.headers_mut().insert("traceparent", http::HeaderValue::from_static(FIRST));
        assert_eq!(send(&InjectContextLayer::new(()), request)["traceparent"], FIRST);
    }

    /// Other formats are written in place of W3C's.
    #[test]
    #[cfg(feature = "b3")]
    fn other_formats() {
        let layer = InjectContextLayer::new(context(FIRST)).with_propagators("b3".parse().unwrap());
        let headers = send(&layer, Request::new(()));
        assert_eq!(headers.len(), 1);
        assert_eq!(headers["b3"], "12345678901234567890123456789012-1234567890123456-1");
    }
}
