//! Any value of `Retry-After`: digits are that many seconds, and nothing asks for a wait before now.

#![no_main]

use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use otelbar_export::fuzzing::retry_after;

fuzz_target!(|value: &[u8]| {
    // Sun, 06 Nov 1994 08:49:37 GMT
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    let wait = retry_after(value, now);
    let text = String::from_utf8_lossy(value);
    let digits = text.trim();
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        assert_eq!(wait, Some(Duration::from_secs(digits.parse().unwrap_or(u64::MAX))));
    } else if let Some(wait) = wait {
        // A date has whole seconds, and four digits for its year.
        assert!(wait.subsec_nanos() == 0 && wait.as_secs() < 9_000 * 366 * 86_400);
    }
    if let Some(later) = retry_after(value, now + Duration::from_secs(10)) {
        assert!(Some(later) <= wait);
    }
});
