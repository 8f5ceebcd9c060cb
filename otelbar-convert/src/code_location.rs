//! Places in the code: whether they are the application's own.

use std::borrow::Cow;

use opentelemetry::Value;

use crate::semconv;
use crate::span::ConvertedSpan;

/// A span's own place, if that lies in the application: file and line.
pub(crate) fn place(span: &ConvertedSpan) -> Option<(&str, i64)> {
    let Some(Value::I64(line)) = span.attribute(semconv::CODE_LINE_NUMBER) else { return None };
    let file = span.text(semconv::CODE_FILE_PATH).filter(|file| !is_dependency(file))?;
    Some((file, *line))
}

/// Whether a file belongs to a dependency or to the language: where package managers and toolchains keep theirs.
pub(crate) fn is_dependency(file: &str) -> bool {
    const RUST: [&str; 4] =
        ["cargo/registry/", "/registry/src/index.crates.io-", "cargo/git/checkouts/", "/lib/rustlib/src/"];
    const PYTHON: [&str; 3] = ["/site-packages/", "/dist-packages/", "/lib/python3"];
    let file = match file.contains('\\') {
        true => Cow::Owned(file.replace('\\', "/")),
        false => Cow::Borrowed(file),
    };
    file.starts_with("/rustc/") || RUST.iter().chain(&PYTHON).any(|folder| file.contains(folder))
}
