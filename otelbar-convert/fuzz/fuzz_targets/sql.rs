//! Any statement, read as each database reads it. The first byte chooses the database.

#![no_main]

use libfuzzer_sys::fuzz_target;
use otelbar_convert::sql::{self, System};

fuzz_target!(|input: &[u8]| {
    let Some((first, text)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let system = System::ALL[usize::from(*first) % System::ALL.len()];

    let statement = sql::describe(text, system);
    assert!(statement.summary.as_deref().unwrap_or_default().chars().count() <= 255);
    assert!(statement.text.len() <= 2 * text.len());
    assert_eq!(sql::describe(&statement.text, system).text, statement.text, "sanitised once is sanitised");
    assert_eq!(sql::describe(text, system), statement);

    let kept = sql::describe_parameterised(text, system);
    assert_eq!(kept.text, text);
    assert_eq!(kept.summary, statement.summary);
});
