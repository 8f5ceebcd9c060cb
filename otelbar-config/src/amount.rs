use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::option_value::{InvalidValue, OptionValue, Rejected, sealed};

/// How long something may take: a duration, or without limit, which is written as 0
/// (OpenTelemetry specification, "Environment Variable Specification", Timeout).
///
/// ```
/// use std::time::Duration;
/// use otelbar_config::Timeout;
///
/// assert_eq!(Timeout::from(Duration::from_secs(10)).limit(), Some(Duration::from_secs(10)));
/// assert_eq!(Timeout::NONE.limit(), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timeout(Duration);

impl Timeout {
    /// Without limit.
    pub const NONE: Timeout = Timeout(Duration::ZERO);

    /// The limit, if there is one.
    pub fn limit(self) -> Option<Duration> {
        (!self.0.is_zero()).then_some(self.0)
    }
}

/// A duration of zero is no limit.
impl From<Duration> for Timeout {
    fn from(limit: Duration) -> Self {
        Timeout(limit)
    }
}

impl sealed::Sealed for Timeout {}

impl OptionValue for Timeout {
    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        Duration::parse(text).map(Timeout).map_err(|rejected| rejected.why.into())
    }

    fn checked(self) -> Result<Self, InvalidValue> {
        self.0.checked().map(Timeout)
    }

    fn text(&self) -> String {
        self.0.text()
    }
}

/// A length that is limited or not; the latter is written `unlimited`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit(Option<usize>);

impl Limit {
    /// Without limit.
    pub const NONE: Limit = Limit(None);

    /// The limit, if there is one.
    pub fn limit(self) -> Option<usize> {
        self.0
    }
}

impl From<usize> for Limit {
    fn from(limit: usize) -> Self {
        Limit(Some(limit))
    }
}

const UNLIMITED: &str = "unlimited";

impl sealed::Sealed for Limit {}

impl OptionValue for Limit {
    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        if text.eq_ignore_ascii_case(UNLIMITED) {
            return Ok(Limit::NONE);
        }
        usize::parse(text).map(Limit::from).map_err(|rejected| rejected.why.into())
    }

    fn text(&self) -> String {
        self.0.map_or_else(|| UNLIMITED.to_owned(), |limit| limit.to_string())
    }
}

/// A number of bytes, written with the largest unit that is whole: `64MiB`, `1000`.
///
/// ```
/// use otelbar_config::ByteSize;
///
/// assert_eq!("64MiB".parse::<ByteSize>()?.bytes(), 67_108_864);
/// assert_eq!(ByteSize::from(4096).to_string(), "4KiB");
/// # Ok::<_, otelbar_config::InvalidValue>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(usize);

impl ByteSize {
    const UNITS: [(&'static str, usize); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

    /// The number of bytes.
    pub fn bytes(self) -> usize {
        self.0
    }
}

impl From<usize> for ByteSize {
    fn from(bytes: usize) -> Self {
        ByteSize(bytes)
    }
}

impl FromStr for ByteSize {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || InvalidValue::new("is not a number of bytes", "write bytes, or a size such as 64MiB");
        let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(at);
        let number: usize = number.parse().map_err(|_| wrong())?;
        let unit = match unit.trim() {
            "" | "B" => 1,
            unit => {
                let known = Self::UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
                known.ok_or_else(wrong)?.1
            }
        };
        number.checked_mul(unit).map(ByteSize).ok_or_else(wrong)
    }
}

impl sealed::Sealed for ByteSize {}

impl OptionValue for ByteSize {
    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        text.parse().map_err(Into::into)
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, unit) in Self::UNITS {
            if self.0 >= unit && self.0.is_multiple_of(unit) {
                return write!(f, "{}{name}", self.0 / unit);
            }
        }
        fmt::Display::fmt(&self.0, f)
    }
}

/// Refuses a size below 64 KiB, in which no trace fits, and above 16 GiB.
pub(crate) fn holds_a_trace(size: &ByteSize) -> Result<(), InvalidValue> {
    if (64 << 10..=16_usize << 30).contains(&size.0) {
        return Ok(());
    }
    Err(InvalidValue::new("is out of range", "give a size from 64KiB to 16GiB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written_with_units() {
        fn check(text: &str, expected: Option<(usize, &str)>) {
            let size = text.parse::<ByteSize>().ok();
            let size = size.map(|size| (size.bytes(), size.to_string()));
            assert_eq!(size, expected.map(|(bytes, text)| (bytes, text.to_owned())), "{text}");
        }
        check("0", Some((0, "0")));
        check("1000", Some((1000, "1000")));
        check("1024", Some((1024, "1KiB")));
        check("64 mib", Some((64 << 20, "64MiB")));
        check("2GiB", Some((2 << 30, "2GiB")));
        check("64MB", None);
        check("-1", None);
        check("MiB", None);
        check("99999999999GiB", None);
    }
}
