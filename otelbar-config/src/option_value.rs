use std::borrow::Cow;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use crate::secret::{MASK, Secret, shorten};

/// The longest text taken for a value, in bytes. Nothing that is meant is longer.
pub(crate) const MAX_TEXT: usize = 32 * 1024;

/// Keeps [`OptionValue`] to the types of this crate's table.
pub(crate) mod sealed {
    pub trait Sealed {}
}

/// A type that an option can have: it is read from text and written as text, the same text in the
/// environment, in the file, in the effective configuration and in the documentation.
///
/// Sealed: the options are declared in this crate, and so are their types.
pub trait OptionValue: sealed::Sealed + Clone + PartialEq + Sized + 'static {
    /// Whether the value must not be shown.
    const SECRET: bool = false;
    /// The names that can be written and have no effect yet.
    const NOT_YET: &'static [&'static str] = &[];

    /// Reads a text that is neither empty nor surrounded by white space.
    ///
    /// # Errors
    ///
    /// Says what is wrong and what to write, without quoting the text, and gives what is usable of it.
    fn parse(text: &str) -> Result<Self, Rejected<Self>>;

    /// Reads a text that is not UTF-8, for a value that may have one.
    fn parse_os(text: &OsStr) -> Option<Self> {
        let _ = text;
        None
    }

    /// The value, if it is one that [`parse`](Self::parse) could give, without what it would leave out.
    ///
    /// # Errors
    ///
    /// Says what is wrong and what to give, without quoting the value.
    fn checked(self) -> Result<Self, InvalidValue> {
        Ok(self)
    }

    /// Which of [`NOT_YET`](Self::NOT_YET) it has.
    fn not_yet(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// The text which [`parse`](Self::parse) reads as this value; empty if there is none.
    fn text(&self) -> String;

    /// The value for people, without secrets.
    fn shown(&self) -> String {
        if Self::SECRET && !self.text().is_empty() { MASK.to_owned() } else { self.text() }
    }

    /// A text as it was given, right or wrong, for people, without secrets.
    fn conceal(text: &str) -> String {
        if Self::SECRET { MASK.to_owned() } else { text.to_owned() }
    }

    /// This value where `weaker` comes from a weaker source. Most replace it.
    fn over(self, weaker: Self) -> Self {
        drop(weaker);
        self
    }
}

/// Why a text is not a value of an option, and what to write instead.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; {remedy}")]
pub struct InvalidValue {
    problem: Cow<'static, str>,
    remedy: Cow<'static, str>,
}

impl InvalidValue {
    pub(crate) fn new(problem: impl Into<Cow<'static, str>>, remedy: impl Into<Cow<'static, str>>) -> Self {
        InvalidValue { problem: problem.into(), remedy: remedy.into() }
    }

    /// What is wrong. It quotes no secret.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What to do about it.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }
}

/// A text that was refused, with the part of it that can be used, if any.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejected<T> {
    pub(crate) why: InvalidValue,
    pub(crate) instead: Option<T>,
}

impl<T> Rejected<T> {
    /// Why it was refused.
    pub fn why(&self) -> &InvalidValue {
        &self.why
    }

    /// What can be used of it: the known names of a list, for example.
    pub fn instead(&self) -> Option<&T> {
        self.instead.as_ref()
    }
}

impl<T> From<InvalidValue> for Rejected<T> {
    fn from(why: InvalidValue) -> Self {
        Rejected { why, instead: None }
    }
}

pub(crate) fn empty() -> InvalidValue {
    InvalidValue::new("is empty", "leave the option out to have its default")
}

pub(crate) fn too_long() -> InvalidValue {
    InvalidValue::new("is too long", format!("give at most {MAX_TEXT} bytes"))
}

/// The problem of something that is known and has no effect so far.
pub(crate) const NO_EFFECT: &str = "is not in effect yet";
pub(crate) const LEAVE_OUT: &str = "leave it out";

/// Refuses a number outside `LOW..=HIGH`.
pub(crate) fn within<const LOW: usize, const HIGH: usize>(number: &usize) -> Result<(), InvalidValue> {
    if (LOW..=HIGH).contains(number) {
        return Ok(());
    }
    Err(InvalidValue::new("is out of range", format!("give a whole number from {LOW} to {HIGH}")))
}

/// Refuses a duration of zero, where waiting for nothing would be a busy loop.
pub(crate) fn positive(duration: &Duration) -> Result<(), InvalidValue> {
    if duration.is_zero() {
        return Err(InvalidValue::new("is zero", "give at least 1 millisecond"));
    }
    Ok(())
}

/// Refuses a token that is soon found by trying.
pub(crate) fn hard_to_guess(token: &Option<Secret<String>>) -> Result<(), InvalidValue> {
    const LEAST: usize = 16;
    match token {
        Some(token) if token.expose().chars().count() < LEAST => {
            let remedy =
                format!("give at least {LEAST} random characters, such as those of `openssl rand -hex 16`");
            Err(InvalidValue::new(format!("is shorter than {LEAST} characters"), remedy))
        }
        _ => Ok(()),
    }
}

pub(crate) fn not_a_boolean() -> InvalidValue {
    InvalidValue::new("is not a boolean", "write true or false")
}

impl sealed::Sealed for bool {}

/// What is neither true nor false is false (OpenTelemetry specification, "Environment Variable Specification", Boolean).
impl OptionValue for bool {
    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        if text.eq_ignore_ascii_case("true") {
            Ok(true)
        } else if text.eq_ignore_ascii_case("false") {
            Ok(false)
        } else {
            Err(Rejected { why: not_a_boolean(), instead: Some(false) })
        }
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl sealed::Sealed for usize {}

impl OptionValue for usize {
    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        digits(text).and_then(|digits| digits.parse().ok()).ok_or_else(|| {
            InvalidValue::new("is not a whole number", "write only digits, such as 512").into()
        })
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

/// `text` if it consists only of decimal digits: `str::parse` takes a plus sign, too.
fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then_some(text)
}

const REMEDY_DURATION: &str = "write milliseconds such as 5000, or a number with its unit such as 5s";

/// Longer waits than this are a mistake in the unit.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

impl sealed::Sealed for Duration {}

/// Milliseconds, as the specification has it; with a unit (`ns`, `us`, `ms`, `s`, `m`) also other amounts.
impl OptionValue for Duration {
    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        const REMEDY: &str = REMEDY_DURATION;
        if text.starts_with('-') {
            return Err(InvalidValue::new("is negative", REMEDY).into());
        }
        let unit = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(unit);
        let number: u64 = digits(number)
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| InvalidValue::new("is not a duration", REMEDY))?;
        let duration = match unit.trim_start() {
            "" | "ms" => Duration::from_millis(number),
            "ns" => Duration::from_nanos(number),
            "us" | "µs" => Duration::from_micros(number),
            "s" => Duration::from_secs(number),
            "m" => Duration::from_secs(number.saturating_mul(60)),
            _ => return Err(InvalidValue::new("has an unknown unit of time", REMEDY).into()),
        };
        duration.checked().map_err(Into::into)
    }

    fn checked(self) -> Result<Self, InvalidValue> {
        if self > LONGEST {
            return Err(InvalidValue::new("is longer than a year", REMEDY_DURATION));
        }
        Ok(self)
    }

    fn text(&self) -> String {
        match self.subsec_nanos() {
            n if n.is_multiple_of(1_000_000) => self.as_millis().to_string(),
            n if n.is_multiple_of(1_000) => format!("{}us", self.as_micros()),
            _ => format!("{}ns", self.as_nanos()),
        }
    }
}

impl sealed::Sealed for String {}

impl OptionValue for String {
    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        text.to_owned().checked().map_err(Into::into)
    }

    fn checked(self) -> Result<Self, InvalidValue> {
        if self.is_empty() {
            return Err(empty());
        }
        if self.len() > MAX_TEXT {
            return Err(too_long());
        }
        if self.chars().any(char::is_control) {
            return Err(InvalidValue::new("has control characters", "write printable text"));
        }
        if self.trim().len() < self.len() {
            return Err(InvalidValue::new("has white space around it", "remove it"));
        }
        Ok(self)
    }

    fn text(&self) -> String {
        self.clone()
    }
}

impl sealed::Sealed for PathBuf {}

impl OptionValue for PathBuf {
    fn parse_os(text: &OsStr) -> Option<Self> {
        Some(text.into())
    }

    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        String::parse(text)
            .map(PathBuf::from)
            .map_err(|_| InvalidValue::new("has control characters", "write the path of a file").into())
    }

    fn checked(self) -> Result<Self, InvalidValue> {
        if self.as_os_str().is_empty() { Err(empty()) } else { Ok(self) }
    }

    fn text(&self) -> String {
        self.to_string_lossy().into_owned()
    }
}

impl<T: OptionValue> sealed::Sealed for Secret<T> {}

impl<T: OptionValue> OptionValue for Secret<T> {
    const SECRET: bool = true;

    fn parse_os(text: &OsStr) -> Option<Self> {
        T::parse_os(text).map(Secret::new)
    }

    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        T::parse(text)
            .map(Secret::new)
            .map_err(|r| Rejected { why: r.why, instead: r.instead.map(Secret::new) })
    }

    fn checked(self) -> Result<Self, InvalidValue> {
        self.into_inner().checked().map(Secret::new)
    }

    fn text(&self) -> String {
        self.expose().text()
    }
}

impl<T: OptionValue> sealed::Sealed for Option<T> {}

/// An option without a value: no text at all.
impl<T: OptionValue> OptionValue for Option<T> {
    const SECRET: bool = T::SECRET;

    fn parse_os(text: &OsStr) -> Option<Self> {
        T::parse_os(text).map(Some)
    }

    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        T::parse(text).map(Some).map_err(|r| Rejected { why: r.why, instead: r.instead.map(Some) })
    }

    fn checked(self) -> Result<Self, InvalidValue> {
        self.map(T::checked).transpose()
    }

    fn text(&self) -> String {
        self.as_ref().map_or_else(String::new, T::text)
    }

    fn shown(&self) -> String {
        self.as_ref().map_or_else(String::new, T::shown)
    }

    fn conceal(text: &str) -> String {
        T::conceal(text)
    }
}

/// The text of an empty list: an empty text would mean that the option is unset.
pub(crate) const NONE: &str = "none";

/// The entries of a list that cannot be used, which does not harm the others.
pub(crate) struct WrongEntries<'a> {
    text: &'a str,
    problems: Vec<String>,
    remedy: Cow<'static, str>,
    more: usize,
}

impl<'a> WrongEntries<'a> {
    /// None so far in this list.
    pub(crate) fn of(text: &'a str) -> Self {
        WrongEntries { text, problems: Vec::new(), remedy: Cow::Borrowed(""), more: 0 }
    }

    /// Notes an entry with what is wrong with it, such as `is not a name`. It is quoted unless it is the whole text,
    /// which is quoted already. The first remedy is given.
    pub(crate) fn push(&mut self, entry: &str, problem: &str, remedy: impl Into<Cow<'static, str>>) {
        const TOLD: usize = 3;
        if self.problems.len() == TOLD {
            self.more += 1;
            return;
        }
        if self.problems.is_empty() {
            self.remedy = remedy.into();
        }
        self.problems.push(match self.text.trim() == entry {
            true => problem.to_owned(),
            false => format!("`{}`, which {problem}", shorten(entry)),
        });
    }

    /// The list as far as it can be used; `nothing` is the error of an empty one.
    pub(crate) fn finish<T>(
        self,
        usable: Option<T>,
        nothing: impl FnOnce() -> InvalidValue,
    ) -> Result<T, Rejected<T>> {
        match self.why() {
            None => usable.ok_or_else(|| nothing().into()),
            Some(why) => Err(Rejected { why, instead: usable }),
        }
    }

    /// What is wrong with them, if there are any.
    pub(crate) fn why(self) -> Option<InvalidValue> {
        if self.problems.is_empty() {
            return None;
        }
        let mut problem = self.problems.join(", and ");
        if problem.starts_with('`') {
            problem.insert_str(0, "has ");
        }
        if self.more > 0 {
            problem.push_str(&format!(", and {} more", self.more));
        }
        Some(InvalidValue::new(problem, self.remedy))
    }
}

/// The entries of a text that is a list.
pub(crate) fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

impl sealed::Sealed for Vec<String> {}

/// A list of plain words, separated by commas. `none` is the empty list.
impl OptionValue for Vec<String> {
    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        const REMEDY: &str = "separate the entries by commas, or write none";
        if text.eq_ignore_ascii_case(NONE) {
            return Ok(Vec::new());
        }
        let mut words: Vec<String> = Vec::new();
        let mut known = HashSet::new();
        let mut wrong = WrongEntries::of(text);
        for word in entries(text) {
            if word.chars().any(|c| c.is_control() || c.is_whitespace()) {
                wrong.push(word, "has white space inside", REMEDY);
            } else if known.insert(word) {
                words.push(word.to_owned());
            }
        }
        let usable = (!words.is_empty()).then_some(words);
        wrong.finish(usable, || InvalidValue::new("has no entry", REMEDY))
    }

    fn checked(mut self) -> Result<Self, InvalidValue> {
        const REMEDY: &str = "give entries that are neither empty nor have white space or commas inside";
        if self.iter().any(|word| word.is_empty()) {
            return Err(InvalidValue::new("has an empty entry", REMEDY));
        }
        if self.iter().any(|word| word.chars().any(|c| c.is_control() || c.is_whitespace())) {
            return Err(InvalidValue::new("has an entry with white space inside", REMEDY));
        }
        if self.iter().any(|word| word.contains(',')) {
            return Err(InvalidValue::new("has an entry with a comma inside", REMEDY));
        }
        if let [only] = &self[..]
            && only.eq_ignore_ascii_case(NONE)
        {
            return Err(InvalidValue::new("is the word for an empty list", "give an empty list"));
        }
        let mut known = HashSet::new();
        self.retain(|word| known.insert(word.clone()));
        Ok(self)
    }

    fn text(&self) -> String {
        if self.is_empty() { NONE.to_owned() } else { self.join(",") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_milliseconds_unless_they_have_a_unit() {
        fn check(text: &str, expected: Option<Duration>) {
            assert_eq!(Duration::parse(text).ok(), expected, "{text}");
        }
        check("0", Some(Duration::ZERO));
        check("5000", Some(Duration::from_secs(5)));
        check("5s", Some(Duration::from_secs(5)));
        check("250 us", Some(Duration::from_micros(250)));
        check("2m", Some(Duration::from_secs(120)));
        check("7ns", Some(Duration::from_nanos(7)));
        check("-5", None);
        check("+5", None);
        check("1.5", None);
        check("5 parsecs", None);
        check("99999999999999999999", None);
        check("18446744073709551615", None);
        check("18446744073709551615m", None);
    }

    #[test]
    fn a_duration_is_written_in_the_largest_unit_that_is_whole() {
        fn check(duration: Duration, expected: &str) {
            assert_eq!(duration.text(), expected);
            assert_eq!(Duration::parse(expected), Ok(duration));
        }
        check(Duration::from_secs(5), "5000");
        check(Duration::from_micros(1_500), "1500us");
        check(Duration::from_nanos(1_000_001), "1000001ns");
    }

    #[test]
    fn numbers_are_digits_alone() {
        fn check(text: &str, expected: Option<usize>) {
            assert_eq!(usize::parse(text).ok(), expected, "{text}");
        }
        check("512", Some(512));
        check("+512", None);
        check("-1", None);
        check("5e3", None);
        check("1_000", None);
        check("99999999999999999999", None);
    }

    #[test]
    fn word_lists_are_trimmed_and_without_duplicates() {
        fn check(text: &str, expected: Option<&[&str]>) {
            let words = Vec::<String>::parse(text).ok();
            assert_eq!(
                words.as_ref().map(|w| w.iter().map(String::as_str).collect()),
                expected.map(<[_]>::to_vec)
            );
        }
        check("GET, POST,,GET", Some(&["GET", "POST"]));
        check("None", Some(&[]));
        check("GET POST", None);
        check(",", None);
    }

    /// One entry that cannot be used does no harm to the others.
    #[test]
    fn what_is_wrong_of_a_list_is_told_and_the_rest_kept() {
        fn check(text: &str, problem: &str, instead: Option<&[&str]>) {
            let rejected = Vec::<String>::parse(text).unwrap_err();
            assert_eq!(rejected.why.problem(), problem);
            let words = instead.map(|words| words.iter().map(|word| (*word).to_owned()).collect());
            assert_eq!(rejected.instead, words);
        }
        check("GET POST", "has white space inside", None);
        check("GET POST,PUT", "has `GET POST`, which has white space inside", Some(&["PUT"]));
        check(
            "a b,c,d e,f g,h i,j k",
            "has `a b`, which has white space inside, and `d e`, which has white space inside, and `f g`, which has \
             white space inside, and 2 more",
            Some(&["c"]),
        );
    }
}
