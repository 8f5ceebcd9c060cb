//! What this crate gives can be sent to other threads, shared between them, and kept across an await: layers and services
//! are cloned into each connection's task, futures and bodies move with it.

use std::convert::Infallible;
use std::future::Ready;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use otelbar_panel::{
    Boxed, CaptureLayer, ClientBody, ClientFuture, ClientLayer, ClientService, OpenTelemetryPanel,
    PanelError, PeerAddr, QueryFuture, RequestHandle, ShutdownGuard, ToolbarBody, ToolbarFuture,
    ToolbarLayer, ToolbarService, ToolbarSpanProcessor, Typed, Unsettled, UrlTemplate,
};

type Answer = Ready<Result<Response<Full<Bytes>>, Infallible>>;

/// Each of these types has the three traits, or this does not compile.
macro_rules! check {
    ($($type:ty),* $(,)?) => {
        $({
            fn check<T: Send + Sync + Unpin + 'static>() {}
            check::<$type>();
        })*
    };
}

#[test]
fn every_type_is_send_sync_and_unpin() {
    check!(
        Boxed,
        CaptureLayer,
        ClientBody<Full<Bytes>, Typed>,
        ClientFuture<Answer, (Typed, Typed)>,
        ClientLayer<(Typed, Typed)>,
        ClientService<(), (Typed, Typed)>,
        OpenTelemetryPanel,
        PanelError,
        PeerAddr,
        QueryFuture<Ready<Result<(), Infallible>>>,
        RequestHandle,
        ShutdownGuard,
        ToolbarBody<Full<Bytes>>,
        ToolbarFuture<Answer>,
        ToolbarLayer,
        ToolbarService<()>,
        ToolbarSpanProcessor,
        Typed,
        Unsettled,
        UrlTemplate,
    );
}
