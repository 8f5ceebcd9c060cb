//! Any text, query and URL: what is clean stays as it is.

#![no_main]

use libfuzzer_sys::fuzz_target;
use otelbar_convert::redact::Redactor;

fuzz_target!(|text: &str| {
    let redactor = Redactor::common();
    redactor.is_sensitive(text);
    redactor.baggage(text);
    redactor.url(text);
    let clean = redactor.text(text).into_owned();
    assert_eq!(redactor.text(&clean), clean);
    let query = redactor.query(text).into_owned();
    assert_eq!(redactor.query(&query), query);
});
