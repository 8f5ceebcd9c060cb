//! Times for people.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A length of time in three digits, as `1.20 ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Amount {
    is_negative: bool,
    size: Duration,
}

impl Amount {
    /// From one time to another, which may be before it.
    pub(super) fn between(from: SystemTime, to: SystemTime) -> Self {
        match to.duration_since(from) {
            Ok(size) => Self { is_negative: false, size },
            Err(error) => Self { is_negative: true, size: error.duration() },
        }
    }
}

/// With `+`, the sign of what is not negative too.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.is_negative {
            true => "-",
            false if f.sign_plus() => "+",
            false => "",
        };
        let nanos = self.size.as_nanos();
        let text = if nanos < 1000 {
            format!("{sign}{nanos} ns")
        } else {
            let nanos = nanos as f64;
            // What would be 1000 of a unit is 1.00 of the next.
            let mut units = [(1e3, "µs"), (1e6, "ms")].into_iter();
            let (unit, name) = units.find(|(unit, _)| nanos / unit < 999.5).unwrap_or((1e9, "s"));
            let value = nanos / unit;
            let decimals = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
            format!("{sign}{value:.decimals$} {name}")
        };
        match f.width() {
            Some(width) => write!(f, "{text:>width$}"),
            None => f.write_str(&text),
        }
    }
}

/// A time as RFC 3339 has it, in UTC and to the nanosecond.
pub(super) fn rfc3339(time: SystemTime) -> String {
    const YEAR_10000: Duration = Duration::from_secs(253_402_300_800);
    match time.duration_since(UNIX_EPOCH) {
        Err(_) => "before 1970".to_owned(),
        Ok(since) if since >= YEAR_10000 => "after the year 9999".to_owned(),
        Ok(_) => humantime::format_rfc3339_nanos(time).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_three_digits() {
        #[track_caller]
        fn check(nanos: u64, expected: &str) {
            let amount = Amount::between(UNIX_EPOCH, UNIX_EPOCH + Duration::from_nanos(nanos));
            assert_eq!(amount.to_string(), expected);
        }
        check(0, "0 ns");
        check(999, "999 ns");
        check(1_000, "1.00 µs");
        check(1_236, "1.24 µs");
        check(9_994, "9.99 µs");
        check(9_996, "10.0 µs");
        check(99_960, "100 µs");
        check(999_499, "999 µs");
        check(999_501, "1.00 ms");
        check(12_345_678, "12.3 ms");
        check(999_600_000, "1.00 s");
        check(61_000_000_000, "61.0 s");
        check(86_400_000_000_000, "86400 s");
    }

    #[test]
    fn amounts_have_a_sign_where_it_says_something() {
        let (early, late) = (UNIX_EPOCH, UNIX_EPOCH + Duration::from_micros(5));
        assert_eq!(format!("{:+}|{0:>9}", Amount::between(early, late)), "+5.00 µs|  5.00 µs");
        assert_eq!(format!("{:+}|{0}", Amount::between(late, early)), "-5.00 µs|-5.00 µs");
    }

    #[test]
    fn times_outside_of_the_calendar_are_told_as_such() {
        #[track_caller]
        fn check(time: Option<SystemTime>, expected: &str) {
            // Some systems' clocks reach less far.
            assert_eq!(time.map_or_else(|| expected.to_owned(), rfc3339), expected);
        }
        let at = |seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        check(at(1_700_000_000), "2023-11-14T22:13:20.000000000Z");
        check(at(253_402_300_799), "9999-12-31T23:59:59.000000000Z");
        check(at(253_402_300_800), "after the year 9999");
        check(UNIX_EPOCH.checked_sub(Duration::from_nanos(1)), "before 1970");
    }
}
