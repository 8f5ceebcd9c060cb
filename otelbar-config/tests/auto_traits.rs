//! Every public type can be sent, shared and moved: none may lose that by what it holds.

use otelbar_config::*;

const fn check<T: Send + Sync + Unpin>() {}

macro_rules! check {
    ($($type:ty),+ $(,)?) => { $( const _: () = check::<$type>(); )+ };
}

check! {
    Access<'static>, BatchOptions, Builder, ByteSize, Capture, Compression, ConfigError, ConsoleFormat, EffectiveConfig,
    EffectiveOption, Endpoint, ExemplarFilter, Given<String>, Headers, InvalidOption, InvalidValue, IpNetworks,
    LevelFilter, Limit, LinkTemplate, LogLevel, LogsExporter, MetricsExporter, OpenTelemetryConfig, OptInAttributes,
    OptionInfo, OptionKey<Endpoint>, OtlpOptions, PagePath, Place, Position, ProcessEnvironment, Propagator, Protocol,
    QueueOverflow, Ratio, Rejected<String>, ResourceAttributes, Sampler, SamplerKind, Secret<String>, Semconv, Signal,
    Source, Timeout, TraceLink, TraceUi, TracesExporter, Warning,
}

#[cfg(feature = "file")]
check!(FileError);

/// The checks above are made when this is compiled.
#[test]
fn public_types_can_be_sent_shared_and_moved() {}
