use std::fmt;
use std::str::FromStr;

use crate::choice::choices;
use crate::option_value::{InvalidValue, OptionValue, Rejected, sealed};

/// Which traces are exported, with its argument.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Sampler {
    /// Every one.
    AlwaysOn,
    /// None.
    AlwaysOff,
    /// This part of them, by trace id.
    TraceIdRatio(Ratio),
    /// As the parent says; every one without a parent.
    ParentBasedAlwaysOn,
    /// As the parent says; none without a parent.
    ParentBasedAlwaysOff,
    /// As the parent says; this part of those without a parent.
    ParentBasedTraceIdRatio(Ratio),
}

impl Sampler {
    /// `ratio` counts for the kinds that have one.
    pub(crate) fn new(kind: SamplerKind, ratio: Ratio) -> Self {
        match kind {
            SamplerKind::AlwaysOn => Sampler::AlwaysOn,
            SamplerKind::AlwaysOff => Sampler::AlwaysOff,
            SamplerKind::TraceIdRatio => Sampler::TraceIdRatio(ratio),
            SamplerKind::ParentBasedAlwaysOn => Sampler::ParentBasedAlwaysOn,
            SamplerKind::ParentBasedAlwaysOff => Sampler::ParentBasedAlwaysOff,
            SamplerKind::ParentBasedTraceIdRatio => Sampler::ParentBasedTraceIdRatio(ratio),
        }
    }
}

choices! {
    /// The name of a sampler (`OTEL_TRACES_SAMPLER`). The remote ones (`jaeger_remote`, `xray`) are not offered.
    pub enum SamplerKind is "sampler" {
        /// Every trace.
        AlwaysOn = "always_on",
        /// None.
        AlwaysOff = "always_off",
        /// The part that the argument says, by trace id.
        TraceIdRatio = "traceidratio",
        /// As the parent says; every trace without a parent.
        ParentBasedAlwaysOn = "parentbased_always_on",
        /// As the parent says; no trace without a parent.
        ParentBasedAlwaysOff = "parentbased_always_off",
        /// As the parent says; the part that the argument says of those without a parent.
        ParentBasedTraceIdRatio = "parentbased_traceidratio",
    }
}

impl SamplerKind {
    /// Whether the sampler has a ratio for its argument.
    pub fn has_ratio(self) -> bool {
        matches!(self, SamplerKind::TraceIdRatio | SamplerKind::ParentBasedTraceIdRatio)
    }
}

/// What is usual where the service runs, until `OTEL_TRACES_SAMPLER` says otherwise.
pub(crate) fn by_deployment(environment: Option<&str>) -> (SamplerKind, Option<Ratio>) {
    match environment.map(str::to_ascii_lowercase).as_deref() {
        Some("production" | "prod") => (SamplerKind::ParentBasedTraceIdRatio, Some(Ratio(0.1))),
        Some("development" | "dev" | "local" | "test" | "staging" | "stage") => (SamplerKind::AlwaysOn, None),
        // The specification's own default, where nothing is known.
        _ => (SamplerKind::ParentBasedAlwaysOn, None),
    }
}

/// A part of a whole, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Ratio(f64);

impl Ratio {
    /// All of it.
    pub const ONE: Ratio = Ratio(1.0);

    /// `None` unless `ratio` is from 0 to 1.
    pub fn new(ratio: f64) -> Option<Ratio> {
        // Negative zero would be written with its sign.
        (0.0..=1.0).contains(&ratio).then_some(Ratio(ratio.abs()))
    }

    /// The number.
    pub fn value(self) -> f64 {
        self.0
    }
}

impl FromStr for Ratio {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse()
            .ok()
            .and_then(Ratio::new)
            .ok_or_else(|| InvalidValue::new("is not a ratio", "write a number from 0 to 1, such as 0.1"))
    }
}

impl sealed::Sealed for Ratio {}

impl OptionValue for Ratio {
    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        text.parse().map_err(Into::into)
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_from_zero_to_one() {
        fn check(text: &str, expected: Option<f64>) {
            assert_eq!(text.parse::<Ratio>().ok().map(Ratio::value), expected, "{text}");
        }
        check("0", Some(0.0));
        check("0.25", Some(0.25));
        check("1", Some(1.0));
        check("1.01", None);
        check("-0.1", None);
        check("NaN", None);
        check("inf", None);
        check("half", None);
    }
}
