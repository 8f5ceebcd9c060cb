//! What a misspelt name may have meant.

/// The nearest of `known`, if it is near enough to be meant: at most two letters away.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const NEAR: usize = 2;
    let close = known.filter(|known| known.len().abs_diff(name.len()) <= NEAR);
    let ranked = close.map(|known| (distance(name.as_bytes(), known.as_bytes()), known));
    ranked
        .filter(|(distance, _)| *distance <= NEAR)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Levenshtein's distance. Two letters swapped count as two.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_names_are_offered() {
        fn check(name: &str, expected: Option<&str>) {
            let known = ["OTEL_SERVICE_NAME", "OTEL_PROPAGATORS"];
            assert_eq!(nearest(name, known.into_iter()), expected, "{name}");
        }
        check("OTEL_SERVICE_NMAE", Some("OTEL_SERVICE_NAME"));
        check("OTEL_PROPAGATOR", Some("OTEL_PROPAGATORS"));
        check("OTEL_PYTHON_NAME", None);
        check(&"x".repeat(1 << 20), None);
    }
}
