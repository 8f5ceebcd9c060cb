//! The `tracestate` header.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::byte_classes::Classes;
use crate::error::TracestateError;
use crate::member_list::{self, Budget, List, Text, Verdict};
use crate::reason::Reason;
use crate::trace_context_level::TraceContextLevel;

/// What the `tracestate` header says: a list of members, `key=value`, one for each tracing system the
/// trace came through, the last one first
/// ([Trace Context level 2, section 3.3](https://www.w3.org/TR/trace-context-2/#tracestate-header)).
///
/// An invalid one cannot be held: at most 32 members, keys and values of the allowed characters and
/// lengths, no key twice. A header that breaks a rule is refused whole; the traceparent beside it is
/// not harmed. Of members with the same key the first, which is the latest, is kept.
///
/// It borrows the text it was read from until it is changed. A header, or up to four headers, is read
/// without allocating.
///
/// ```
/// use otelbar_propagation::Tracestate;
///
/// let mut tracestate = Tracestate::parse("rojo=00f067aa0ba902b7 ,, congo=t61rcWkgMzE")?;
/// assert_eq!(tracestate.get("congo"), Some("t61rcWkgMzE"));
///
/// // The member that is changed goes to the front.
/// tracestate.insert("congo", "ucfJifl5GOE")?;
/// assert_eq!(tracestate.to_header(), "congo=ucfJifl5GOE,rojo=00f067aa0ba902b7");
/// # Ok::<(), otelbar_propagation::TracestateError>(())
/// ```
#[derive(Clone)]
pub struct Tracestate<'a> {
    list: List<'a>,
}

impl<'a> Tracestate<'a> {
    /// The header's name.
    pub const HEADER: &'static str = "tracestate";

    /// The most members a list may have: 32.
    pub const MAX_MEMBERS: usize = MAX_MEMBERS;

    /// The length, in characters of the header, that every service should pass on: 512. What to give
    /// [`shorten`](Self::shorten) where headers have to be short.
    pub const MIN_PROPAGATED_LEN: usize = 512;

    /// An empty one.
    pub const fn new() -> Self {
        Self { list: List::new() }
    }

    /// Reads the value of a header, by the rules of level 2.
    ///
    /// # Errors
    ///
    /// The first member that breaks a rule, with its place.
    pub fn parse(value: &'a str) -> Result<Self, TracestateError> {
        Self::parse_lines([value.as_bytes()], TraceContextLevel::Two)
    }

    /// Reads the values of all `tracestate` headers of a message, in order, as one list.
    ///
    /// The work is bounded, whatever is sent: nothing is read behind the first member at fault, and a list of more than
    /// 32768 bytes, which is twice what 32 members can have, is refused.
    ///
    /// # Errors
    ///
    /// The first member that breaks a rule of this level, with its place in its header.
    pub fn parse_lines<I>(values: I, level: TraceContextLevel) -> Result<Self, TracestateError>
    where
        I: IntoIterator<Item = &'a [u8]>,
    {
        let mut list = Self::new();
        list.read_lines(values, level)?;
        Ok(list)
    }

    /// Reads the values into this list, which is empty before, and of no use after an error. Returns how many members
    /// were left out because their key came before.
    #[inline]
    pub(crate) fn read_lines<I>(
        &mut self,
        values: I,
        level: TraceContextLevel,
    ) -> Result<usize, TracestateError>
    where
        I: IntoIterator<Item = &'a [u8]>,
    {
        let mut reading = TracestateReader { list: &mut self.list, seen: 0, prints: 0, fault: None };
        let mut budget = Budget(MAX_READ);
        for line in values {
            let (whole, rest) = budget.cut(line);
            let plain = reading.read_plain(whole, level);
            let check = |reading: &mut TracestateReader<'_, 'a>, found: &member_list::FoundMember<'a>| {
                reading.check(whole, found, level)
            };
            member_list::read_line(whole, plain, &mut reading, check, |reading, run| reading.list.push(run));
            let too_long = rest.map(|rest| (Reason::ListTooLong, rest));
            if let Some((reason, offset)) = reading.fault.or(too_long) {
                return Err(TracestateError::new(reason, line, offset));
            }
        }
        Ok(reading.seen - reading.list.len())
    }

    /// Whether there is no member.
    pub const fn is_empty(&self) -> bool {
        self.list.len() == 0
    }

    /// The number of members, at most [`MAX_MEMBERS`](Self::MAX_MEMBERS).
    pub const fn len(&self) -> usize {
        self.list.len()
    }

    /// The members in order, as `(key, value)`; the first is that of the system that wrote last.
    pub fn members(&self) -> Members<'_> {
        Members { members: self.list.runs().members(), left: self.len() }
    }

    /// The value of the member with this key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.members().find_map(|(member, value)| (member == key).then_some(value))
    }

    /// Sets a member and puts it to the front, whether it was there before or not; the others keep
    /// their order. If there would be more than 32, the last one is dropped.
    ///
    /// # Errors
    ///
    /// The key or the value is not allowed (by level 2); nothing is changed then. A value ends before
    /// the white space at its end.
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), TracestateError> {
        check_key(key.as_bytes(), TraceContextLevel::Two)
            .map_err(|(reason, offset)| TracestateError::new(reason, key.as_bytes(), offset))?;
        let value = value.trim_end_matches([' ', '\t']);
        check_value(value.as_bytes())
            .map_err(|(reason, offset)| TracestateError::new(reason, value.as_bytes(), offset))?;

        let others = self.members().filter(|&(other, _)| other != key).take(Self::MAX_MEMBERS - 1);
        *self = Tracestate::of(std::iter::once((key, value)).chain(others));
        Ok(())
    }

    /// Takes a member away, and tells whether it was there. The others keep their order.
    pub fn remove(&mut self, key: &str) -> bool {
        let found = self.get(key).is_some();
        if found {
            *self = Tracestate::of(self.members().filter(|&(other, _)| other != key));
        }
        found
    }

    /// Takes members away until the header is at most `max` characters long, and returns how many: first
    /// those longer than 128 characters, from the end, then any from the end, as the specification asks.
    ///
    /// ```
    /// use otelbar_propagation::Tracestate;
    ///
    /// let mut tracestate = Tracestate::parse("a=1,b=2,c=3")?;
    /// assert_eq!(tracestate.shorten(7), 1);
    /// assert_eq!(tracestate.to_header(), "a=1,b=2");
    /// # Ok::<(), otelbar_propagation::TracestateError>(())
    /// ```
    pub fn shorten(&mut self, max: usize) -> usize {
        const LONG: usize = 128;

        let mut header_len = self.header_len();
        if header_len <= max {
            return 0;
        }
        let mut kept: Vec<(&str, &str)> = self.members().collect();
        let before = kept.len();
        for longer_than in [LONG, 0] {
            let mut index = kept.len();
            while index > 0 && header_len > max {
                index -= 1;
                let len = member_len(kept[index]);
                if len > longer_than {
                    kept.remove(index);
                    header_len = header_len.saturating_sub(len + 1);
                }
            }
        }
        let removed = before - kept.len();
        *self = Tracestate::of(kept.into_iter());
        removed
    }

    /// The length of the header in characters.
    pub const fn header_len(&self) -> usize {
        self.list.header_len()
    }

    /// The header's value: `key=value` with commas between, no white space and no empty member. Borrowed
    /// if that is how it came. An empty one should not be sent.
    pub fn to_header(&self) -> Cow<'_, str> {
        self.list.to_header(|text| write_members(self.list.runs().members(), text))
    }

    /// The same list, borrowing from this one.
    pub fn borrowed(&self) -> Tracestate<'_> {
        Tracestate { list: self.list.borrowed() }
    }

    /// The same list, borrowing from nothing.
    pub fn into_owned(self) -> Tracestate<'static> {
        Tracestate { list: self.list.into_owned(|list, text| write_members(list.runs().members(), text)) }
    }

    /// The members whose keys this level allows.
    pub(crate) fn at_level(self, level: TraceContextLevel) -> Self {
        let allowed = |&(key, _): &(&str, &str)| check_key(key.as_bytes(), level).is_ok();
        if self.members().all(|member| allowed(&member)) {
            return self;
        }
        Tracestate::of(self.members().filter(allowed))
    }

    /// Hands out the pieces of the header's value.
    pub(crate) fn write_header(&self, mut write: impl FnMut(&str)) {
        if let Some(header) = self.list.as_header() {
            return write(header);
        }
        for (index, (key, value)) in self.members().enumerate() {
            if index > 0 {
                write(",");
            }
            write(key);
            write("=");
            write(value);
        }
    }

    /// A list of members that are valid and differ in their keys.
    fn of<'m>(members: impl Iterator<Item = (&'m str, &'m str)>) -> Tracestate<'static> {
        let mut text = Text::default();
        for (key, value) in members {
            text.member(|text| text.extend([key, "=", value]));
        }
        Tracestate { list: text.into() }
    }
}

impl Default for Tracestate<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq<Tracestate<'_>> for Tracestate<'_> {
    fn eq(&self, other: &Tracestate<'_>) -> bool {
        self.members().eq(other.members())
    }
}

impl Eq for Tracestate<'_> {}

impl Hash for Tracestate<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.len());
        self.members().for_each(|member| member.hash(state));
    }
}

impl FromStr for Tracestate<'static> {
    type Err = TracestateError;

    fn from_str(text: &str) -> Result<Self, TracestateError> {
        Tracestate::parse(text).map(Tracestate::into_owned)
    }
}

/// The header's value.
impl fmt::Display for Tracestate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        member_list::display(f, |write| self.write_header(write))
    }
}

impl fmt::Debug for Tracestate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tracestate")?;
        f.debug_map().entries(self.members()).finish()
    }
}

impl<'s> IntoIterator for &'s Tracestate<'_> {
    type Item = (&'s str, &'s str);
    type IntoIter = Members<'s>;

    fn into_iter(self) -> Members<'s> {
        self.members()
    }
}

/// Iterator over the members of a [`Tracestate`], as `(key, value)`.
#[derive(Clone, Debug)]
pub struct Members<'s> {
    members: member_list::Members<'s>,
    left: usize,
}

impl<'s> Iterator for Members<'s> {
    type Item = (&'s str, &'s str);

    fn next(&mut self) -> Option<Self::Item> {
        let member = self.members.next()?.split_once('=');
        self.left = self.left.saturating_sub(1);
        member
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Members<'_> {}

const MAX_MEMBERS: usize = 32;
/// Bytes of headers that are read at most; 32 members with the commas between them have 16447.
const MAX_READ: usize = 32_768;
const MAX_KEY: usize = 256;
const MAX_VALUE: usize = 256;

/// A list that is being read.
struct TracestateReader<'l, 'a> {
    list: &'l mut List<'a>,
    /// Members, with those whose key came before.
    seen: usize,
    /// A bit for each key that was read, by some of its characters and its length: where it is not set, the key is new.
    prints: u64,
    fault: Option<Problem>,
}

impl<'a> TracestateReader<'_, 'a> {
    /// Takes the members at the beginning of a header's value that are valid, written plainly and of keys that
    /// did not come before. Returns where the last of them ends. The others are left to [`check`](Self::check).
    #[inline]
    fn read_plain(&mut self, line: &'a [u8], level: TraceContextLevel) -> usize {
        member_list::read_plain(line, |start| {
            // TraceContextLevel 1 is not worth a short way.
            if level != TraceContextLevel::Two || self.seen == MAX_MEMBERS {
                return None;
            }
            let text = line.get(start..)?;
            let (key, len) = plain_member(text)?;
            self.is_new(&text[..key], &line[..start]).then(|| self.count_in(len))?;
            Some(len)
        })
    }

    /// Whether the member goes into the list.
    fn check(
        &mut self,
        line: &'a [u8],
        found: &member_list::FoundMember<'a>,
        level: TraceContextLevel,
    ) -> Verdict {
        let key = match check_member(found.text, level) {
            Ok(_) if self.seen == MAX_MEMBERS => {
                self.fault = Some((Reason::TooManyMembers, found.offset));
                return Verdict::Stop;
            }
            Ok(key) => key,
            Err((reason, at)) => {
                self.fault = Some((reason, found.offset + at));
                return Verdict::Stop;
            }
        };
        let is_new = self.is_new(key, &line[..found.offset]);
        if is_new {
            self.count_in(found.text.len());
            return Verdict::Take;
        }
        self.seen += 1;
        Verdict::LeaveOut
    }

    /// Counts in a member of this length.
    #[inline]
    fn count_in(&mut self, len: usize) {
        self.seen += 1;
        // Lengths are limited, and so is the number of members: 32 of 513 bytes are far below what fits.
        self.list.count_in_exact(len);
    }

    /// Whether the key did not come before, in the lines before or in what comes before it in this one.
    #[inline]
    fn is_new(&mut self, key: &[u8], before: &[u8]) -> bool {
        let byte = |index: usize| key.get(index).map_or(0, |&byte| usize::from(byte));
        let print =
            1 << ((byte(0) * 5 + byte(key.len() / 2) * 11 + byte(key.len() - 1) * 17 + key.len()) & 63);
        if self.prints & print != 0 && self.has(key, before) {
            return false;
        }
        self.prints |= print;
        true
    }

    /// Whether there is a member of this key in the lines before, or in this one so far.
    #[cold]
    fn has(&self, key: &[u8], line: &[u8]) -> bool {
        let is_key = |member: &[u8]| member.strip_prefix(key).is_some_and(|rest| rest.starts_with(b"="));
        self.list.runs().members().any(|member| is_key(member.as_bytes()))
            || line.split(|&byte| byte == b',').any(|member| is_key(member_list::trim_bytes(member)))
    }
}

/// The lengths of the key and of the whole of a valid member at the beginning of a text, by the rules of level 2,
/// if it is written plainly and ends at a comma or with the text.
#[inline]
fn plain_member(text: &[u8]) -> Option<(usize, usize)> {
    let key = CLASSES.run(text, KEY);
    let after = text.get(key + 1..)?;
    let value = CLASSES.run(after, VALUE);
    let plain = text[0].is_ascii_alphanumeric()
        && text[key] == b'='
        && key <= MAX_KEY
        && (1..=MAX_VALUE).contains(&value)
        && after[value - 1] != b' '
        && matches!(after.get(value), None | Some(b','));
    plain.then_some((key, key + 1 + value))
}

/// A character of a key.
const KEY: u8 = 1;
/// A character of a value.
const VALUE: u8 = 2;

static CLASSES: Classes = {
    let mut classes = [0; 128];
    let mut byte = 0_u8;
    while byte < 0x80 {
        let key = if is_key_character(byte) { KEY } else { 0 };
        let value = if is_value_character(byte) { VALUE } else { 0 };
        classes[byte as usize] = key | value;
        byte += 1;
    }
    Classes::new(classes)
};

/// A reason, and the place in what was checked.
type Problem = (Reason, usize);

/// Checks a member and returns its key.
fn check_member(member: &[u8], level: TraceContextLevel) -> Result<&[u8], Problem> {
    let equals = member.iter().position(|&byte| byte == b'=').ok_or((Reason::MissingEquals, member.len()))?;
    let (key, value) = (&member[..equals], &member[equals + 1..]);
    check_key(key, level)?;
    check_value(value).map_err(|(reason, offset)| (reason, equals + 1 + offset))?;
    Ok(key)
}

fn check_key(key: &[u8], level: TraceContextLevel) -> Result<(), Problem> {
    /// Of level 1's `tenant@system`.
    const MAX_TENANT: usize = 241;
    const MAX_SYSTEM: usize = 14;

    let &first = key.first().ok_or((Reason::EmptyKey, 0))?;
    if !first.is_ascii_lowercase() && !first.is_ascii_digit() {
        return Err((Reason::KeyCharacter, 0));
    }
    if let Some(offset) = key.iter().position(|&byte| !is_key_character(byte)) {
        return Err((Reason::KeyCharacter, offset));
    }
    if key.len() > MAX_KEY {
        return Err((Reason::KeyTooLong, MAX_KEY));
    }
    if level == TraceContextLevel::Two {
        return Ok(());
    }
    match key.iter().position(|&byte| byte == b'@') {
        None if first.is_ascii_digit() => Err((Reason::KeyCharacter, 0)),
        None => Ok(()),
        Some(at) if at > MAX_TENANT => Err((Reason::KeyTooLong, MAX_TENANT)),
        Some(at) => {
            let system = &key[at + 1..];
            if let Some(second) = system.iter().position(|&byte| byte == b'@') {
                return Err((Reason::KeyCharacter, at + 1 + second));
            }
            match system.first() {
                Some(byte) if !byte.is_ascii_lowercase() => Err((Reason::KeyCharacter, at + 1)),
                None => Err((Reason::EmptyKey, at + 1)),
                Some(_) if system.len() > MAX_SYSTEM => Err((Reason::KeyTooLong, at + 1 + MAX_SYSTEM)),
                Some(_) => Ok(()),
            }
        }
    }
}

/// Checks a value that has no white space at its end.
fn check_value(value: &[u8]) -> Result<(), Problem> {
    if value.is_empty() {
        return Err((Reason::EmptyValue, 0));
    }
    if let Some(offset) = value.iter().position(|&byte| !is_value_character(byte)) {
        return Err((Reason::ValueCharacter, offset));
    }
    if value.len() > MAX_VALUE {
        return Err((Reason::ValueTooLong, MAX_VALUE));
    }
    Ok(())
}

const fn is_key_character(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@')
}

const fn is_value_character(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b',' && byte != b'='
}

/// Members as they stand in a header.
fn write_members<'m>(members: impl Iterator<Item = &'m str>, text: &mut Text) {
    members.for_each(|member| text.member(|text| text.push_str(member)));
}

fn member_len((key, value): (&str, &str)) -> usize {
    key.len() + 1 + value.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(lines: &[&'a str], level: TraceContextLevel) -> Result<Tracestate<'a>, TracestateError> {
        Tracestate::parse_lines(lines.iter().map(|line| line.as_bytes()), level)
    }

    /// These headers, read together, are written as `expected`.
    #[track_caller]
    fn accepted(lines: &[&str], expected: &str) {
        let tracestate = read(lines, TraceContextLevel::Two).unwrap();
        assert_eq!(tracestate.to_header(), expected);
        assert_eq!(tracestate.to_string(), expected);
        assert_eq!(tracestate.header_len(), expected.len());
        assert_eq!(tracestate.members().count(), tracestate.len());
        assert_eq!(tracestate.clone().into_owned(), tracestate);
    }

    #[track_caller]
    fn refused(line: &str, reason: Reason, offset: usize) {
        let error = read(&[line], TraceContextLevel::Two).unwrap_err();
        assert_eq!((error.reason(), error.offset()), (reason, offset), "{error}");
    }

    /// White space, empty members and several headers become one list in order.
    #[test]
    fn lists_are_joined_and_cleaned() {
        accepted(&[], "");
        accepted(&[""], "");
        accepted(&[" \t", ",,"], "");
        accepted(&["foo=1"], "foo=1");
        accepted(&[" foo=1"], "foo=1");
        accepted(&["\tfoo=1\t "], "foo=1");
        accepted(&["foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3");
        accepted(&["foo=1\t \t,\t \tbar=2,\t \tbaz=3"], "foo=1,bar=2,baz=3");
        accepted(&["foo=1", ""], "foo=1");
        accepted(&["", "foo=1"], "foo=1");
        accepted(&["foo=1,bar=2", "rojo=1,congo=2", "baz=3"], "foo=1,bar=2,rojo=1,congo=2,baz=3");
        accepted(&["a=1", "b=1", "c=1", "d=1", "e=1", "f=1"], "a=1,b=1,c=1,d=1,e=1,f=1");
        accepted(&["foo=  1"], "foo=  1");
    }

    /// Of a key that comes twice the first, the latest, is kept, in whatever header the second is.
    #[test]
    fn the_first_of_a_key_is_kept() {
        accepted(&["foo=1,foo=1"], "foo=1");
        accepted(&["foo=1,bar=3,foo=2,baz=4"], "foo=1,bar=3,baz=4");
        accepted(&["foo=1", "foo=2"], "foo=1");
    }

    /// Every character that is allowed in keys and values gets through.
    #[test]
    fn all_allowed_characters() {
        let key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
        let value: String = (' '..='~').filter(|character| !matches!(character, ',' | '=')).collect();
        accepted(&[&format!("{key}={value}")], &format!("{key}={value}"));
        accepted(&[&format!("{key}@a-z0-9_-*/={value}")], &format!("{key}@a-z0-9_-*/={value}"));
        accepted(&["0=1,foo@=1,foo@@bar=1,foo@bar@baz=1"], "0=1,foo@=1,foo@@bar=1,foo@bar@baz=1");
    }

    /// What breaks a rule refuses the list, and is named with its place.
    #[test]
    fn refusals() {
        refused("foo", Reason::MissingEquals, 3);
        refused("=1", Reason::EmptyKey, 0);
        refused("foo =1", Reason::KeyCharacter, 3);
        refused("FOO=1", Reason::KeyCharacter, 0);
        refused("foo.bar=1", Reason::KeyCharacter, 3);
        refused("@foo=1,bar=2", Reason::KeyCharacter, 0);
        refused("_foo=1", Reason::KeyCharacter, 0);
        refused("bar=2, f\u{fc}=1", Reason::KeyCharacter, 8);
        refused("foo=bar=baz", Reason::ValueCharacter, 7);
        refused("foo=,bar=3", Reason::EmptyValue, 4);
        refused("foo=  ", Reason::EmptyValue, 4);
        refused("foo=a\tb", Reason::ValueCharacter, 5);
        refused("foo=a\r\nb", Reason::ValueCharacter, 5);
        refused("foo=\u{fc}", Reason::ValueCharacter, 4);
        refused("foo=\x7f", Reason::ValueCharacter, 4);
    }

    /// The limits of keys, values and members, each at its edge.
    #[test]
    fn limits() {
        let long = "z".repeat(256);
        accepted(&["foo=1", &format!("{long}=1")], &format!("foo=1,{long}=1"));
        accepted(&[&format!("foo={long}")], &format!("foo={long}"));
        refused(&format!("{long}z=1"), Reason::KeyTooLong, 256);
        refused(&format!("foo={long}z"), Reason::ValueTooLong, 260);

        let members: Vec<String> = (1..=33).map(|number| format!("bar{number:02}={number:02}")).collect();
        accepted(&[&members[..10].join(","), &members[10..32].join(",")], &members[..32].join(","));
        let offset = members[..32].join(",").len() + 1;
        refused(&members.join(","), Reason::TooManyMembers, offset);
        refused(&format!("a=1,{}b=2", " ".repeat(32_768)), Reason::ListTooLong, 3);
        refused(&",".repeat(32_769), Reason::ListTooLong, 32_767);
    }

    /// The keys on which the two levels differ.
    #[test]
    fn keys_by_level() {
        let tenant = |len: usize, system: &str| format!("{}@{system}=1", "t".repeat(len));
        for (line, level_1) in [
            ("foo=1", Ok(())),
            ("0foo=1", Err((Reason::KeyCharacter, 0))),
            ("0foo@bar=1", Ok(())),
            ("foo@=1", Err((Reason::EmptyKey, 4))),
            ("foo@0bar=1", Err((Reason::KeyCharacter, 4))),
            ("foo@@bar=1", Err((Reason::KeyCharacter, 4))),
            ("foo@bar@baz=1", Err((Reason::KeyCharacter, 7))),
            (&tenant(241, "v2345678901234"), Ok(())),
            (&tenant(242, "v"), Err((Reason::KeyTooLong, 241))),
            (&tenant(1, "v23456789012345"), Err((Reason::KeyTooLong, 16))),
        ] {
            assert!(read(&[line], TraceContextLevel::Two).is_ok(), "{line} at level 2");
            let found = read(&[line], TraceContextLevel::One)
                .map(|_| ())
                .map_err(|error| (error.reason(), error.offset()));
            assert_eq!(found, level_1, "{line} at level 1");
        }
    }

    /// A member that is set goes to the front, and the last falls off a full list.
    #[test]
    fn a_changed_member_goes_to_the_front() {
        let mut tracestate = Tracestate::parse("a=1,b=2,c=3").unwrap();
        tracestate.insert("b", "4 ").unwrap();
        assert_eq!(tracestate.to_header(), "b=4,a=1,c=3");
        tracestate.insert("d", " 5").unwrap();
        assert_eq!(tracestate.to_header(), "d= 5,b=4,a=1,c=3");
        assert!(tracestate.remove("a") && !tracestate.remove("a"));
        assert_eq!(tracestate.to_header(), "d= 5,b=4,c=3");
        for number in 0..40 {
            tracestate.insert(&format!("n{number}"), "1").unwrap();
        }
        assert_eq!(tracestate.len(), 32);
        assert_eq!(tracestate.members().next(), Some(("n39", "1")));
        assert_eq!(tracestate.members().last(), Some(("n8", "1")));
    }

    /// Nothing that would break the header can be set.
    #[test]
    fn a_bad_member_cannot_be_set() {
        let mut tracestate = Tracestate::parse("a=1").unwrap();
        for (key, value) in [
            ("", "1"),
            ("a,b", "1"),
            ("A", "1"),
            ("a", ""),
            ("a", " "),
            ("a", "1\r\nx: y"),
            ("a", "1,b=2"),
            ("a", "\0"),
        ] {
            assert!(tracestate.insert(key, value).is_err(), "{key:?}={value:?}");
        }
        assert_eq!(tracestate.to_header(), "a=1");
    }

    /// Long members go first, then the last ones, and never a part of one.
    #[test]
    fn shortening() {
        let long = format!("l={}", "x".repeat(127));
        let edge = format!("e={}", "x".repeat(126));
        let line = format!("a=1,{long},b=2,{edge},c=3");
        let mut tracestate = Tracestate::parse(&line).unwrap();
        assert_eq!(tracestate.shorten(1000), 0);
        assert_eq!(tracestate.to_header(), line);
        assert_eq!(tracestate.shorten(200), 1);
        assert_eq!(tracestate.to_header(), format!("a=1,b=2,{edge},c=3"));
        assert_eq!(tracestate.shorten(10), 2);
        assert_eq!(tracestate.to_header(), "a=1,b=2");
        assert_eq!(tracestate.shorten(0), 2);
        assert!(tracestate.is_empty());
        assert_eq!(tracestate.to_header(), "");
    }

    /// Text that is clean already is passed on as it stands.
    #[test]
    fn a_clean_header_is_borrowed() {
        assert!(matches!(Tracestate::parse("a=1,b=2").unwrap().to_header(), Cow::Borrowed("a=1,b=2")));
        assert!(matches!(Tracestate::parse("a=1, b=2").unwrap().to_header(), Cow::Owned(_)));
        let owned: Tracestate<'static> = "a=1".parse().unwrap();
        assert!(matches!(owned.to_header(), Cow::Borrowed("a=1")));
    }
}
