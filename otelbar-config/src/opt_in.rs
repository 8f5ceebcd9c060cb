use std::fmt;
use std::str::FromStr;

use crate::option_value::{InvalidValue, NONE, OptionValue, Rejected, WrongEntries, entries, sealed};

/// Which attributes are exported whose requirement level in the semantic conventions is "Opt-In"
/// (`OTELBAR_OPT_IN_ATTRIBUTES`): none, all, or those named.
///
/// It chooses among what is recorded anyway, such as `http.response.body.size` and `db.response.returned_rows`; it
/// does not make the toolbar record more.
///
/// ```
/// use otelbar_config::OptInAttributes;
///
/// let exported: OptInAttributes = "http.response.body.size".parse()?;
/// assert!(exported.contains("http.response.body.size"));
/// assert!(!exported.contains("db.response.returned_rows"));
/// assert!(OptInAttributes::ALL.contains("db.response.returned_rows"));
/// # Ok::<_, otelbar_config::InvalidValue>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptInAttributes(Chosen);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Chosen {
    All,
    /// Names of attributes; none for none.
    These(Vec<String>),
}

impl OptInAttributes {
    /// Every one; written `true`.
    pub const ALL: Self = OptInAttributes(Chosen::All);

    /// None; written `false` or `none`.
    pub const NONE: Self = OptInAttributes(Chosen::These(Vec::new()));

    /// Whether the attribute of this name is exported.
    pub fn contains(&self, name: &str) -> bool {
        match &self.0 {
            Chosen::All => true,
            Chosen::These(names) => names.iter().any(|known| known == name),
        }
    }

    fn read(text: &str) -> Result<Self, Rejected<Self>> {
        match text {
            _ if text.eq_ignore_ascii_case("true") => return Ok(Self::ALL),
            _ if text.eq_ignore_ascii_case("false") || text.eq_ignore_ascii_case(NONE) => {
                return Ok(Self::NONE);
            }
            _ => {}
        }
        let mut names: Vec<String> = Vec::new();
        let mut wrong = WrongEntries::of(text);
        for entry in entries(text) {
            if !is_name(entry) {
                wrong.push(entry, "is not an attribute name", REMEDY);
            } else if !names.iter().any(|known| known == entry) {
                names.push(entry.to_owned());
            }
        }
        let usable = (!names.is_empty()).then_some(OptInAttributes(Chosen::These(names)));
        wrong.finish(usable, || InvalidValue::new("has no entry", REMEDY))
    }
}

const REMEDY: &str = "write true, false, or names such as http.response.body.size,db.response.returned_rows";

/// A name of the semantic conventions has a namespace (semantic conventions, "Naming"), so that a misspelt `true` is
/// not taken for one.
fn is_name(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    };
    text.contains('.') && text.split('.').all(part)
}

impl FromStr for OptInAttributes {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        OptInAttributes::read(text).map_err(|rejected| rejected.why)
    }
}

impl From<bool> for OptInAttributes {
    fn from(all: bool) -> Self {
        if all { Self::ALL } else { Self::NONE }
    }
}

impl sealed::Sealed for OptInAttributes {}

impl OptionValue for OptInAttributes {
    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        OptInAttributes::read(text)
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for OptInAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Chosen::All => f.write_str("true"),
            Chosen::These(names) if names.is_empty() => f.write_str("false"),
            Chosen::These(names) => f.write_str(&names.join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_all_none_or_names() {
        fn check(text: &str, expected: Result<&str, Option<&str>>) {
            let read = OptInAttributes::parse(text).map(|chosen| chosen.to_string());
            let read = read.map_err(|rejected| rejected.instead.map(|chosen| chosen.to_string()));
            assert_eq!(read, expected.map(str::to_owned).map_err(|rest| rest.map(str::to_owned)), "{text}");
        }
        check("True", Ok("true"));
        check("false", Ok("false"));
        check("none", Ok("false"));
        check("a.b, c.d_e,a.b", Ok("a.b,c.d_e"));
        check("yes", Err(None));
        check("a.b,yes", Err(Some("a.b")));
        check("a..b", Err(None));
        check(",", Err(None));
    }
}
