//! The types that the rows of the table name, for the modules in which these are expanded.

pub(crate) use std::path::{Path, PathBuf};
pub(crate) use std::time::Duration;

pub(crate) use crate::amount::{ByteSize, Limit, Timeout};
pub(crate) use crate::choice::{
    Capture, Compression, ConsoleFormat, ExemplarFilter, LogLevel, LogsExporter, MetricsExporter, Propagator,
    Protocol, QueueOverflow, Semconv, TracesExporter,
};
pub(crate) use crate::endpoint::Endpoint;
pub(crate) use crate::headers::Headers;
pub(crate) use crate::ip_networks::IpNetworks;
pub(crate) use crate::level_filter::LevelFilter;
pub(crate) use crate::link::LinkTemplate;
pub(crate) use crate::opt_in::OptInAttributes;
pub(crate) use crate::page_path::PagePath;
pub(crate) use crate::resource::ResourceAttributes;
pub(crate) use crate::sampler::{Ratio, SamplerKind};
pub(crate) use crate::secret::Secret;
