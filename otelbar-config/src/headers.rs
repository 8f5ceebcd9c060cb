use std::fmt;
use std::str::FromStr;

use crate::option_value::{InvalidValue, OptionValue, Rejected, sealed};
use crate::pairs::{self, Pair};
use crate::secret::{MASK, Secret};

/// Headers sent with each export (`OTEL_EXPORTER_OTLP_HEADERS`): names in lower case, values secret.
///
/// Each can be sent: a name is a token of RFC 9110, a value printable ASCII with spaces and tabs inside.
///
/// ```
/// use otelbar_config::Headers;
///
/// let headers: Headers = "Authorization=Bearer%20abc,x-tenant=7".parse()?;
/// let sent: Vec<_> = headers.iter().collect();
/// assert_eq!(sent, [("authorization", "Bearer abc"), ("x-tenant", "7")]);
/// assert_eq!(headers.to_string(), "authorization=***,x-tenant=***");
/// # Ok::<_, otelbar_config::InvalidValue>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Secret<String>)>);

impl Headers {
    /// Names and values in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.expose().as_str()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Headers of names and values as they are, without percent-encoding.
    ///
    /// # Errors
    ///
    /// Where a name or a value cannot be sent; the error counts from 1.
    pub fn new<N: Into<String>, V: Into<String>>(
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, InvalidValue> {
        let pairs = headers.into_iter().enumerate().map(|(index, (name, value))| Pair {
            number: index + 1,
            key: name.into(),
            value: value.into(),
        });
        pairs.map(checked).collect::<Result<_, _>>().map(Headers)
    }

    /// Those that can be sent, and what is wrong with the others.
    fn usable(text: &str) -> (Self, Option<InvalidValue>) {
        let (headers, why) = pairs::usable(text, checked);
        (Headers(headers), why)
    }
}

/// A header that can be sent.
fn checked(Pair { number, key, value }: Pair) -> Result<(String, Secret<String>), InvalidValue> {
    if key.is_empty() || !key.bytes().all(is_token) {
        return Err(InvalidValue::new(
            format!("has an invalid header name in entry {number}"),
            "write name=value with a name of letters, digits and dashes",
        ));
    }
    if !value.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b)) {
        return Err(InvalidValue::new(
            format!("has an invalid header value in entry {number}"),
            "write a value of printable ASCII",
        ));
    }
    Ok((key.to_ascii_lowercase(), Secret::new(value.trim().to_owned())))
}

/// `tchar` of RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl FromStr for Headers {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Headers::usable(text) {
            (headers, None) => Ok(headers),
            (_, Some(why)) => Err(why),
        }
    }
}

impl sealed::Sealed for Headers {}

impl OptionValue for Headers {
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        match Headers::usable(text) {
            (headers, None) => Ok(headers),
            (headers, Some(why)) => Err(Rejected { why, instead: (!headers.is_empty()).then_some(headers) }),
        }
    }

    fn text(&self) -> String {
        pairs::write(self.iter())
    }

    fn shown(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, _)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{name}={MASK}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, value)| (name, value))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_sent_is_a_header() {
        fn check(text: &str, problem: Option<&str>) {
            let read = text.parse::<Headers>();
            assert_eq!(read.as_ref().err().map(InvalidValue::problem), problem, "{text}");
        }
        check("authorization=Basic dXNlcjpwYXNz==", None);
        check("x=", None);
        check("a b=c", Some("has an invalid header name in entry 1"));
        check("x=1,naïve=c", Some("has an invalid header name in entry 2"));
        check("x=a%0d%0aSet-Cookie: b", Some("has an invalid header value in entry 1"));
        check("x=%00", Some("has an invalid header value in entry 1"));
        check("x=caf%C3%A9", Some("has an invalid header value in entry 1"));
        check("x", Some("has no `=` in entry 1"));
    }

    /// One entry that cannot be used does no harm to the others, and is named only by its number.
    #[test]
    fn a_bad_entry_drops_only_itself() {
        #[track_caller]
        fn check(text: &str, problem: &str, kept: Option<&str>) {
            let rejected = Headers::parse(text).unwrap_err();
            assert_eq!(rejected.why.problem(), problem);
            assert_eq!(rejected.instead.map(|headers| headers.to_string()).as_deref(), kept);
        }
        check("a=1,hush,b=2", "has no `=` in entry 2", Some("a=***,b=***"));
        check("a=%zz,b=2", "has an invalid percent-encoding in entry 1", Some("b=***"));
        check("hush", "has no `=` in entry 1", None);
        check(
            "x,a=1,y,z,,w,=1,b=2",
            "has no `=` in entry 1, has no `=` in entry 3, has no `=` in entry 4, and 2 more entries that cannot be used",
            Some("a=***,b=***"),
        );
    }

    #[test]
    fn values_are_never_shown() {
        let headers: Headers = "authorization=hush".parse().unwrap();
        assert_eq!(format!("{headers} {headers:?}"), r#"authorization=*** {"authorization": ***}"#);
    }
}
