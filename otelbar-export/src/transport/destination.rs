//! Where spans are sent, and how.

mod console;
mod http;
mod info;
mod otlp;
#[cfg(feature = "zipkin")]
mod zipkin;

use std::fmt;
use std::sync::Arc;

pub use console::ConsoleDestination;
pub use info::{DestinationInfo, DestinationKind};
pub use otlp::OtlpDestination;
#[cfg(feature = "zipkin")]
pub use zipkin::ZipkinDestination;

use crate::encode::Encoding;
use crate::error::SetupError;
use crate::transport::sender::Sender;

/// One of the places a pipeline sends spans to, with what belongs to that: made by [`otlp`](Self::otlp),
/// [`zipkin`](Self::zipkin) or [`console`](Self::console).
///
/// Settings are checked when the pipeline is built.
///
/// ```
/// use std::time::Duration;
/// use otelbar_export::{Destination, Pipeline};
///
/// let collector = Destination::otlp("http://127.0.0.1:4318/v1/traces")
///     .with_header("x-api-key", "…")
///     .with_timeout(Duration::from_secs(3));
/// let pipeline = Pipeline::builder().with_destination(collector).build()?;
/// # Ok::<(), otelbar_export::SetupError>(())
/// ```
#[derive(Clone)]
pub struct Destination {
    kind: Kind,
    /// Made from a configuration, so that errors name its variables.
    configured: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    Otlp(OtlpDestination),
    #[cfg(feature = "zipkin")]
    Zipkin(ZipkinDestination),
    Console(ConsoleDestination),
    /// What a configuration asks for and cannot be had.
    #[cfg(feature = "config")]
    Unusable(Unusable),
}

#[cfg(feature = "config")]
#[derive(Clone, Debug)]
pub(crate) enum Unusable {
    /// Its address cannot be read.
    Endpoint(Box<otelbar_config::Warning>),
    /// This build is without the exporter of this name.
    Missing(otelbar_config::TracesExporter),
}

impl Destination {
    /// Sends OTLP to this URL as it stands: over HTTP, which is the default, it ends in `/v1/traces` as a rule, over gRPC
    /// it has no path.
    ///
    /// ```
    /// use otelbar_export::{Destination, ToolbarSpanExporter};
    ///
    /// let exporter = ToolbarSpanExporter::new(Destination::otlp("http://127.0.0.1:4318/v1/traces"))?;
    /// # Ok::<(), otelbar_export::SetupError>(())
    /// ```
    pub fn otlp(url: impl Into<String>) -> OtlpDestination {
        OtlpDestination::new(url.into())
    }

    /// Sends Zipkin's JSON of version 2 to this URL as it stands; so it ends in `/api/v2/spans` as a rule.
    ///
    #[doc = include_str!("../encode/zipkin.md")]
    ///
    /// ```
    /// use otelbar_export::{Destination, ToolbarSpanExporter};
    ///
    /// let exporter = ToolbarSpanExporter::new(Destination::zipkin("http://127.0.0.1:9411/api/v2/spans"))?;
    /// # Ok::<(), otelbar_export::SetupError>(())
    /// ```
    #[cfg(feature = "zipkin")]
    pub fn zipkin(url: impl Into<String>) -> ZipkinDestination {
        ZipkinDestination::new(url.into())
    }

    /// Writes spans to this process's standard output: for people, unless told otherwise. They are taken as delivered
    /// when they are written.
    ///
    /// ```
    /// use otelbar_export::{ConsoleTarget, Destination, ToolbarSpanExporter};
    ///
    /// let exporter = ToolbarSpanExporter::new(Destination::console().with_target(ConsoleTarget::Stderr))?;
    /// # Ok::<(), otelbar_export::SetupError>(())
    /// ```
    pub fn console() -> ConsoleDestination {
        ConsoleDestination::default()
    }

    #[cfg(feature = "config")]
    pub(crate) fn unusable(unusable: Unusable) -> Self {
        Self { kind: Kind::Unusable(unusable), configured: true }
    }

    /// Marks it as made from a configuration.
    #[cfg(feature = "config")]
    pub(crate) fn configured(self) -> Self {
        Self { configured: true, ..self }
    }

    /// Checks the settings, reads the certificates there are, and makes what sends; makes no connection.
    pub(crate) fn open(&self, index: usize) -> Result<Opened, SetupError> {
        let opened = match &self.kind {
            Kind::Otlp(otlp) => otlp.open(self.configured),
            #[cfg(feature = "zipkin")]
            Kind::Zipkin(zipkin) => zipkin.open(self.configured),
            Kind::Console(console) => console.open(),
            #[cfg(feature = "config")]
            Kind::Unusable(Unusable::Endpoint(warning)) => Err(SetupError::endpoint(warning)),
            #[cfg(feature = "config")]
            Kind::Unusable(Unusable::Missing(exporter)) => Err(SetupError::missing(
                crate::error::Setting::method("OTEL_TRACES_EXPORTER"),
                exporter.to_string(),
                exporter.as_str(),
                "leave it out",
            )),
        };
        let mut opened = opened.map_err(|error| error.named(self.configured))?;
        opened.info.index = index;
        Ok(opened)
    }

    #[cfg(all(test, feature = "config"))]
    pub(crate) fn as_otlp(&self) -> &OtlpDestination {
        match &self.kind {
            Kind::Otlp(otlp) => otlp,
            other => panic!("not OTLP: {other:?}"),
        }
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl From<OtlpDestination> for Destination {
    fn from(otlp: OtlpDestination) -> Self {
        Self { kind: Kind::Otlp(otlp), configured: false }
    }
}

#[cfg(feature = "zipkin")]
impl From<ZipkinDestination> for Destination {
    fn from(zipkin: ZipkinDestination) -> Self {
        Self { kind: Kind::Zipkin(zipkin), configured: false }
    }
}

impl From<ConsoleDestination> for Destination {
    fn from(console: ConsoleDestination) -> Self {
        Self { kind: Kind::Console(console), configured: false }
    }
}

/// A destination whose settings serve.
pub(crate) struct Opened {
    pub(crate) info: DestinationInfo,
    pub(crate) encoding: Encoding,
    pub(crate) sender: Sender,
    pub(crate) limits: RequestLimits,
    /// Whether what cannot be sent is worth keeping on disk.
    pub(crate) spools: bool,
}

/// What requests to a destination are kept below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestLimits {
    /// Bytes of a body, before compression.
    pub(crate) size: usize,
    /// Requests under way at once.
    pub(crate) concurrent: usize,
}

/// For [`Opened::info`]; the index is set when it is known.
fn info(name: Option<&Arc<str>>, kind: DestinationKind, endpoint: Arc<str>) -> DestinationInfo {
    let name = name.cloned().unwrap_or_else(|| kind.as_str().into());
    DestinationInfo { index: 0, name, kind, endpoint }
}
