//! What public types can be used for: to be sent to other threads, shared between them, and moved.

use otelbar_export::{
    BreakerPolicy, Delivery, Destination, DestinationInfo, Dropped, OtlpDestination, Pipeline,
    PipelineBuilder, Receipt, RetryPolicy, SendError, SetupError, SpanCounts, SpoolOptions, Statistics,
    ToolbarSpanExporter, TraceBatch, TraceDelivery, Unfinished,
};

#[test]
fn public_types_are_send_sync_and_unpin() {
    fn check<T: Send + Sync + Unpin + 'static>() {}
    check::<(Pipeline, PipelineBuilder, ToolbarSpanExporter, Destination, DestinationInfo, OtlpDestination)>(
    );
    check::<(BreakerPolicy, RetryPolicy, SpoolOptions, TraceBatch, TraceDelivery)>();
    check::<(Delivery, Receipt, SpanCounts, Statistics)>();
    check::<(Dropped, SendError, SetupError, Unfinished)>();
}
