//! What public types can be used for: to be sent to other threads, shared between them, and moved.

use otelbar_testkit::{
    Collector, Ending, Fault, InMemoryExporter, Interceptor, NotReceived, ProxiedRequest, Proxy,
    ReceivedEvent, ReceivedLink, ReceivedRequest, ReceivedSpan, ReceivedValue, ReceivedZipkinSpan, Reply,
    SpanTree, Stage, TreeSpan, ZipkinAnnotation, ZipkinEndpoint,
};

#[test]
fn public_types_are_send_sync_and_unpin() {
    fn check<T: Send + Sync + Unpin + 'static>() {}
    check::<(Collector, Interceptor, Proxy, InMemoryExporter)>();
    check::<(Ending, Fault, Reply, Stage, NotReceived)>();
    check::<(ReceivedEvent, ReceivedLink, ReceivedRequest, ReceivedSpan, ReceivedValue, ProxiedRequest)>();
    check::<(ReceivedZipkinSpan, ZipkinAnnotation, ZipkinEndpoint)>();
    check::<(SpanTree, TreeSpan)>();
    #[cfg(feature = "tls")]
    check::<(otelbar_testkit::CertificateAuthority, otelbar_testkit::Identity)>();
}
