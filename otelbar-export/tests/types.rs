//! What public types can be used for: to be sent to other threads, shared between them, and moved.

use otelbar_export::{
    BreakerPolicy, BreakerState, Compression, ConsoleDestination, ConsoleFormat, ConsoleTarget, Delivery,
    DeliveryState, Destination, DestinationInfo, DestinationKind, DropCounts, DropReason, Dropped, EnqueueId,
    GrpcCode, Health, LastError, Left, OtlpDestination, Overflow, Pause, PauseReason, Pipeline,
    PipelineBuilder, Protocol, Receipt, RetryPolicy, SendError, SetupError, SpanCounts, SpoolOptions,
    Statistics, ToolbarSpanExporter, TraceBatch, TraceDelivery, TraceKey, Unfinished,
};

#[test]
fn public_types_are_send_sync_and_unpin() {
    fn check<T: Send + Sync + Unpin + 'static>() {}
    check::<(Pipeline, PipelineBuilder, ToolbarSpanExporter)>();
    check::<(Destination, OtlpDestination, ConsoleDestination)>();
    check::<(DestinationInfo, DestinationKind, Protocol, Compression, ConsoleFormat, ConsoleTarget)>();
    #[cfg(feature = "zipkin")]
    check::<otelbar_export::ZipkinDestination>();
    check::<(BreakerPolicy, RetryPolicy, SpoolOptions, Overflow)>();
    check::<(TraceBatch, TraceKey, EnqueueId, TraceDelivery)>();
    check::<(Delivery, DeliveryState, DropReason, Receipt, SpanCounts)>();
    check::<(Statistics, DropCounts, BreakerState, Health, Pause, PauseReason, LastError)>();
    check::<(Dropped, SendError, GrpcCode, SetupError, Unfinished, Left)>();
}
