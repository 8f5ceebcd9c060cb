//! `Retry-After`.

use std::time::{Duration, SystemTime};

/// Reads a `Retry-After` (RFC 9110, 10.2.3): seconds, or an HTTP date, which is taken relative to `now`.
pub(crate) fn parse_retry_after(value: &[u8], now: SystemTime) -> Option<Duration> {
    let value = std::str::from_utf8(value).ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More seconds than fit are still a long time.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    Some(at.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn retry_after_is_read_as_seconds_and_as_date() {
        #[track_caller]
        fn check(value: &str, wait: Option<Duration>) {
            // Sun, 06 Nov 1994 08:49:37 GMT
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
            assert_eq!(parse_retry_after(value.as_bytes(), now), wait, "{value:?}");
        }
        check("120", Some(120 * SECOND));
        check(" 0 ", Some(Duration::ZERO));
        check("99999999999999999999999", Some(Duration::from_secs(u64::MAX)));
        check("Sun, 06 Nov 1994 08:50:37 GMT", Some(60 * SECOND));
        check("Sunday, 06-Nov-94 08:50:37 GMT", Some(60 * SECOND));
        check("Sun Nov  6 08:50:37 1994", Some(60 * SECOND));
        check("Sun, 06 Nov 1994 08:49:00 GMT", Some(Duration::ZERO));
        for none in ["", "soon", "-1", "+1", "1.5", "1 2"] {
            check(none, None);
        }
        assert_eq!(parse_retry_after(b"\xff", SystemTime::UNIX_EPOCH), None);
    }
}
