//! What `tracestate` and `baggage` share: comma-separated members over several headers.

use std::borrow::Cow;
use std::fmt;
use std::iter::Chain;
use std::option;
use std::slice;
use std::sync::Arc;

/// Valid members, and what is known of how they are written.
#[derive(Clone)]
pub(crate) struct List<'a> {
    runs: Runs<'a>,
    members: u8,
    /// Of the header as it is written.
    header_len: u16,
    /// Whether each member came as it is written.
    exact: bool,
}

impl<'a> List<'a> {
    pub(crate) const fn new() -> Self {
        Self { runs: Runs::new(), members: 0, header_len: 0, exact: true }
    }

    /// The number of members.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.members as usize
    }

    /// The length of the header in bytes.
    pub(crate) const fn header_len(&self) -> usize {
        self.header_len as usize
    }

    #[inline]
    pub(crate) const fn runs(&self) -> &Runs<'a> {
        &self.runs
    }

    /// Adds a run of members that were counted in.
    #[inline]
    pub(crate) fn push(&mut self, run: &'a str) {
        self.runs.push(run);
    }

    /// Counts a member in that is written in `len` bytes, if the header is not longer than `max` bytes then, which fit
    /// into 16 bits. `exact` tells whether it came as it is written.
    #[inline]
    pub(crate) fn count_in(&mut self, len: usize, exact: bool, max: usize) -> bool {
        let fits = self.header_len() + usize::from(self.members > 0) + len <= max;
        if fits {
            self.count_in_exact(len);
            self.exact &= exact;
        }
        fits
    }

    /// Counts a member in that came as it is written, in `len` bytes, where the header has room for it.
    #[inline]
    pub(crate) fn count_in_exact(&mut self, len: usize) {
        self.header_len += len as u16 + u16::from(self.members > 0);
        self.members += 1;
    }

    /// The header's value, if that is how it came: with nothing but one comma between two members.
    pub(crate) fn as_header(&self) -> Option<&str> {
        self.runs.only().filter(|run| self.exact && run.len() == self.header_len())
    }

    /// The header's value, borrowed if that is how it came; else `write` gives its members.
    pub(crate) fn to_header(&self, write: impl FnOnce(&mut Text)) -> Cow<'_, str> {
        if let Some(header) = self.as_header() {
            return Cow::Borrowed(header);
        }
        let mut text = Text { text: String::with_capacity(self.header_len()), members: 0 };
        write(&mut text);
        Cow::Owned(text.text)
    }

    /// The same list, borrowing from this one.
    pub(crate) fn borrowed(&self) -> List<'_> {
        List { runs: self.runs.borrowed(), ..*self }
    }

    /// The same list, borrowing from nothing; `write` gives its members.
    pub(crate) fn into_owned(self, write: impl FnOnce(&Self, &mut Text)) -> List<'static> {
        if let Runs::Owned(text) = &self.runs {
            return List { runs: Runs::Owned(Arc::clone(text)), ..self };
        }
        let header = self.to_header(|text| write(&self, text)).into_owned();
        Text { text: header, members: self.members }.into()
    }
}

/// A header's value that is being written, member by member.
#[derive(Default)]
pub(crate) struct Text {
    text: String,
    members: u8,
}

impl Text {
    /// Adds a member, which `write` appends.
    pub(crate) fn member(&mut self, write: impl FnOnce(&mut String)) {
        if self.members > 0 {
            self.text.push(',');
        }
        write(&mut self.text);
        self.members += 1;
    }

    pub(crate) const fn members(&self) -> usize {
        self.members as usize
    }

    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }
}

/// Of members that are valid, as they are written, and not too many.
impl From<Text> for List<'static> {
    fn from(Text { text, members }: Text) -> Self {
        List { members, header_len: text.len() as u16, exact: true, runs: Runs::Owned(text.into()) }
    }
}

/// Writes the pieces that `hand_out` hands out.
pub(crate) fn display(
    f: &mut fmt::Formatter<'_>,
    hand_out: impl FnOnce(&mut dyn FnMut(&str)),
) -> fmt::Result {
    let mut result = Ok(());
    hand_out(&mut |piece| result = result.and_then(|()| f.write_str(piece)));
    result
}

/// Where the members that are written plainly end at the beginning of a header's value. `take` is told where the next
/// one begins, and gives its length if it is such a one and was counted in.
#[inline]
pub(crate) fn read_plain(line: &[u8], mut take: impl FnMut(usize) -> Option<usize>) -> usize {
    let (mut start, mut end) = (0, 0);
    while let Some(len) = take(start) {
        end = start + len;
        start = end + 1;
        while let Some(b' ' | b'\t') = line.get(start) {
            start += 1;
        }
    }
    end
}

/// Pieces of header values, each one or more members with commas between them, all of them valid.
///
/// Borrowed ones come from headers: a header is one run, or several where something between was left
/// out. Four fit without allocating, which is more than headers come in. After a change it is text of
/// its own.
#[derive(Clone)]
pub(crate) enum Runs<'a> {
    Few {
        len: u8,
        runs: [&'a str; Runs::FEW],
    },
    Many(Vec<&'a str>),
    /// Shared, so that a clone copies no text.
    Owned(Arc<str>),
}

impl<'a> Runs<'a> {
    const FEW: usize = 4;

    pub(crate) const fn new() -> Self {
        Self::Few { len: 0, runs: [""; Self::FEW] }
    }

    /// Adds a run of valid members.
    pub(crate) fn push(&mut self, run: &'a str) {
        match self {
            Self::Few { len, runs } => match runs.get_mut(usize::from(*len)) {
                Some(place) => {
                    *place = run;
                    *len += 1;
                }
                None => *self = Self::Many(runs.iter().copied().chain([run]).collect()),
            },
            Self::Many(runs) => runs.push(run),
            Self::Owned(text) => {
                let separator = if text.is_empty() { "" } else { "," };
                *text = [&**text, separator, run].concat().into();
            }
        }
    }

    pub(crate) fn iter(&self) -> RunsIter<'_> {
        let (borrowed, owned): (&[&str], Option<&str>) = match self {
            Self::Few { len, runs } => (runs.get(..usize::from(*len)).unwrap_or_default(), None),
            Self::Many(runs) => (runs, None),
            Self::Owned(text) => (&[], Some(text)),
        };
        borrowed.iter().copied().chain(owned)
    }

    /// The only run, if there is no more than one.
    pub(crate) fn only(&self) -> Option<&str> {
        let mut runs = self.iter();
        let first = runs.next().unwrap_or_default();
        runs.next().is_none().then_some(first)
    }

    /// The same runs, borrowed from these.
    pub(crate) fn borrowed(&self) -> Runs<'_> {
        match self {
            Self::Owned(text) => {
                let mut runs = Runs::new();
                runs.push(text);
                runs
            }
            Self::Few { len, runs } => Runs::Few { len: *len, runs: *runs },
            Self::Many(runs) => Runs::Many(runs.clone()),
        }
    }

    /// The members without the empty ones, white space around them taken away.
    pub(crate) fn members(&self) -> Members<'_> {
        Members { runs: self.iter(), rest: "" }
    }
}

pub(crate) type RunsIter<'s> = Chain<std::iter::Copied<slice::Iter<'s, &'s str>>, option::IntoIter<&'s str>>;

/// Iterator over the members of runs.
#[derive(Clone, Debug)]
pub(crate) struct Members<'s> {
    runs: RunsIter<'s>,
    rest: &'s str,
}

impl<'s> Iterator for Members<'s> {
    type Item = &'s str;

    fn next(&mut self) -> Option<&'s str> {
        loop {
            if self.rest.is_empty() {
                self.rest = self.runs.next()?;
            }
            let (member, rest) = self.rest.split_once(',').unwrap_or((self.rest, ""));
            self.rest = rest;
            let member = trim(member);
            if !member.is_empty() {
                return Some(member);
            }
        }
    }
}

/// A member as it was found in the value of a header.
pub(crate) struct FoundMember<'a> {
    pub(crate) text: &'a [u8],
    /// Where it begins in the value.
    pub(crate) offset: usize,
}

/// What becomes of a member.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Take,
    LeaveOut,
    /// It is left out, and so is everything behind it.
    Stop,
}

/// How many bytes are still read of a list, over all its headers: whoever sends them decides how many there are, and
/// shall not decide how much work they make.
pub(crate) struct Budget(pub(crate) usize);

impl Budget {
    /// The part of a header's value that is read: all of it, or whole members as far as there is budget for them. With it,
    /// where the rest begins.
    pub(crate) fn cut<'a>(&mut self, line: &'a [u8]) -> (&'a [u8], Option<usize>) {
        if line.len() <= self.0 {
            self.0 -= line.len();
            return (line, None);
        }
        let within = line.get(..self.0).unwrap_or_default();
        let end = within.iter().rposition(|&byte| byte == b',').unwrap_or(0);
        self.0 = 0;
        (within.get(..end).unwrap_or_default(), Some(end))
    }
}

/// Reads the value of a header: `check` is given each member that is not empty, and the runs of members it
/// took go to `take`.
///
/// Most headers are written plainly, and there is a short way for these: of `line` the members up to the
/// byte `plain` were taken already. Behind them is a comma, or nothing.
#[inline]
pub(crate) fn read_line<'a, S>(
    line: &'a [u8],
    plain: usize,
    state: &mut S,
    mut check: impl FnMut(&mut S, &FoundMember<'a>) -> Verdict,
    mut take: impl FnMut(&mut S, &'a str),
) {
    let mut run = (plain > 0).then_some((0, plain));
    let mut start = if plain > 0 { plain + 1 } else { 0 };
    while start < line.len() {
        let tail = line.get(start..).unwrap_or_default();
        let len = tail.iter().position(|&byte| byte == b',').unwrap_or(tail.len());
        let member = tail.get(..len).unwrap_or_default();
        let (blank, member) = trimmed(member);
        let found = FoundMember { text: member, offset: start + blank };
        start += len + 1;
        if found.text.is_empty() {
            continue;
        }
        match check(state, &found) {
            Verdict::Take => {
                let begin = run.map_or(found.offset, |(begin, _)| begin);
                run = Some((begin, found.offset + found.text.len()));
            }
            Verdict::LeaveOut => {
                if let Some((begin, end)) = run.take() {
                    take(state, text(&line[begin..end]));
                }
            }
            Verdict::Stop => break,
        }
    }
    if let Some((begin, end)) = run {
        take(state, text(&line[begin..end]));
    }
}

/// Whether there is a member that is not empty in the values of a header.
pub(crate) fn any<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> bool {
    values.any(|value| value.iter().any(|&byte| byte != b',' && !is_blank(byte)))
}

/// A space or a tab: the `OWS` of RFC 9110.
pub(crate) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[inline]
pub(crate) fn trim(text: &str) -> &str {
    match text.as_bytes() {
        [] => text,
        [first, .., last] if !is_blank(*first) && !is_blank(*last) => text,
        _ => text.trim_matches([' ', '\t']),
    }
}

pub(crate) const fn trim_bytes(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// A text without the white space around it, and how much of that was before it.
#[inline]
pub(crate) fn trimmed(text: &[u8]) -> (usize, &[u8]) {
    let blank = text.iter().take_while(|byte| is_blank(**byte)).count();
    (blank, trim_bytes(text))
}

/// Members that were checked are ASCII.
fn text(checked: &[u8]) -> &str {
    str::from_utf8(checked).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &[&str]) {
        let read = |plain| {
            let mut runs = Vec::new();
            let check = |_: &mut Vec<_>, found: &FoundMember<'_>| {
                assert_eq!(&line.as_bytes()[found.offset..found.offset + found.text.len()], found.text);
                match found.text {
                    [b'!', ..] => Verdict::LeaveOut,
                    [b'.', ..] => Verdict::Stop,
                    _ => Verdict::Take,
                }
            };
            read_line(line.as_bytes(), plain, &mut runs, check, Vec::push);
            runs
        };
        assert_eq!(read(0), expected);
        if line.starts_with('a') {
            assert_eq!(read(1), expected);
        }
    }

    /// A member that is left out splits its header in two; empty ones and white space do not.
    #[test]
    fn runs_are_cut_where_a_member_is_left_out() {
        check("", &[]);
        check(" ,\t, ", &[]);
        check("a", &["a"]);
        check(" a , ,b\t", &["a , ,b"]);
        check("!a,b,c", &["b,c"]);
        check("a,!b,,c", &["a", "c"]);
        check("a,!b", &["a"]);
        check("!a,!b,", &[]);
        check("a,b,.,c", &["a,b"]);
        check("a,!b,.,c", &["a"]);
        check(".,c", &[]);
    }

    /// A budget ends between two members, and no part of one is taken for a whole.
    #[test]
    fn a_budget_cuts_whole_members() {
        let check = |budget: usize, line: &str, read: &str, rest: Option<usize>| {
            let mut budget = Budget(budget);
            assert_eq!(budget.cut(line.as_bytes()), (read.as_bytes(), rest), "{line}");
            assert!(rest.is_none() || budget.0 == 0);
        };
        check(5, "a=1,b", "a=1,b", None);
        check(5, "a=1,b=2", "a=1", Some(3));
        check(5, "abcdefg", "", Some(0));
        check(0, "", "", None);
        check(0, "a", "", Some(0));
    }

    /// Members come out in order, whatever the number of headers they were in.
    #[test]
    fn members_are_joined_in_order() {
        for count in 0..10 {
            let mut runs = Runs::new();
            let lines: Vec<String> = (0..count).map(|line| format!("a{line} ,,\tb{line}")).collect();
            lines.iter().for_each(|line| runs.push(line));
            let expected: Vec<String> =
                (0..count).flat_map(|line| [format!("a{line}"), format!("b{line}")]).collect();
            assert_eq!(runs.members().collect::<Vec<_>>(), expected);
        }
    }
}
