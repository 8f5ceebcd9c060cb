//! A line diff for failed assertions.

use std::fmt::Write as _;

/// The lines of both texts: common ones indented, those of `expected` alone after `-`, those of `actual` alone
/// after `+`.
pub(crate) fn lines(expected: &str, actual: &str) -> String {
    let old: Vec<&str> = expected.lines().collect();
    let new: Vec<&str> = actual.lines().collect();
    // longest[i][j]: the longest common subsequence of old[i..] and new[j..].
    let mut longest = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i][j] = if old[i] == new[j] {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut out = String::new();
    while i < old.len() || j < new.len() {
        let (mark, line) = if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
            (' ', old[i - 1])
        } else if j == new.len() || (i < old.len() && longest[i + 1][j] >= longest[i][j + 1]) {
            i += 1;
            ('-', old[i - 1])
        } else {
            j += 1;
            ('+', new[j - 1])
        };
        let _ = writeln!(out, "{mark} {line}");
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn marks_what_differs() {
        #[track_caller]
        fn check(expected: &str, actual: &str, diff: &str) {
            assert_eq!(super::lines(expected, actual), diff);
        }
        check("", "", "");
        check("a\nb\n", "a\nb\n", "  a\n  b\n");
        check("a\nb\nc\n", "a\nx\nc\n", "  a\n- b\n+ x\n  c\n");
        check("a\n", "a\nb\n", "  a\n+ b\n");
        check("a\nb\n", "b\n", "- a\n  b\n");
    }
}
