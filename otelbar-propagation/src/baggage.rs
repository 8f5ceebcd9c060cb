//! The `baggage` header.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::byte_classes::Classes;
use crate::error::BaggageError;
use crate::member_list::{self, Budget, List, Text, Verdict, trim};
use crate::percent;
use crate::reason::Reason;

/// What the `baggage` header says: entries of the application, `key=value`, each with properties
/// perhaps, that travel with the request ([W3C Baggage](https://www.w3.org/TR/baggage/)).
///
/// Values are percent-encoded in the header; here they are read and set as plain text. An invalid one
/// cannot be held: keys are tokens, and there are at most 64 entries of 8192 bytes together.
///
/// It borrows the text it was read from until it is changed. Reading does not allocate (for up to four
/// headers), nor does a value until it has something to decode.
///
/// A key may occur more than once in a header that was received; the order is kept, and
/// [`get`](Self::get) answers with the last, as other OpenTelemetry implementations do.
///
/// ```
/// use otelbar_propagation::Baggage;
///
/// let mut baggage = Baggage::parse("userId=Am%C3%A9lie; tier=gold, isProduction = false")?;
/// assert_eq!(baggage.get("userId").as_deref(), Some("Amélie"));
///
/// baggage.insert("serverNode", "DF 28")?;
/// assert_eq!(
///     baggage.to_header(),
///     "userId=Am%C3%A9lie;tier=gold,isProduction=false,serverNode=DF%2028",
/// );
/// # Ok::<(), otelbar_propagation::BaggageError>(())
/// ```
#[derive(Clone)]
pub struct Baggage<'a> {
    list: List<'a>,
}

impl<'a> Baggage<'a> {
    /// The header's name.
    pub const HEADER: &'static str = "baggage";

    /// The most entries that are read and carried on: 64, which is what every service has to carry.
    pub const MAX_ENTRIES: usize = 64;

    /// The most bytes, in the form that is written, that are read and carried on: 8192, which is what
    /// every service has to carry.
    pub const MAX_LEN: usize = 8192;

    /// An empty one.
    pub const fn new() -> Self {
        Self { list: List::new() }
    }

    /// Reads the value of a header, and refuses it if any entry of it breaks a rule.
    ///
    /// The extraction from a request uses [`parse_lines`](Self::parse_lines), which leaves out
    /// only that entry.
    ///
    /// # Errors
    ///
    /// The first entry that breaks a rule, with its place.
    pub fn parse(value: &'a str) -> Result<Self, BaggageError> {
        let mut first = None;
        let baggage = Self::parse_lines([value.as_bytes()], |error| {
            first.get_or_insert(error);
        });
        first.map_or(Ok(baggage), Err)
    }

    /// Reads the values of all `baggage` headers of a message, in order, as one list.
    ///
    /// An entry that breaks a rule or is over the limits is left out whole and told to `left_out`; the
    /// entries after it are read all the same.
    ///
    /// The work is bounded, whatever is sent: 16384 bytes are read at most, up to the 65th valid or the 128th invalid
    /// entry. What is left out because it comes later is reported once.
    pub fn parse_lines<I>(values: I, mut left_out: impl FnMut(BaggageError)) -> Self
    where
        I: IntoIterator<Item = &'a [u8]>,
    {
        Self::read_lines(values, |fault| left_out(fault.error()))
    }

    /// [`parse_lines`](Self::parse_lines), without making an error of each fault.
    pub(crate) fn read_lines<I>(values: I, mut left_out: impl FnMut(EntryFault<'a>)) -> Self
    where
        I: IntoIterator<Item = &'a [u8]>,
    {
        let mut baggage = Self::new();
        let mut budget = Budget(MAX_READ);
        let mut invalid = 0;
        for line in values {
            let mut stopped = false;
            let mut tell = |reason, offset| left_out(EntryFault { reason, line, offset });
            let (whole, rest) = budget.cut(line);
            let plain = baggage.read_plain(whole);
            let check = |baggage: &mut Self, found: &member_list::FoundMember<'a>| {
                let (reason, at) = match check_entry(found.text) {
                    Ok(_) if baggage.len() == Self::MAX_ENTRIES => {
                        stopped = true;
                        (Reason::TooManyMembers, 0)
                    }
                    Ok(written) => match baggage.count_in(written) {
                        true => return Verdict::Take,
                        false => (Reason::ListTooLong, 0),
                    },
                    Err(problem) => {
                        invalid += 1;
                        stopped = invalid == MAX_INVALID;
                        problem
                    }
                };
                tell(reason, found.offset + at);
                if stopped { Verdict::Stop } else { Verdict::LeaveOut }
            };
            member_list::read_line(whole, plain, &mut baggage, check, |baggage, run| baggage.list.push(run));
            if stopped {
                break;
            }
            if let Some(rest) = rest {
                left_out(EntryFault { reason: Reason::ListTooLong, line, offset: rest });
                break;
            }
        }
        baggage
    }

    /// Counts in the entries at the beginning of a header's value that are valid and written plainly: no
    /// properties, no white space but behind a comma, and nothing encoded but with two digits. Returns where
    /// the last of them ends. The others are left to [`check_entry`].
    #[inline]
    fn read_plain(&mut self, line: &[u8]) -> usize {
        member_list::read_plain(line, |start| {
            if self.len() == Self::MAX_ENTRIES {
                return None;
            }
            let len = plain_entry(line.get(start..)?)?;
            self.count_in(Written { len, exact: true }).then_some(len)
        })
    }

    /// Counts an entry in, if there is room for it.
    #[inline]
    fn count_in(&mut self, entry: Written) -> bool {
        self.list.count_in(entry.len, entry.exact, Self::MAX_LEN)
    }

    /// Whether there is no entry.
    pub const fn is_empty(&self) -> bool {
        self.list.len() == 0
    }

    /// The number of entries, at most [`MAX_ENTRIES`](Self::MAX_ENTRIES).
    pub const fn len(&self) -> usize {
        self.list.len()
    }

    /// The entries in order.
    #[inline]
    pub fn entries(&self) -> Entries<'_> {
        Entries::of(&self.list)
    }

    /// The value of the last entry with this key, decoded.
    pub fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        self.entries().filter(|entry| entry.key() == key).last().map(|entry| entry.value())
    }

    /// Sets an entry. Where there are entries of this key already, it takes the place of the first, and
    /// the others go, with their properties; else it goes to the end. Any text can be a value: what needs
    /// encoding is encoded.
    ///
    /// # Errors
    ///
    /// The key is no token, or the list would be over the limits; nothing is changed then.
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), BaggageError> {
        self.insert_with_properties(key, value, [])
    }

    /// Sets an entry with properties: `(key, None)` for a bare one, or `(key, Some(value))`.
    ///
    /// # Errors
    ///
    /// Those of [`insert`](Self::insert), for the properties' keys as well.
    ///
    /// ```
    /// use otelbar_propagation::Baggage;
    ///
    /// let mut baggage = Baggage::new();
    /// baggage.insert_with_properties("user", "a b", [("private", None), ("ttl", Some("5;s"))])?;
    /// assert_eq!(baggage.to_header(), "user=a%20b;private;ttl=5%3Bs");
    /// # Ok::<(), otelbar_propagation::BaggageError>(())
    /// ```
    pub fn insert_with_properties<'p>(
        &mut self,
        key: &str,
        value: &str,
        properties: impl IntoIterator<Item = (&'p str, Option<&'p str>)>,
    ) -> Result<(), BaggageError> {
        let token = |key: &str| {
            check_key(key.as_bytes())
                .map_err(|(reason, offset)| BaggageError::new(reason, key.as_bytes(), offset))
        };
        token(key)?;
        let mut entry = format!("{key}=");
        percent::encode(value, is_plain, &mut entry);
        for (key, value) in properties {
            token(key)?;
            entry.push(';');
            entry.push_str(key);
            if let Some(value) = value {
                entry.push('=');
                percent::encode(value, is_plain, &mut entry);
            }
        }

        let mut text = Text::default();
        let mut inserted = false;
        for other in self.entries() {
            if other.key() != key {
                text.member(|text| other.write(|piece| text.push_str(piece)));
            } else if !inserted {
                inserted = true;
                text.member(|text| text.push_str(&entry));
            }
        }
        if !inserted {
            text.member(|text| text.push_str(&entry));
        }
        if text.members() > Self::MAX_ENTRIES {
            return Err(BaggageError::new(Reason::TooManyMembers, entry.as_bytes(), 0));
        }
        if text.len() > Self::MAX_LEN {
            return Err(BaggageError::new(Reason::ListTooLong, entry.as_bytes(), 0));
        }
        self.list = text.into();
        Ok(())
    }

    /// Takes all entries of this key away, and tells whether there was one.
    pub fn remove(&mut self, key: &str) -> bool {
        let mut text = Text::default();
        for entry in self.entries().filter(|entry| entry.key() != key) {
            text.member(|text| entry.write(|piece| text.push_str(piece)));
        }
        let found = text.members() < self.len();
        if found {
            self.list = text.into();
        }
        found
    }

    /// The length of the header in bytes.
    pub const fn header_len(&self) -> usize {
        self.list.header_len()
    }

    /// The header's value, percent-encoded, without white space and empty entries. Borrowed if that is
    /// how it came. An empty one should not be sent.
    pub fn to_header(&self) -> Cow<'_, str> {
        self.list.to_header(|text| write_entries(&self.list, text))
    }

    /// The same entries, borrowing from these.
    pub fn borrowed(&self) -> Baggage<'_> {
        Baggage { list: self.list.borrowed() }
    }

    /// The same entries, borrowing from nothing.
    pub fn into_owned(self) -> Baggage<'static> {
        Baggage { list: self.list.into_owned(write_entries) }
    }

    /// The entries `(key, value, properties)` that are valid and within the limits; the value is plain, the
    /// properties are as in a header. Properties that are not valid are left out.
    #[cfg(feature = "opentelemetry")]
    pub(crate) fn of<'e>(entries: impl Iterator<Item = (&'e str, &'e str, &'e str)>) -> Baggage<'static> {
        let mut text = String::new();
        for (key, value, properties) in entries {
            if check_key(key.as_bytes()).is_err() {
                continue;
            }
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(key);
            text.push('=');
            percent::encode(value, is_plain, &mut text);
            let valid = |properties: &str| {
                !properties.contains(',')
                    && properties.split(';').all(|property| check_pair(property.as_bytes(), false).is_ok())
            };
            if valid(properties) {
                text.push(';');
                text.push_str(properties);
            }
        }
        Baggage::read_lines([text.as_bytes()], |_| ()).into_owned()
    }

    /// The entries of headers and, behind them, entries that came in other ways: keys, and values that are
    /// percent-encoded. Of those a key that the headers have is not taken.
    #[cfg(feature = "jaeger")]
    pub(crate) fn of_lines_and_entries<'e>(
        lines: impl Iterator<Item = &'e [u8]>,
        entries: impl Iterator<Item = (&'e str, &'e str)>,
        mut left_out: impl FnMut(EntryFault<'_>),
    ) -> Baggage<'static> {
        let from_lines = Baggage::read_lines(lines, &mut left_out);
        let mut text = from_lines.to_header().into_owned();
        let mut room = Budget(MAX_READ);
        for (count, (key, value)) in entries.enumerate() {
            // One more than there may be: the limits refuse it below.
            if count > MAX_INVALID || text.len() > Self::MAX_LEN || room.cut(value.as_bytes()).1.is_some() {
                let reason = if count > MAX_INVALID { Reason::TooManyMembers } else { Reason::ListTooLong };
                left_out(EntryFault { reason, line: key.as_bytes(), offset: 0 });
                break;
            }
            if from_lines.entries().any(|entry| entry.key() == key) {
                continue;
            }
            // Nothing in either may end the entry.
            if let Err((reason, offset)) = check_key(key.as_bytes()) {
                left_out(EntryFault { reason, line: key.as_bytes(), offset });
            } else if let Err((reason, offset)) = check_value(value.as_bytes()) {
                left_out(EntryFault { reason, line: value.as_bytes(), offset });
            } else {
                let separator = if text.is_empty() { "" } else { "," };
                text.extend([separator, key, "=", value]);
            }
        }
        Baggage::read_lines([text.as_bytes()], left_out).into_owned()
    }

    /// Hands out the pieces of the header's value.
    pub(crate) fn write_header(&self, mut write: impl FnMut(&str)) {
        if let Some(header) = self.list.as_header() {
            return write(header);
        }
        for (index, entry) in self.entries().enumerate() {
            if index > 0 {
                write(",");
            }
            entry.write(&mut write);
        }
    }
}

impl Default for Baggage<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq<Baggage<'_>> for Baggage<'_> {
    fn eq(&self, other: &Baggage<'_>) -> bool {
        self.entries().eq(other.entries())
    }
}

impl Eq for Baggage<'_> {}

impl Hash for Baggage<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.len());
        self.entries().for_each(|entry| entry.hash(state));
    }
}

impl FromStr for Baggage<'static> {
    type Err = BaggageError;

    fn from_str(text: &str) -> Result<Self, BaggageError> {
        Baggage::parse(text).map(Baggage::into_owned)
    }
}

/// The header's value.
impl fmt::Display for Baggage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        member_list::display(f, |write| self.write_header(write))
    }
}

impl fmt::Debug for Baggage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Baggage")?;
        f.debug_list().entries(self.entries()).finish()
    }
}

impl<'s> IntoIterator for &'s Baggage<'_> {
    type Item = BaggageEntry<'s>;
    type IntoIter = Entries<'s>;

    #[inline]
    fn into_iter(self) -> Entries<'s> {
        self.entries()
    }
}

/// One entry of a [`Baggage`].
#[derive(Clone, Copy)]
pub struct BaggageEntry<'s> {
    key: &'s str,
    value: &'s str,
    properties: &'s str,
    /// Whether there is a percent sign in the value.
    encoded: bool,
}

impl<'s> BaggageEntry<'s> {
    /// The first entry of a text of valid ones that begins with one, and what comes behind it.
    #[inline]
    fn first_of(text: &'s str) -> (Self, &'s str) {
        Self::plain_first_of(text).unwrap_or_else(|| Self::any_first_of(text))
    }

    /// The same for an entry without properties, white space and anything encoded.
    #[inline]
    fn plain_first_of(text: &'s str) -> Option<(Self, &'s str)> {
        let (key, rest) = text.split_at_checked(CLASSES.run(text.as_bytes(), TOKEN))?;
        let after = rest.strip_prefix('=')?;
        let (value, rest) = after.split_at_checked(CLASSES.run(after.as_bytes(), PLAIN))?;
        let rest = if rest.is_empty() { rest } else { rest.strip_prefix(',')? };
        Some((Self { key, value, properties: "", encoded: false }, rest))
    }

    #[inline(never)]
    fn any_first_of(text: &'s str) -> (Self, &'s str) {
        let (entry, rest) = text.split_at_checked(text.find(',').unwrap_or(text.len())).unwrap_or((text, ""));
        let (pair, properties) = entry.split_once(';').unwrap_or((entry, ""));
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let encoded = value.contains('%');
        (Self { key: trim(key), value: trim(value), properties, encoded }, rest)
    }

    /// The key. Upper and lower case differ.
    pub const fn key(&self) -> &'s str {
        self.key
    }

    /// The value, decoded: bytes that are no UTF-8 become U+FFFD. Borrowed unless there was something to
    /// decode.
    #[inline]
    pub fn value(&self) -> Cow<'s, str> {
        if self.encoded { percent::decode(self.value) } else { Cow::Borrowed(self.value) }
    }

    /// The value as it stands in the header, percent-encoded.
    pub const fn raw_value(&self) -> &'s str {
        self.value
    }

    /// The properties in order.
    pub fn properties(&self) -> impl Iterator<Item = BaggageProperty<'s>> + Clone + use<'s> {
        // `split` yields one empty piece where there is nothing to split.
        self.properties.split(';').map(trim).filter(|property| !property.is_empty()).map(|property| {
            match property.split_once('=') {
                Some((key, value)) => BaggageProperty { key: trim(key), value: Some(trim(value)) },
                None => BaggageProperty { key: property, value: None },
            }
        })
    }

    /// The value as it is written in a header.
    #[cfg(feature = "jaeger")]
    pub(crate) fn encoded_value(&self) -> String {
        let mut value = String::with_capacity(self.value.len());
        percent::rewrite(self.value, |piece| value.push_str(piece));
        value
    }

    /// The properties as they are written in a header, with semicolons between.
    #[cfg(feature = "opentelemetry")]
    pub(crate) fn properties_to_header(&self) -> String {
        let mut header = String::new();
        for property in self.properties() {
            if !header.is_empty() {
                header.push(';');
            }
            property.write(|piece| header.push_str(piece));
        }
        header
    }

    fn write(&self, mut write: impl FnMut(&str)) {
        write(self.key);
        write("=");
        percent::rewrite(self.value, &mut write);
        for property in self.properties() {
            write(";");
            property.write(&mut write);
        }
    }
}

impl PartialEq for BaggageEntry<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.value() == other.value() && self.properties().eq(other.properties())
    }
}

impl Eq for BaggageEntry<'_> {}

impl Hash for BaggageEntry<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
        self.value().hash(state);
        self.properties().for_each(|property| property.hash(state));
    }
}

impl fmt::Debug for BaggageEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={:?}", self.key, self.value())?;
        self.properties().try_for_each(|property| write!(f, ";{property:?}"))
    }
}

/// A property of a [`BaggageEntry`].
#[derive(Clone, Copy)]
pub struct BaggageProperty<'s> {
    key: &'s str,
    value: Option<&'s str>,
}

impl<'s> BaggageProperty<'s> {
    /// The key.
    pub const fn key(&self) -> &'s str {
        self.key
    }

    /// The value, decoded, or `None` for a bare key.
    pub fn value(&self) -> Option<Cow<'s, str>> {
        self.value.map(percent::decode)
    }

    fn write(&self, mut write: impl FnMut(&str)) {
        write(self.key);
        if let Some(value) = self.value {
            write("=");
            percent::rewrite(value, &mut write);
        }
    }
}

impl PartialEq for BaggageProperty<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.value() == other.value()
    }
}

impl Eq for BaggageProperty<'_> {}

impl Hash for BaggageProperty<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.key, self.value()).hash(state);
    }
}

impl fmt::Debug for BaggageProperty<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value() {
            Some(value) => write!(f, "{}={value:?}", self.key),
            None => f.write_str(self.key),
        }
    }
}

/// Iterator over the entries of a [`Baggage`].
#[derive(Clone, Debug)]
pub struct Entries<'s> {
    runs: member_list::RunsIter<'s>,
    rest: &'s str,
    left: usize,
}

impl<'s> Entries<'s> {
    #[inline]
    fn of(list: &'s List<'_>) -> Self {
        Self { runs: list.runs().iter(), rest: "", left: list.len() }
    }
}

impl<'s> Iterator for Entries<'s> {
    type Item = BaggageEntry<'s>;

    #[inline]
    fn next(&mut self) -> Option<BaggageEntry<'s>> {
        loop {
            match self.rest.as_bytes() {
                [] => self.rest = self.runs.next()?,
                // Between entries.
                [b',' | b' ' | b'\t', ..] => self.rest = self.rest.get(1..).unwrap_or_default(),
                _ => {
                    let (entry, rest) = BaggageEntry::first_of(self.rest);
                    self.rest = rest;
                    self.left = self.left.saturating_sub(1);
                    return Some(entry);
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Entries<'_> {}

/// Entries as they stand in a header.
fn write_entries(list: &List<'_>, text: &mut Text) {
    Entries::of(list).for_each(|entry| text.member(|text| entry.write(|piece| text.push_str(piece))));
}

/// Bytes of headers that are read at most: twice what can be carried on, for white space and what is left out.
const MAX_READ: usize = 2 * Baggage::MAX_LEN;
/// Invalid entries that are looked at.
const MAX_INVALID: usize = 2 * Baggage::MAX_ENTRIES;

/// An entry that was left out.
#[derive(Clone, Copy)]
pub(crate) struct EntryFault<'l> {
    pub(crate) reason: Reason,
    line: &'l [u8],
    offset: usize,
}

impl EntryFault<'_> {
    #[cold]
    pub(crate) fn error(self) -> BaggageError {
        BaggageError::new(self.reason, self.line, self.offset)
    }
}

/// A reason, and the place in what was checked.
type Problem = (Reason, usize);

/// The form an entry is written in.
#[derive(Clone, Copy)]
struct Written {
    len: usize,
    /// Whether that is how it came.
    exact: bool,
}

/// The length of a valid entry at the beginning of a text, if it is written plainly and ends at a comma or with
/// the text.
#[inline]
fn plain_entry(text: &[u8]) -> Option<usize> {
    let key = CLASSES.run(text, TOKEN);
    if key == 0 || text.get(key) != Some(&b'=') {
        return None;
    }
    let mut len = key + 1;
    loop {
        len += CLASSES.run(text.get(len..)?, PLAIN);
        match text.get(len) {
            None | Some(b',') => return Some(len),
            Some(b'%') if percent::decode_byte(&text[len..]).is_some() => len += 3,
            Some(_) => return None,
        }
    }
}

/// Checks an entry, and returns how it will be written.
fn check_entry(entry: &[u8]) -> Result<Written, Problem> {
    let mut written = Written { len: 0, exact: true };
    let mut start = 0;
    for part in entry.split(|&byte| byte == b';') {
        let pair = check_pair(part, start == 0).map_err(|(reason, offset)| (reason, start + offset))?;
        written = Written { len: written.len + pair.len + 1, exact: written.exact && pair.exact };
        start += part.len() + 1;
    }
    Ok(Written { len: written.len - 1, ..written })
}

/// Checks `key=value`, or a property, which may be a bare key.
fn check_pair(pair: &[u8], is_entry: bool) -> Result<Written, Problem> {
    let (leading, trimmed) = member_list::trimmed(pair);
    let at = |(reason, offset): Problem| (reason, leading + offset);
    let Some(equals) = trimmed.iter().position(|&byte| byte == b'=') else {
        check_key(trimmed).map_err(at)?;
        if is_entry {
            return Err(at((Reason::MissingEquals, trimmed.len())));
        }
        return Ok(Written { len: trimmed.len(), exact: trimmed.len() == pair.len() });
    };
    let key = member_list::trim_bytes(&trimmed[..equals]);
    check_key(key).map_err(at)?;
    let after = &trimmed[equals + 1..];
    let (blank, value) = member_list::trimmed(after);
    let value_start = equals + 1 + blank;
    let value_len = check_value(value).map_err(|(reason, offset)| at((reason, value_start + offset)))?;
    let as_it_came = key.len() + 1 + value.len() == pair.len() && value_len == value.len();
    Ok(Written { len: key.len() + 1 + value_len, exact: as_it_came })
}

fn check_key(key: &[u8]) -> Result<(), Problem> {
    if key.is_empty() {
        return Err((Reason::EmptyKey, 0));
    }
    match CLASSES.run(key, TOKEN) {
        len if len == key.len() => Ok(()),
        offset => Err((Reason::KeyCharacter, offset)),
    }
}

/// Checks a value, which may be empty, and returns its length when written.
fn check_value(value: &[u8]) -> Result<usize, Problem> {
    let mut lone_percents = 0;
    for (offset, &byte) in value.iter().enumerate() {
        if !is_plain(byte) {
            if byte != b'%' {
                return Err((Reason::ValueCharacter, offset));
            }
            lone_percents += usize::from(percent::decode_byte(&value[offset..]).is_none());
        }
    }
    Ok(value.len() + 2 * lone_percents)
}

/// Whether the byte stands for itself in a value.
fn is_plain(byte: u8) -> bool {
    CLASSES.has(byte, PLAIN)
}

/// A character of a token (RFC 9110, section 5.6.2).
const TOKEN: u8 = 1;
/// A character that stands for itself in a value: a `baggage-octet` other than the percent sign.
const PLAIN: u8 = 2;

static CLASSES: Classes = {
    let mut classes = [0; 128];
    let mut byte = 0_u8;
    while byte < 0x80 {
        let token = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        let plain = byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\' | b'%');
        classes[byte as usize] = if token { TOKEN } else { 0 } | if plain { PLAIN } else { 0 };
        byte += 1;
    }
    Classes::new(classes)
};

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn accepted(value: &str, expected: &str) {
        let baggage = Baggage::parse(value).unwrap();
        assert_eq!(baggage.to_header(), expected);
        assert_eq!(baggage.to_string(), expected);
        assert_eq!(baggage.header_len(), expected.len());
        assert_eq!(baggage.entries().count(), baggage.len());
        assert_eq!(Baggage::parse(expected).unwrap(), baggage, "what is written reads as the same");
        assert_eq!(baggage.clone().into_owned(), baggage);
    }

    #[track_caller]
    fn refused(value: &str, reason: Reason, offset: usize) {
        let error = Baggage::parse(value).unwrap_err();
        assert_eq!((error.reason(), error.offset()), (reason, offset), "{error}");
    }

    /// White space goes, all else stays in order.
    #[test]
    fn what_is_read_is_written() {
        accepted("", "");
        accepted(" , ,", "");
        accepted("a=", "a=");
        accepted("a=1", "a=1");
        accepted("a=1,a=2", "a=1,a=2");
        accepted("a=b=c", "a=b=c");
        accepted(" userId =   alice ", "userId=alice");
        accepted("serverNode = DF%2028, isProduction = false", "serverNode=DF%2028,isProduction=false");
        accepted(
            "key1=value1;property1;property2, key2 = value2, key3=value3; propertyKey=propertyValue",
            "key1=value1;property1;property2,key2=value2,key3=value3;propertyKey=propertyValue",
        );
        accepted("a=1 ; p = 2 ;q", "a=1;p=2;q");
        accepted("a=100%,b=%4,c=%zz;p=%", "a=100%25,b=%254,c=%25zz;p=%25");
        accepted("a=%,,,b=1", "a=%25,b=1");
        accepted("!#$%&'*+-.^_`|~=x", "!#$%&'*+-.^_`|~=x");
    }

    /// An entry that breaks a rule is named with its place.
    #[test]
    fn refusals() {
        refused("a", Reason::MissingEquals, 1);
        refused("a;p=1", Reason::MissingEquals, 1);
        refused("=1", Reason::EmptyKey, 0);
        refused("a=1,b c=2", Reason::KeyCharacter, 5);
        refused("a=1, b = x y", Reason::ValueCharacter, 10);
        refused("a=\"1\"", Reason::ValueCharacter, 2);
        refused("a=1\\", Reason::ValueCharacter, 3);
        refused("a=1;p q=2", Reason::KeyCharacter, 5);
        refused("a=1; p=\\", Reason::ValueCharacter, 7);
        refused("a=1;", Reason::EmptyKey, 4);
        refused("a=1; ;p", Reason::EmptyKey, 5);
        refused("a=\u{e9}", Reason::ValueCharacter, 2);
        refused("a=1\r\nx: y", Reason::ValueCharacter, 3);
        refused("a=\0", Reason::ValueCharacter, 2);
    }

    /// An entry that is left out takes no other with it, and is reported.
    #[test]
    fn a_bad_entry_is_left_out_alone() {
        let mut told = Vec::new();
        let lines: [&[u8]; 3] = [b"a=1,b\xff=2,c=3", b"\xff", b"d=4"];
        let baggage = Baggage::parse_lines(lines, |error| told.push((error.reason(), error.offset())));
        assert_eq!(baggage.to_header(), "a=1,c=3,d=4");
        assert_eq!(told, [(Reason::KeyCharacter, 5), (Reason::KeyCharacter, 0)]);
    }

    /// The limits on the number of entries and on their length, counted over all headers.
    #[test]
    fn limits() {
        let many: Vec<String> = (0..65).map(|number| format!("k{number}=v")).collect();
        let mut told = 0;
        let baggage = Baggage::parse_lines(many.iter().map(|line| line.as_bytes()), |_| told += 1);
        assert_eq!((baggage.len(), told), (64, 1));

        let full = format!("a={}", "x".repeat(8190));
        accepted(&full, &full);
        refused(&format!("{full}x"), Reason::ListTooLong, 0);
        let mut baggage = Baggage::parse(&full).unwrap();
        assert_eq!(baggage.insert("b", "1").unwrap_err().reason(), Reason::ListTooLong);
        let mut told = Vec::new();
        let baggage =
            Baggage::parse_lines([b"b=1", full.as_bytes(), b"c=2"], |error| told.push(error.reason()));
        assert_eq!((baggage.to_header().as_ref(), told), ("b=1,c=2", vec![Reason::ListTooLong]));
    }

    /// Any text comes back as it was set, and the header holds no byte it may not.
    #[test]
    fn values_are_encoded_and_decoded() {
        for (value, encoded) in [
            ("", ""),
            ("plain", "plain"),
            ("DF 28", "DF%2028"),
            ("Am\u{e9}lie", "Am%C3%A9lie"),
            ("100%", "100%25"),
            ("%41", "%2541"),
            ("a,b;c=d\\\"", "a%2Cb%3Bc=d%5C%22"),
            ("\r\n\0", "%0D%0A%00"),
        ] {
            let mut baggage = Baggage::new();
            baggage.insert("k", value).unwrap();
            assert_eq!(baggage.to_header(), format!("k={encoded}"));
            assert_eq!(baggage.get("k").unwrap(), value);
        }
        let raw = |value: &str| Baggage::parse(&format!("k={value}")).unwrap().get("k").unwrap().into_owned();
        assert_eq!(raw("%c3%A9"), "\u{e9}");
        assert_eq!(raw("%C3"), "\u{fffd}");
        assert_eq!(raw("%ff%41%"), "\u{fffd}A%");
    }

    /// An entry is replaced in its place, with its properties, and taken away whole.
    #[test]
    fn entries_are_changed() {
        let mut baggage = Baggage::parse("a=1;p,b=2,a=3;q=4").unwrap();
        assert_eq!(baggage.get("a").unwrap(), "3");
        baggage.insert("a", "5").unwrap();
        assert_eq!(baggage.to_header(), "a=5,b=2");
        assert!(baggage.remove("a") && !baggage.remove("a"));
        assert_eq!(baggage.to_header(), "b=2");
        assert_eq!(baggage.insert("a b", "1").unwrap_err().reason(), Reason::KeyCharacter);
        assert_eq!(
            baggage.insert_with_properties("a", "1", [("", None)]).unwrap_err().reason(),
            Reason::EmptyKey
        );
        assert_eq!(baggage.to_header(), "b=2");
    }

    /// Properties are read with their values decoded.
    #[test]
    fn properties_are_read() {
        let baggage = Baggage::parse("a=1; p ;q = %20").unwrap();
        let entry = baggage.entries().next().unwrap();
        let properties: Vec<_> =
            entry.properties().map(|property| (property.key(), property.value())).collect();
        assert_eq!(properties, [("p", None), ("q", Some(" ".into()))]);
        assert_eq!(format!("{baggage:?}"), "Baggage[a=\"1\";p;q=\" \"]");
    }
}
