use std::str::FromStr;

use crate::Error;

/// Who records spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorder {
    Nobody,
    /// The toolbar, disabled.
    Off,
    Ours,
    /// The OpenTelemetry SDK, by its own API.
    Sdk,
    /// The SDK, fed by `tracing`.
    TracingOpentelemetry,
    Fastrace,
}

impl Recorder {
    /// Those that record.
    pub(crate) const ALL: [Recorder; 4] =
        [Recorder::Ours, Recorder::Sdk, Recorder::TracingOpentelemetry, Recorder::Fastrace];

    /// What it is called in the rows.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Recorder::Nobody => "bare",
            Recorder::Off => "off",
            Recorder::Ours => "ours",
            Recorder::Sdk => "opentelemetry_sdk",
            Recorder::TracingOpentelemetry => "tracing_opentelemetry",
            Recorder::Fastrace => "fastrace",
        }
    }
}

impl FromStr for Recorder {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Recorder::ALL.into_iter().find(|recorder| recorder.name() == name);
        found.ok_or_else(|| format!("there is no recorder {name}").into())
    }
}
