//! What a run of the tests left out, read from what `cargo test` and node write.

use std::collections::BTreeMap;

/// The tests that did not run, with the reasons.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    /// How many tests are left to another command, by the reason they state.
    apart: BTreeMap<String, usize>,
    /// Tests that this machine has no program for, each with what is missing.
    missing: Vec<String>,
}

impl LeftOut {
    /// A test that is marked as one for another command.
    pub(super) fn apart(&mut self, reason: &str) {
        *self.apart.entry(reason.to_owned()).or_default() += 1;
    }

    /// Tests that can't run here.
    pub(super) fn missing(&mut self, tests: &str, reason: &str) {
        self.missing.push(format!("{tests}: {reason}"));
    }

    pub(super) fn first_missing(&self) -> Option<&str> {
        self.missing.first().map(String::as_str)
    }

    /// A line for each reason; `None` when every test ran.
    pub(super) fn note(&self) -> Option<String> {
        let apart = self.apart.iter().map(|(reason, count)| {
            let tests = if *count == 1 { "test" } else { "tests" };
            format!("left out: {count} {tests}: {reason}")
        });
        let missing = self.missing.iter().map(|what| format!("left out: {what}"));
        let lines: Vec<_> = apart.chain(missing).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

const UNSAID: &str = "no reason is given";

/// The reason in a line of `cargo test` that tells of an ignored test.
pub(super) fn ignored(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("test ")?;
    let (name, reason) = rest.split_once(" ... ignored")?;
    let unsaid =
        if name.contains(" - ") { "an example of the documentation, marked `ignore`" } else { UNSAID };
    Some(reason.strip_prefix(", ").unwrap_or(unsaid))
}

/// The name and the reason in a line of node's TAP that tells of a skipped test or suite.
pub(super) fn skipped(line: &str) -> Option<(&str, &str)> {
    let (result, reason) = line.trim_start().strip_prefix("ok ")?.split_once(" # SKIP")?;
    let (_, name) = result.split_once(" - ")?;
    let reason = reason.trim();
    Some((name, if reason.is_empty() { UNSAID } else { reason }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_test_is_told_with_its_reason() {
        let check = |line, expected| assert_eq!(ignored(line), expected, "{line}");
        check(
            "test traces ... ignored, needs a backend: cargo xtask integration",
            Some("needs a backend: cargo xtask integration"),
        );
        check("test traces ... ignored", Some(UNSAID));
        check(
            "test src/../README.md - (line 17) ... ignored",
            Some("an example of the documentation, marked `ignore`"),
        );
        check("test traces ... ok", None);
        check("test result: ok. 3 passed; 0 failed; 2 ignored; 0 measured", None);
    }

    #[test]
    fn a_skipped_suite_is_told_with_its_reason() {
        let check = |line, expected| assert_eq!(skipped(line), expected, "{line}");
        check("    ok 2 - the page # SKIP no Chromium found", Some(("the page", "no Chromium found")));
        check("ok 1 - the bar # SKIP", Some(("the bar", UNSAID)));
        check("ok 1 - formats a time", None);
        check("not ok 1 - formats a time", None);
        check("# skipped 2", None);
    }

    #[test]
    fn each_reason_has_one_line_and_nothing_left_out_has_none() {
        let mut left_out = LeftOut::default();
        assert_eq!(left_out.note(), None);
        left_out.apart("needs a backend");
        left_out.apart("takes minutes");
        left_out.apart("needs a backend");
        left_out.missing("the page's tests `the bar`", "no Chromium found");
        assert_eq!(
            left_out.note().unwrap(),
            "left out: 2 tests: needs a backend\n\
             left out: 1 test: takes minutes\n\
             left out: the page's tests `the bar`: no Chromium found"
        );
    }
}
