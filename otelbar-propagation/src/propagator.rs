//! A format, chosen by its name in `OTEL_PROPAGATORS`.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// A format in which a context travels, by its name in `OTEL_PROPAGATORS`
/// ([OpenTelemetry specification](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Propagator {
    /// `tracecontext`: the headers `traceparent` and `tracestate` of W3C Trace Context.
    TraceContext,
    /// `baggage`: the header `baggage` of W3C Baggage.
    Baggage,
    /// `b3`: Zipkin's B3. Both of its forms are read; the single header `b3` is written.
    #[cfg(feature = "b3")]
    B3,
    /// `b3multi`: Zipkin's B3. Both of its forms are read; the headers `x-b3-…` are written.
    #[cfg(feature = "b3")]
    B3Multi,
    /// `jaeger`: Jaeger's headers `uber-trace-id` and, for baggage, `uberctx-…`.
    #[cfg(feature = "jaeger")]
    Jaeger,
    /// `xray`: the header `x-amzn-trace-id` of AWS X-Ray.
    #[cfg(feature = "xray")]
    XRay,
}

impl Propagator {
    /// Every format that is compiled in.
    pub const ALL: &'static [Self] = &[
        Self::TraceContext,
        Self::Baggage,
        #[cfg(feature = "b3")]
        Self::B3,
        #[cfg(feature = "b3")]
        Self::B3Multi,
        #[cfg(feature = "jaeger")]
        Self::Jaeger,
        #[cfg(feature = "xray")]
        Self::XRay,
    ];

    /// Its name in `OTEL_PROPAGATORS`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TraceContext => "tracecontext",
            Self::Baggage => "baggage",
            #[cfg(feature = "b3")]
            Self::B3 => "b3",
            #[cfg(feature = "b3")]
            Self::B3Multi => "b3multi",
            #[cfg(feature = "jaeger")]
            Self::Jaeger => "jaeger",
            #[cfg(feature = "xray")]
            Self::XRay => "xray",
        }
    }

    /// The names of the fields it writes, in lower case.
    pub const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::TraceContext => &["traceparent", "tracestate"],
            Self::Baggage => &["baggage"],
            #[cfg(feature = "b3")]
            Self::B3 => crate::b3::SINGLE_FIELDS,
            #[cfg(feature = "b3")]
            Self::B3Multi => crate::b3::MULTI_FIELDS,
            #[cfg(feature = "jaeger")]
            Self::Jaeger => &[crate::jaeger::HEADER],
            #[cfg(feature = "xray")]
            Self::XRay => &[crate::xray::HEADER],
        }
    }

    /// The names of the fields it reads, in lower case: both forms of B3, whichever is written.
    ///
    /// Jaeger's fields of baggage, whose names begin with [`read_prefix`](Self::read_prefix), are not among them.
    pub const fn read_fields(self) -> &'static [&'static str] {
        match self {
            #[cfg(feature = "b3")]
            Self::B3 | Self::B3Multi => crate::b3::READ_FIELDS,
            other => other.fields(),
        }
    }

    /// What the names of further fields begin with that it reads, in lower case.
    pub const fn read_prefix(self) -> Option<&'static str> {
        match self {
            #[cfg(feature = "jaeger")]
            Self::Jaeger => Some(crate::jaeger::BAGGAGE_PREFIX),
            _ => None,
        }
    }
}

impl fmt::Display for Propagator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Case-insensitive; white space around the name is ignored.
impl FromStr for Propagator {
    type Err = UnknownPropagator;

    fn from_str(name: &str) -> Result<Self, UnknownPropagator> {
        let name = name.trim();
        let found = Self::ALL.iter().find(|propagator| propagator.name().eq_ignore_ascii_case(name));
        found.copied().ok_or_else(|| UnknownPropagator::new(name))
    }
}

/// A name that is no propagator of this build: unknown, or of a feature that is not compiled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPropagator {
    name: String,
    feature: Option<&'static str>,
}

impl UnknownPropagator {
    fn new(name: &str) -> Self {
        let feature = match &*name.to_ascii_lowercase() {
            "b3" | "b3multi" => Some("b3"),
            "jaeger" => Some("jaeger"),
            "xray" => Some("xray"),
            _ => None,
        };
        Self { name: name.to_owned(), feature }
    }

    /// The name as it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The feature of this crate that would bring it.
    pub const fn feature(&self) -> Option<&'static str> {
        self.feature
    }
}

impl fmt::Display for UnknownPropagator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        if let Some(feature) = self.feature {
            return write!(
                f,
                "propagator {name:?} is not compiled in: enable the feature `{feature}` of otelbar-propagation"
            );
        }
        write!(f, "unknown propagator {name:?}: use none, or some of")?;
        for (index, propagator) in Propagator::ALL.iter().enumerate() {
            write!(f, "{} {propagator}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl Error for UnknownPropagator {}
