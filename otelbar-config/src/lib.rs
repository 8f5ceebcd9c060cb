//! Every option of an OpenTelemetry debug toolbar: default, OTEL_* variable, validation, in one place

mod account;
mod amount;
mod builder;
mod check;
mod choice;
mod config;
#[cfg(feature = "serde")]
mod deserialize;
mod endpoint;
mod environment;
mod file;
mod headers;
mod options;
mod otlp;
mod page;
mod pairs;
mod readers;
mod resource;
mod sampler;
mod secret;
mod spelling;
mod value;
mod warning;

pub use account::{Account, Entry};
pub use amount::{ByteSize, Limit, Timeout};
pub use builder::{Builder, ConfigError, Fault, Given};
pub use choice::{
    Capture, Compression, ExemplarFilter, LogLevel, LogsExporter, MetricsExporter, Propagator, Protocol,
    Semconv, TracesExporter,
};
pub use config::{Access, BatchOptions, OpenTelemetryConfig};
pub use endpoint::Endpoint;
pub use environment::{Environment, ProcessEnvironment};
#[cfg(feature = "file")]
pub use file::FileError;
pub use headers::Headers;
pub use options::{OPTIONS, OptionInfo, Source};
pub use otlp::{OtlpOptions, Signal};
pub use page::{Link, LinkTemplate, PagePath};
pub use resource::ResourceAttributes;
pub use sampler::{Ratio, Sampler, SamplerKind};
pub use secret::Secret;
pub use value::{InvalidValue, OptionValue, Rejected};
pub use warning::{Place, Position, Warning};
