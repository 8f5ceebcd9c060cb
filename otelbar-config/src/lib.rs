#![cfg_attr(docsrs, feature(doc_cfg))]
//! One home for every option of an OpenTelemetry debug toolbar and its pipelines.
//!
//! Each option is declared once, as a row of a table; its default, its environment variable, its checks, its
//! documentation and its line in the effective configuration come from that row.
//!
//! The crate reads the complete table of `OTEL_*` variables by the specification, `OTELBAR_*` variables for what
//! that does not cover, and a configuration file. It starts no pipeline, knows no SDK and needs no runtime: what is
//! done with an option is up to the crates that use it.
//!
//! ```
//! use otelbar_config::{OpenTelemetryConfig, Protocol, Signal};
//!
//! // Any source of variables; `from_env()` reads that of the process.
//! let environment = [
//!     ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
//!     ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
//!     ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc"),
//!     ("OTEL_BSP_MAX_QUEUE_SIZE", "lots"),
//! ];
//! let (config, warnings) = OpenTelemetryConfig::from_environment(&environment);
//! assert_eq!(
//!     warnings[0].to_string(),
//!     "OTEL_BSP_MAX_QUEUE_SIZE: `lots` is not a whole number; write only digits, such as 512; used `2048`",
//! );
//!
//! // The builder is stronger than what it starts from, and strict.
//! let config = config.to_builder().service_name("shop").otlp_protocol(Protocol::HttpJson).build()?;
//! let traces = config.otlp(Signal::Traces);
//! assert_eq!(traces.endpoint.expose(), "http://collector:4318/v1/traces");
//! assert_eq!(traces.headers.to_string(), "authorization=***");
//! # Ok::<_, otelbar_config::ConfigError>(())
//! ```
//!
//! # Where to look
//!
//! - [`OpenTelemetryConfig`] has an accessor for each option, and views that resolve several:
//!   [`otlp`](OpenTelemetryConfig::otlp), [`sampler`](OpenTelemetryConfig::sampler),
//!   [`resource`](OpenTelemetryConfig::resource), [`span_batches`](OpenTelemetryConfig::span_batches),
//!   [`links`](OpenTelemetryConfig::links), [`access`](OpenTelemetryConfig::access).
//! - [`Builder`] has a setter for each option that is in effect; [`ConfigError`] tells all that is wrong.
//! - [`Environment`] is where variables come from; [`Warning`] tells what was not understood, and what counts instead.
//! - [`EffectiveConfig`] tells for each option its value and the [`Source`] of it, as a value and as a table.
//! - [`OPTIONS`] describes the options themselves; [`option`] has a handle for each, of the type of its value.
//!
//! # Features
//!
//! - `file`: reads OpenTelemetry's declarative configuration, named by `OTEL_CONFIG_FILE`, beneath the environment
//!   (`OpenTelemetryConfig::from_file`, `try_from_env`).
//! - `serde`: [`EffectiveConfig`], [`Warning`] and [`ConfigError`] are `Serialize`; [`Builder`] is `Deserialize`, from a map
//!   of options.
//!
//! Neither is on by default.
//!
//! # Options
//!
//! The text of a value is the same in its variable, in the file's section `otelbar`, in
//! [`Builder::set`] and in the effective configuration. Variables that are empty are unset. Durations are milliseconds
//! unless they have a unit (`250us`, `5s`). Lists are separated by commas; `none` is the empty list.
//!
#![doc = include_str!("../OPTIONS.md")]

mod amount;
mod builder;
mod choice;
mod config;
mod conflicts;
#[cfg(feature = "serde")]
mod deserialize;
mod effective;
mod endpoint;
mod environment;
mod file;
mod headers;
mod ip_networks;
mod level_filter;
mod link;
mod opt_in;
mod option_info;
mod option_reader;
mod option_types;
mod option_value;
mod options;
mod otlp;
mod page_path;
mod pairs;
mod resource;
mod sampler;
mod secret;
mod setting;
mod settings;
mod signal;
mod sources;
mod spelling;
mod unknown_variables;
mod variable_readers;
mod warning;

pub use amount::{ByteSize, Limit, Timeout};
pub use builder::{Builder, ConfigError, Given, InvalidOption};
pub use choice::{
    Capture, Compression, ConsoleFormat, ExemplarFilter, LogLevel, LogsExporter, MetricsExporter, Propagator,
    Protocol, QueueOverflow, Semconv, TracesExporter,
};
pub use config::{Access, BatchOptions, OpenTelemetryConfig};
pub use effective::{EffectiveConfig, EffectiveOption};
pub use endpoint::Endpoint;
pub use environment::{Environment, ProcessEnvironment};
#[cfg(feature = "file")]
pub use file::FileError;
pub use headers::Headers;
pub use ip_networks::IpNetworks;
pub use level_filter::LevelFilter;
pub use link::{LinkTemplate, TraceLink, TraceUi};
pub use opt_in::OptInAttributes;
pub use option_info::OptionInfo;
pub use option_value::{InvalidValue, OptionValue, Rejected};
pub use otlp::OtlpOptions;
pub use page_path::PagePath;
pub use resource::ResourceAttributes;
pub use sampler::{Ratio, Sampler, SamplerKind};
pub use secret::Secret;
pub use setting::Source;
pub use settings::{OPTIONS, OptionKey, option};
pub use signal::Signal;
pub use warning::{Place, Position, Warning};

/// The examples of the README are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
