//! Splits a statement into tokens, whatever it is.
//!
//! The tokenizer of `sqlparser` cannot stand here. It allocates a string for each token, and takes for
//! a statement of 200 bytes 5 µs, where sanitising as a whole takes 1.2 µs (`benches/sql.rs` measures
//! both); and it refuses a text as a whole for one quote that is not closed. It serves as the judge in
//! the tests instead: what it knows as a literal, this lexer must know too.

use super::grammar::{DoubleQuotes, Grammar, Has};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Space,
    Comment,
    /// A keyword or an identifier without quotes.
    Word,
    /// An identifier in quotes.
    Quoted,
    /// An identifier in double quotes, or a string.
    PerhapsQuoted,
    Literal,
    /// What belongs to the literal before it, though it stands apart.
    More,
    Parameter,
    /// An ASCII character, or the first of two in `::`.
    Punctuation(u8),
    /// A character beyond ASCII that is part of no word.
    Symbol,
}

/// A token and the bytes that it takes in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The length of a UUID with its hyphens.
const UUID: usize = 36;

/// The ASCII characters that any dialect allows within a word.
const IS_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$';
        byte += 1;
    }
    table
};

/// The tokens of a text. They follow each other without gap or overlap, and none is empty.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    grammar: &'a Grammar,
    position: usize,
    previous: Kind,
    in_executable_comment: bool,
    /// Where it is unknown what a bracket or brace means: the one that is open, and whether the
    /// last closing bracket may have been the first of two that stand for one.
    open_bracket: Option<u8>,
    is_doubled: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str, grammar: &'a Grammar) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            grammar,
            position: 0,
            previous: Kind::Space,
            in_executable_comment: false,
            open_bracket: None,
            is_doubled: false,
        }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    fn char(&self, at: usize) -> Option<char> {
        self.text.get(at..)?.chars().next()
    }

    fn is_digit(&self, at: usize) -> bool {
        self.byte(at).is_some_and(|byte| byte.is_ascii_digit())
    }

    fn is_number_start(&self, at: usize) -> bool {
        self.is_digit(at) || (self.byte(at) == Some(b'.') && self.is_digit(at + 1))
    }

    /// Length of the character at `at` when it may stand within a word, else 0.
    #[inline]
    fn word_part(&self, at: usize) -> usize {
        match self.byte(at) {
            Some(b'#') => usize::from(self.grammar.hash_in_words),
            Some(0x80..) => self.letter(at),
            Some(byte) => usize::from(IS_WORD[usize::from(byte)]),
            None => 0,
        }
    }

    /// The same for a character beyond ASCII.
    #[cold]
    fn letter(&self, at: usize) -> usize {
        match self.char(at) {
            Some(char) if (self.grammar.is_letter)(char) => char.len_utf8(),
            _ => 0,
        }
    }

    #[inline]
    fn word_end(&self, mut at: usize) -> usize {
        loop {
            while self.byte(at).is_some_and(|byte| IS_WORD[usize::from(byte)]) {
                at += 1;
            }
            match self.word_part(at) {
                0 => return at,
                length => at += length,
            }
        }
    }

    /// Whether an operand ends right before this position, so that a sign is an operator and a
    /// colon no parameter's.
    fn follows_operand(&self) -> bool {
        matches!(
            self.previous,
            Kind::Word
                | Kind::Quoted
                | Kind::PerhapsQuoted
                | Kind::Parameter
                | Kind::Punctuation(b')' | b']')
        )
    }

    fn token(&mut self, start: usize) -> Option<(Kind, usize)> {
        let first = self.byte(start)?;
        let next = self.byte(start + 1);
        let grammar = self.grammar;
        if grammar.bare_values && first.is_ascii_hexdigit() && self.is_uuid(start) {
            return Some((Kind::Literal, start + UUID));
        }
        Some(match first {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => (Kind::Space, self.space_end(start)),
            b'a'..=b'z' | b'A'..=b'Z' => self.word(start),
            b'_' if grammar.underscore_begins_words => self.word(start),
            b'0'..=b'9' => self.number(start),
            b'.' if self.is_digit(start + 1)
                && !(grammar.words_may_begin_with_digits && self.follows_operand()) =>
            {
                self.number(start)
            }
            b'-' if next == Some(b'-') && self.is_dash_comment(start) => {
                let is_sure = grammar.dashes_need_space != Has::Unknown || self.ends_dashes(start + 2);
                self.line_comment(start, is_sure)
            }
            b'+' | b'-' if self.is_number_start(start + 1) && !self.follows_operand() => {
                match self.number(start + 1) {
                    (Kind::Literal, end) => (Kind::Literal, end),
                    _ => (Kind::Punctuation(first), start + 1),
                }
            }
            b'\'' => (Kind::Literal, self.string_end(start + 1, b'\'', grammar.backslash)),
            b'"' => match grammar.double_quotes {
                DoubleQuotes::Name => self.quoted(start, b'"'),
                DoubleQuotes::String => (Kind::Literal, self.string_end(start + 1, b'"', grammar.backslash)),
                DoubleQuotes::Unknown => match self.closed_string_end(start + 1, b'"', grammar.backslash) {
                    Some(end) => (Kind::PerhapsQuoted, end),
                    None => (Kind::Literal, self.bytes.len()),
                },
            },
            b'`' if grammar.backtick => self.quoted(start, b'`'),
            b'[' if grammar.bracket == Has::Yes => self.quoted(start, b']'),
            b'{' if grammar.brace_comment && !self.is_odbc_escape(start + 1) => {
                (Kind::Literal, self.brace_end(start))
            }
            b'/' if next == Some(b'*') => self.block_comment(start),
            b'/' if grammar.regexes && self.bytes[..start].trim_ascii_end().ends_with(b"~") => {
                (Kind::Literal, self.single_string_end(start + 1, b'/', Has::Yes).unwrap_or(self.bytes.len()))
            }
            b'/' if next == Some(b'/') && grammar.slash_comment != Has::No => {
                self.line_comment(start, grammar.slash_comment == Has::Yes)
            }
            b'*' if self.in_executable_comment && next == Some(b'/') => {
                self.in_executable_comment = false;
                (Kind::Comment, start + 2)
            }
            b'#' if grammar.hash_comment != Has::No => {
                self.line_comment(start, grammar.hash_comment == Has::Yes)
            }
            b'#' if grammar.hash_begins_words && self.word_part(start + 1) > 0 => {
                (Kind::Word, self.word_end(start))
            }
            b'$' => self.dollar(start),
            b'@' if grammar.at_names => self.at_name(start),
            b':' => self.colon(start, next),
            b'?' if grammar.numbered_question_mark => match self.digits_end(start + 1) {
                end if self.word_part(end) == 0 => (Kind::Parameter, end),
                _ => (Kind::Parameter, start + 1),
            },
            b'?' => (Kind::Parameter, start + 1),
            0x80.. => match self.char(start) {
                Some(char) if (grammar.is_letter)(char) => (Kind::Word, self.word_end(start)),
                Some(char) if char.is_whitespace() => (Kind::Space, start + char.len_utf8()),
                char => (Kind::Symbol, start + char.map_or(1, char::len_utf8)),
            },
            _ => (Kind::Punctuation(first), start + 1),
        })
    }

    fn space_end(&self, start: usize) -> usize {
        let spaces = self.bytes[start..]
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c));
        start + spaces.count()
    }

    fn digits_end(&self, start: usize) -> usize {
        let digits = self.bytes[start..].iter().take_while(|byte| byte.is_ascii_digit());
        start + digits.count()
    }

    /// A word, or the string of which it is the prefix.
    fn word(&self, start: usize) -> (Kind, usize) {
        let grammar = self.grammar;
        let end = self.word_end(start);
        let Some(next @ (b'\'' | b'"' | b'&')) = self.byte(end) else {
            return (Kind::Word, end);
        };
        let string_end = match (&self.bytes[start..end], next) {
            (b"n" | b"N", b'\'') => self.string_end(end + 1, next, grammar.backslash),
            // Digits cannot be escaped, but sqlparser thinks so of hexadecimal ones.
            (b"b" | b"B" | b"x" | b"X", b'\'') => self.string_end(end + 1, next, Has::Unknown),
            (b"b" | b"B", b'"') if grammar.byte_prefix => self.string_end(end + 1, next, Has::Unknown),
            ([b'r' | b'R'] | [b'r' | b'R', b'b' | b'B'] | [b'b' | b'B', b'r' | b'R'], b'\'' | b'"')
                if grammar.raw_prefix =>
            {
                self.string_end(end + 1, next, Has::Unknown)
            }
            (b"e" | b"E", b'\'') if grammar.escape_prefix => self.string_end(end + 1, next, Has::Yes),
            ([b'q' | b'Q'] | [b'n' | b'N', b'q' | b'Q'], b'\'') if grammar.quote_delimiter => {
                self.delimited_end(end + 1)
            }
            (b"u" | b"U", b'&') if grammar.unicode_prefix && self.byte(end + 1) == Some(b'\'') => {
                self.string_end(end + 2, b'\'', grammar.backslash)
            }
            _ => return (Kind::Word, end),
        };
        (Kind::Literal, string_end)
    }

    /// A number, or in MySQL a word that begins like one.
    fn number(&self, start: usize) -> (Kind, usize) {
        if let Some(end) = self.radix_number(start) {
            return (Kind::Literal, self.value_end(end));
        }
        let words = self.grammar.words_may_begin_with_digits;
        let mut end = self.separated_digits_end(start);
        if words && self.word_part(end) > 0 && !self.is_exponent(end) {
            return (Kind::Word, self.word_end(end));
        }
        if self.byte(end) == Some(b'.') && self.byte(end + 1) != Some(b'.') {
            end = self.separated_digits_end(end + 1);
        }
        if self.is_exponent(end) {
            end = self.separated_digits_end(end + 2);
        }
        // The suffixes of Oracle, Java and Hive.
        if !words
            && matches!(self.byte(end), Some(b'f' | b'F' | b'd' | b'D' | b'l' | b'L'))
            && self.word_part(end + 1) == 0
            && self.byte(end + 1) != Some(b'\'')
        {
            end += 1;
        }
        (Kind::Literal, self.value_end(end))
    }

    /// The end of a number, or of what else begins with digits.
    fn value_end(&self, end: usize) -> usize {
        if !self.grammar.bare_values {
            return end;
        }
        match self.word_end(end) {
            // The word may be the prefix of a string.
            word if matches!(self.byte(word), Some(b'\'' | b'"' | b'&')) => end,
            word => word,
        }
    }

    /// Whether a UUID stands here.
    fn is_uuid(&self, start: usize) -> bool {
        let Some(bytes) = self.bytes.get(start..start + UUID) else { return false };
        bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        }) && self.word_part(start + UUID) == 0
    }

    /// The end of `0x…`, `0o…` or `0b…`.
    fn radix_number(&self, start: usize) -> Option<usize> {
        if self.byte(start)? != b'0' {
            return None;
        }
        let is_digit: fn(u8) -> bool = match self.byte(start + 1)? {
            b'x' | b'X' => |byte| byte.is_ascii_hexdigit() || byte == b'_',
            b'o' | b'O' => |byte| matches!(byte, b'0'..=b'7' | b'_'),
            b'b' | b'B' => |byte| matches!(byte, b'0' | b'1' | b'_'),
            _ => return None,
        };
        let end = start + 2 + self.bytes[start + 2..].iter().take_while(|&&byte| is_digit(byte)).count();
        let has_digits = end > start + 2;
        let is_whole = self.word_part(end) == 0;
        let is_number = match self.bytes[start + 1] {
            // SQL Server's `0x` is an empty binary value. Elsewhere it is an error, unless the `x` begins a word, and a
            // word that ends before a quote or a dollar could hide where a string begins.
            b'x' | b'X' => has_digits || !self.grammar.words_may_begin_with_digits,
            // `0b2` and `0old` are a zero and a word.
            _ => has_digits && is_whole,
        };
        is_number.then_some(end)
    }

    /// Digits, and underscores between them.
    fn separated_digits_end(&self, mut at: usize) -> usize {
        loop {
            match self.byte(at) {
                Some(b'0'..=b'9') => at += 1,
                Some(b'_')
                    if self.is_digit(at + 1)
                        && at > 0
                        && self.is_digit(at - 1)
                        && !self.grammar.words_may_begin_with_digits =>
                {
                    at += 2;
                }
                _ => return at,
            }
        }
    }

    fn is_exponent(&self, at: usize) -> bool {
        matches!(self.byte(at), Some(b'e' | b'E'))
            && (self.is_digit(at + 1)
                || (matches!(self.byte(at + 1), Some(b'+' | b'-')) && self.is_digit(at + 2)))
    }

    /// The end of a string whose content begins at `at`: behind the quote, or that of the text where
    /// it is never closed or nobody knows whether it is.
    fn string_end(&self, at: usize, quote: u8, backslash: Has) -> usize {
        self.closed_string_end(at, quote, backslash).unwrap_or(self.bytes.len())
    }

    fn closed_string_end(&self, at: usize, quote: u8, backslash: Has) -> Option<usize> {
        let end = self.single_string_end(at, quote, backslash)?;
        if self.grammar.triple_quotes && self.bytes.get(at..at + 2) == Some(&[quote, quote]) {
            // Three quotes may begin a string that three quotes end.
            return (self.triple_string_end(at + 2, quote) == Some(end)).then_some(end);
        }
        Some(end)
    }

    fn single_string_end(&self, mut at: usize, quote: u8, backslash: Has) -> Option<usize> {
        let content = at;
        while let Some(byte) = self.byte(at) {
            if byte == quote {
                if self.byte(at + 1) != Some(quote) {
                    return Some(at + 1);
                }
                at += 2;
            } else if byte == b'\\' && backslash == Has::Yes {
                at += 2;
            } else if byte == b'\\' && backslash == Has::Unknown {
                let end = self.backslashes_end(at);
                if self.byte(end) == Some(quote)
                    && (end - at) % 2 == 1
                    && !self.is_escape_clause(content, end)
                {
                    return None;
                }
                at = end;
            } else {
                at += 1;
            }
        }
        None
    }

    /// The end of a string in three quotes whose content begins at `at`.
    fn triple_string_end(&self, mut at: usize, quote: u8) -> Option<usize> {
        while let Some(byte) = self.byte(at) {
            if byte == b'\\' {
                at += 2;
            } else if self.bytes[at..].starts_with(&[quote; 3]) {
                return Some(at + 3);
            } else {
                at += 1;
            }
        }
        None
    }

    fn backslashes_end(&self, at: usize) -> usize {
        at + self.bytes[at..].iter().take_while(|&&byte| byte == b'\\').count()
    }

    /// Whether a string is the single backslash of `LIKE … ESCAPE '\\'`, whose quote is at `end`.
    fn is_escape_clause(&self, content: usize, end: usize) -> bool {
        let before = self.bytes[..content - 1].trim_ascii_end();
        let word = before.len().checked_sub(6).map(|at| &before[at..]);
        // What is escaped is one character.
        end == content + 1
            && !self.grammar.bare_values
            && !self.byte(end + 1).is_some_and(|byte| byte == b'\'' || byte.is_ascii_alphanumeric())
            && word.is_some_and(|word| word.eq_ignore_ascii_case(b"ESCAPE"))
    }

    /// An identifier in quotes. One that is never closed may hold anything, so it is a literal.
    fn quoted(&self, start: usize, close: u8) -> (Kind, usize) {
        let mut at = start + 1;
        while let Some(byte) = self.byte(at) {
            if byte == close {
                if self.byte(at + 1) != Some(close) {
                    return (Kind::Quoted, at + 1);
                }
                at += 1;
            } else if byte == b'\\' && self.grammar.backslash_in_names == Has::Unknown {
                let end = self.backslashes_end(at);
                if self.byte(end) == Some(close) && (end - at) % 2 == 1 {
                    break;
                }
                at = end - 1;
            }
            at += 1;
        }
        (Kind::Literal, self.bytes.len())
    }

    /// The end of `q'[…]'`, whose delimiter is at `at`.
    fn delimited_end(&self, at: usize) -> usize {
        let Some(open) = self.char(at) else {
            return self.bytes.len();
        };
        if open.is_whitespace() {
            return self.string_end(at, b'\'', Has::No);
        }
        let close = match open {
            '[' => ']',
            '{' => '}',
            '<' => '>',
            '(' => ')',
            other => other,
        };
        let content = at + open.len_utf8();
        let mut buffer = [0; 5];
        let length = close.encode_utf8(&mut buffer).len();
        buffer[length] = b'\'';
        let terminator = std::str::from_utf8(&buffer[..=length]).unwrap_or("'");
        self.text[content..]
            .find(terminator)
            .map_or(self.bytes.len(), |found| content + found + terminator.len())
    }

    fn ends_dashes(&self, at: usize) -> bool {
        self.char(at).is_some_and(|char| char.is_whitespace() || char.is_control())
    }

    fn is_dash_comment(&self, start: usize) -> bool {
        self.grammar.dashes_need_space != Has::Yes || self.ends_dashes(start + 2)
    }

    /// A comment to the end of the line, which stays. Where it may be none and holds a quote,
    /// nobody knows what the rest of the text is.
    fn line_comment(&self, start: usize, is_sure: bool) -> (Kind, usize) {
        let ends_with_return = self.grammar.carriage_return_ends_line;
        let ends_line = |&byte: &u8| byte == b'\n' || (byte == b'\r' && ends_with_return == Has::Yes);
        let length = self.bytes[start..].iter().position(ends_line);
        let end = length.map_or(self.bytes.len(), |length| start + length);
        let doubtful = if !is_sure {
            start + 1
        } else if ends_with_return == Has::Unknown {
            let line = self.bytes[start..end].strip_suffix(b"\r").unwrap_or(&self.bytes[start..end]);
            start + line.iter().position(|&byte| byte == b'\r').unwrap_or(line.len())
        } else {
            end
        };
        if self.may_open_something(doubtful, end) {
            return (Kind::Literal, self.bytes.len());
        }
        let is_pair = length.is_some() && self.bytes[end] == b'\n' && self.bytes[end - 1] == b'\r';
        (Kind::Comment, if is_pair { end - 1 } else { end })
    }

    /// Whether something begins in a part of the text that may go on behind it.
    fn may_open_something(&self, start: usize, end: usize) -> bool {
        let part = self.bytes.get(start..end).unwrap_or_default();
        part.iter().any(|byte| matches!(byte, b'\'' | b'"' | b'`' | b'[' | b'{' | b'$'))
            || part.windows(2).any(|pair| matches!(pair, b"/*" | b"*/"))
    }

    /// Whether what stands behind a brace is an escape of ODBC: `{call p}`, `{d '2024-02-29'}`.
    fn is_odbc_escape(&self, at: usize) -> bool {
        let is = |words: &[&[u8]], word: &[u8]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
        let start = self.space_end(at);
        if self.byte(start) == Some(b'?') {
            return self.byte(self.space_end(start + 1)) == Some(b'=');
        }
        let end = self.word_end(start);
        let word = &self.bytes[start..end];
        let has_string = self.byte(self.space_end(end)) == Some(b'\'');
        is(&[b"call", b"fn", b"oj"], word)
            || (has_string && is(&[b"d", b"t", b"ts", b"guid", b"escape", b"interval"], word))
    }

    /// The end of a comment of Informix, or of a map of another database.
    fn brace_end(&self, start: usize) -> usize {
        match self.bytes[start..].iter().position(|&byte| byte == b'}').map(|length| start + length) {
            Some(end) if !self.may_open_something(start + 1, end) => end + 1,
            _ => self.bytes.len(),
        }
    }

    fn block_comment(&mut self, start: usize) -> (Kind, usize) {
        let inside = &self.text[start + 2..];
        let mark_of =
            |marks: &[&str]| marks.iter().find(|mark| inside.starts_with(**mark)).map(|mark| mark.len());
        if !self.in_executable_comment
            && let Some(mark) = mark_of(self.grammar.executable_comments)
        {
            self.in_executable_comment = true;
            return (Kind::Comment, self.digits_end(start + 2 + mark));
        }
        let nested = self.grammar.nested_comments;
        let mut at = start + 2;
        let mut depth = 1_usize;
        while let Some(byte) = self.byte(at) {
            match (byte, self.byte(at + 1)) {
                (b'*', Some(b'/')) => {
                    at += 2;
                    depth -= 1;
                    if depth == 0 {
                        let may_be_executed = mark_of(self.grammar.perhaps_executable_comments).is_some();
                        if may_be_executed && self.may_open_something(start + 2, at - 2) {
                            break;
                        }
                        return (Kind::Comment, at);
                    }
                }
                (b'/', Some(b'*')) if nested == Has::Unknown => return (Kind::Literal, self.bytes.len()),
                (b'/', Some(b'*')) if nested == Has::Yes => {
                    at += 2;
                    depth += 1;
                }
                _ => at += 1,
            }
        }
        let is_closed = depth == 0;
        (if is_closed { Kind::Literal } else { Kind::Comment }, self.bytes.len())
    }

    /// A dollar-quoted string, money, or a parameter.
    fn dollar(&self, start: usize) -> (Kind, usize) {
        let grammar = self.grammar;
        if self.is_number_start(start + 1) {
            let digits = self.digits_end(start + 1);
            let fraction = self.byte(digits) == Some(b'.') && self.is_digit(digits + 1);
            if grammar.money || fraction {
                return (Kind::Literal, self.number(start + 1).1);
            }
            return (Kind::Parameter, self.parameter_end(digits));
        }
        if !grammar.dollar_quotes {
            return (Kind::Parameter, self.word_end(start + 1));
        }
        let tag_end = self.parameter_end(start + 1);
        if self.byte(tag_end) != Some(b'$') {
            return (Kind::Parameter, tag_end);
        }
        let tag = &self.text[start..=tag_end];
        let end = self.text[tag_end + 1..]
            .find(tag)
            .map_or(self.bytes.len(), |found| tag_end + 1 + found + tag.len());
        (Kind::Literal, end)
    }

    /// The end of a word that has neither `$` nor `#` in it.
    fn parameter_end(&self, mut at: usize) -> usize {
        while !matches!(self.byte(at), Some(b'$' | b'#')) {
            match self.word_part(at) {
                0 => break,
                length => at += length,
            }
        }
        at
    }

    fn at_name(&self, start: usize) -> (Kind, usize) {
        let mut name = start + 1;
        if self.byte(name) == Some(b'@') {
            name += 1;
        }
        let end = self.word_end(name);
        // A number is a name as a whole or not at all.
        let is_name = end > name && (!self.is_digit(name) || self.digits_end(name) == end);
        if is_name { (Kind::Parameter, end) } else { (Kind::Punctuation(b'@'), start + 1) }
    }

    fn colon(&self, start: usize, next: Option<u8>) -> (Kind, usize) {
        match next {
            Some(b':') => (Kind::Punctuation(b':'), start + 2),
            Some(b'0'..=b'9') => {
                let end = self.digits_end(start + 1);
                let after_value = self.follows_operand() || self.previous == Kind::Literal;
                if self.grammar.numbered_colon && !after_value && self.word_part(end) == 0 {
                    (Kind::Parameter, end)
                } else {
                    (Kind::Punctuation(b':'), start + 1)
                }
            }
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_')
                if next != Some(b'_') || self.grammar.underscore_begins_words =>
            {
                match self.word(start + 1) {
                    (Kind::Word, end) => (Kind::Parameter, end),
                    _ => (Kind::Punctuation(b':'), start + 1),
                }
            }
            _ => (Kind::Punctuation(b':'), start + 1),
        }
    }
}

impl Lexer<'_> {
    /// Whether a token goes on beyond the end of what may be around it: `['a]b']` is a string in
    /// brackets, or a name with half a string behind it.
    fn is_doubtful(&mut self, token: Token) -> bool {
        let bytes = &self.bytes[token.start..token.end];
        match token.kind {
            Kind::Punctuation(byte @ (b'[' | b'{')) => {
                let grammar = self.grammar;
                let is_unknown =
                    if byte == b'[' { grammar.bracket == Has::Unknown } else { grammar.brace_comment };
                if is_unknown && self.open_bracket.is_none() {
                    self.open_bracket = Some(if byte == b'[' { b']' } else { b'}' });
                }
                false
            }
            Kind::Punctuation(byte) => {
                if self.open_bracket == Some(byte) {
                    let was_doubled = std::mem::take(&mut self.is_doubled);
                    self.is_doubled = byte == b']' && !was_doubled && self.byte(token.end) == Some(b']');
                    if !self.is_doubled && !was_doubled {
                        self.open_bracket = None;
                    }
                }
                false
            }
            Kind::Literal | Kind::Comment | Kind::Quoted | Kind::PerhapsQuoted => {
                let leaves_bracket = self.open_bracket.is_some_and(|close| bytes.contains(&close));
                let is_block = bytes.starts_with(b"/*") || bytes == b"*/";
                let leaves_comment =
                    self.in_executable_comment && !is_block && bytes.windows(2).any(|pair| pair == b"*/");
                leaves_bracket || leaves_comment
            }
            _ => false,
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let start = self.position;
        let (kind, end) = self.token(start)?;
        // A backslash or a doubled quote as last byte leads one beyond the end.
        let mut token = Token { kind, start, end: end.min(self.bytes.len()) };
        if (self.open_bracket.is_some() || self.in_executable_comment || matches!(kind, Kind::Punctuation(_)))
            && self.is_doubtful(token)
        {
            token = Token { kind: Kind::Literal, start, end: self.bytes.len() };
        }
        self.position = token.end;
        self.previous = token.kind;
        Some(token)
    }
}
