use std::fmt;
use std::str::FromStr;

use crate::pairs;
use crate::secret::{MASK, Secret};
use crate::value::{InvalidValue, OptionValue, Rejected};

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
        let mut checked = Vec::new();
        for (index, (name, value)) in headers.into_iter().enumerate() {
            let (name, value) = (name.into(), value.into());
            let number = index + 1;
            if name.is_empty() || !name.bytes().all(is_token) {
                return Err(InvalidValue::new(
                    format!("the name in entry {number} is not the name of a header"),
                    "write name=value with a name of letters, digits and dashes",
                ));
            }
            if !value.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b)) {
                return Err(InvalidValue::new(
                    format!("the value in entry {number} cannot be sent in a header"),
                    "write a value of printable ASCII",
                ));
            }
            checked.push((name.to_ascii_lowercase(), Secret::new(value.trim().to_owned())));
        }
        Ok(Headers(checked))
    }
}

/// `tchar` of RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl FromStr for Headers {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Headers::new(pairs::parse(text)?)
    }
}

impl OptionValue for Headers {
    const SECRET: bool = true;
    const NULLABLE: bool = true;

    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        text.parse().map_err(Into::into)
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
        check("a b=c", Some("the name in entry 1 is not the name of a header"));
        check("x=1,naïve=c", Some("the name in entry 2 is not the name of a header"));
        check("x=a%0d%0aSet-Cookie: b", Some("the value in entry 1 cannot be sent in a header"));
        check("x=%00", Some("the value in entry 1 cannot be sent in a header"));
        check("x=caf%C3%A9", Some("the value in entry 1 cannot be sent in a header"));
        check("x", Some("entry 1 has no `=`"));
    }

    #[test]
    fn values_are_never_shown() {
        let headers: Headers = "authorization=hush".parse().unwrap();
        assert_eq!(format!("{headers} {headers:?}"), r#"authorization=*** {"authorization": ***}"#);
    }
}
