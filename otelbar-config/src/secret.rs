use std::fmt;

/// What stands where a secret would.
pub(crate) const MASK: &str = "***";

/// A value that is never shown: `Debug` and `Display` print `***`.
///
/// ```
/// use otelbar_config::Secret;
///
/// let token = Secret::new("s3cr3t".to_owned());
/// assert_eq!(format!("{token} {token:?}"), "*** ***");
/// assert_eq!(token.expose(), "s3cr3t");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps `value`.
    pub fn new(value: T) -> Self {
        Secret(value)
    }

    /// The value itself, out of the secret.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// The value itself, for the one place that needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Secret(value)
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// `text` without what may be a credential of an address: what stands before its last `@`, and its query.
///
/// Works on text that is no URL, too, since what could not be parsed is quoted in warnings.
pub(crate) fn conceal_url(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            (format!("{scheme}://"), rest)
        }
        _ => (String::new(), text),
    };
    let (credentials, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => ("***@", rest),
        None => ("", rest),
    };
    match rest.find(['?', '#']) {
        Some(at) => format!("{scheme}{credentials}{}{MASK}", &rest[..=at]),
        None => format!("{scheme}{credentials}{rest}"),
    }
}

/// `text` in one line, fit for a message: control characters escaped, about 80 characters at most.
pub(crate) fn shorten(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut short = String::new();
    let mut length = 0;
    for c in text.chars() {
        if length >= LONGEST {
            short.push_str(&format!("… ({} bytes)", text.len()));
            break;
        }
        match c {
            '"' | '\'' | '\\' => {
                short.push(c);
                length += 1;
            }
            other => {
                length += other.escape_debug().count();
                short.extend(other.escape_debug());
            }
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_queries_of_addresses_are_concealed() {
        fn check(text: &str, expected: &str) {
            assert_eq!(conceal_url(text), expected, "{text}");
        }
        check("http://localhost:4318/v1/traces", "http://localhost:4318/v1/traces");
        check("https://user:pass@host/path", "https://***@host/path");
        check("https://u:p@ss@host", "https://***@host");
        check("https://u:p?x@host", "https://***@host");
        check("user:pass@host:4317", "***@host:4317");
        check("http//user:pass@host", "***@host");
        check("https://host/p?api-key=abc#x", "https://host/p?***");
    }

    #[test]
    fn long_and_unprintable_values_are_shortened() {
        assert_eq!(shorten("a\r\nb\"c\""), "a\\r\\nb\"c\"");
        assert_eq!(shorten(&"x".repeat(80)), "x".repeat(80));
        assert_eq!(shorten(&"\0".repeat(1000)), format!("{}… (1000 bytes)", "\\0".repeat(40)));
        assert_eq!(shorten(&"x".repeat(1000)), format!("{}… (1000 bytes)", "x".repeat(80)));
    }
}
