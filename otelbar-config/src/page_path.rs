use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use crate::option_value::{InvalidValue, OptionValue, Rejected, sealed};

/// The path under which the toolbar answers: begins with a slash, ends without one.
///
/// ```
/// use otelbar_config::PagePath;
///
/// let path: PagePath = "/debug/otel/".parse()?;
/// assert_eq!(&*path, "/debug/otel");
/// # Ok::<_, otelbar_config::InvalidValue>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PagePath(String);

impl Deref for PagePath {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl FromStr for PagePath {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const REMEDY: &str = "write a path such as /__otelbar";
        let path = text.trim_end_matches('/');
        if !text.starts_with('/') {
            return Err(InvalidValue::new("does not begin with a slash", REMEDY));
        }
        if path.is_empty() {
            return Err(InvalidValue::new("is the root, which would take every path of the service", REMEDY));
        }
        // Unreserved characters of RFC 3986: the same however a client or router encodes.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b);
        if !path.bytes().all(plain) || path.split('/').skip(1).any(|s| matches!(s, "" | "." | "..")) {
            return Err(InvalidValue::new(
                "has an empty or dot segment, or a character that would be encoded",
                REMEDY,
            ));
        }
        Ok(PagePath(path.to_owned()))
    }
}

impl sealed::Sealed for PagePath {}

impl OptionValue for PagePath {
    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        text.parse().map_err(Into::into)
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

impl fmt::Display for PagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_plain() {
        fn check(text: &str, expected: Result<&str, &str>) {
            let path = text.parse::<PagePath>();
            assert_eq!(path.as_deref().map_err(InvalidValue::problem), expected, "{text}");
        }
        check("/__otelbar", Ok("/__otelbar"));
        check("/a/b//", Ok("/a/b"));
        check("otelbar", Err("does not begin with a slash"));
        check("/", Err("is the root, which would take every path of the service"));
        check("/a//b", Err("has an empty or dot segment, or a character that would be encoded"));
        check("/a/../b", Err("has an empty or dot segment, or a character that would be encoded"));
        check("/a?b", Err("has an empty or dot segment, or a character that would be encoded"));
        check("/a b", Err("has an empty or dot segment, or a character that would be encoded"));
    }
}
