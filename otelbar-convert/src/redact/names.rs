//! Which names stand for secrets.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use aho_corasick::AhoCorasick;

/// From this many letters on a key is looked for anywhere in a name; a shorter one has to be a word of its own.
const ANYWHERE: usize = 5;

/// Keys that are shorter, and nonetheless in no word that means something else.
const UNMISTAKABLE: [&[u8]; 3] = [b"cvv", b"jwt", b"pwd"];

/// What a name ends in that tells of a secret without holding it.
const ABOUT: [&[u8]; 42] = [
    b"age",
    b"alg",
    b"algorithm",
    b"arn",
    b"at",
    b"attempts",
    b"bucket",
    b"consent",
    b"count",
    b"duration",
    b"enabled",
    b"expiration",
    b"expires",
    b"expiresin",
    b"expiry",
    b"kind",
    b"len",
    b"length",
    b"limit",
    b"method",
    b"millis",
    b"mode",
    b"ms",
    b"name",
    b"outcome",
    b"policy",
    b"provider",
    b"rate",
    b"required",
    b"scheme",
    b"seconds",
    b"secs",
    b"size",
    b"status",
    b"strength",
    b"timeout",
    b"ttl",
    b"type",
    b"usage",
    b"valid",
    b"verified",
    b"version",
];

/// Words that make a number of the `tokens` behind them, as language models and rate limits count them.
const BEFORE_TOKENS: [&[u8]; 31] = [
    b"audio",
    b"available",
    b"budget",
    b"cached",
    b"completion",
    b"consumed",
    b"count",
    b"creation",
    b"estimated",
    b"generated",
    b"image",
    b"input",
    b"left",
    b"limit",
    b"max",
    b"mean",
    b"min",
    b"n",
    b"num",
    b"output",
    b"prediction",
    b"prompt",
    b"read",
    b"reasoning",
    b"remaining",
    b"spent",
    b"thinking",
    b"total",
    b"usage",
    b"used",
    b"write",
];

/// Words that make a number of the `tokens` before them.
const BEHIND_TOKENS: [&[u8]; 26] = [
    b"available",
    b"budget",
    b"cached",
    b"completion",
    b"consumed",
    b"count",
    b"estimated",
    b"generated",
    b"in",
    b"input",
    b"left",
    b"limit",
    b"max",
    b"mean",
    b"min",
    b"out",
    b"output",
    b"per",
    b"prompt",
    b"reasoning",
    b"remaining",
    b"spent",
    b"thinking",
    b"total",
    b"usage",
    b"used",
];

/// Words that make a number of the `token` before them.
const BEHIND_TOKEN: [&[u8]; 6] = [b"bucket", b"budget", b"count", b"counts", b"limit", b"usage"];

/// Words that have a key in them, and mean something else.
const OTHERS: [&[u8]; 11] = [
    b"obsession",
    b"obsessions",
    b"possession",
    b"possessions",
    b"secretaries",
    b"secretary",
    b"tokenization",
    b"tokenize",
    b"tokenized",
    b"tokenizer",
    b"tokenizers",
];

/// Under a name that ends in one of these, a number says how many there are.
const PLURALS: [&[u8]; 6] = [b"cookies", b"credentials", b"passwords", b"secrets", b"sessions", b"tokens"];

/// Names of the semantic conventions that have a key in them, and mean something else.
const CONVENTIONS: [&str; 3] = ["process.session_leader.pid", "session.id", "session.previous_id"];

/// The names that hold secrets, by the keys they contain.
#[derive(Debug)]
pub(super) struct Names {
    /// Finds the keys, as letters without separators; `None` where they are too many for it.
    keys: Option<AhoCorasick>,
    /// Whether the key of this place has to be a word of its own.
    whole: Vec<bool>,
    query_keys: BTreeSet<Vec<u8>>,
    known: Known,
}

impl Names {
    pub(super) fn new(
        keys: impl Iterator<Item = impl AsRef<str>>,
        query_keys: impl Iterator<Item = impl AsRef<str>>,
    ) -> Self {
        let letters = |key: &str| Letters::of(key.as_bytes()).as_slice().to_vec();
        let keys: BTreeSet<Vec<u8>> =
            keys.map(|key| letters(key.as_ref())).filter(|key| !key.is_empty()).collect();
        let whole = |key: &Vec<u8>| key.len() < ANYWHERE && !UNMISTAKABLE.contains(&key.as_slice());
        Names {
            whole: keys.iter().map(whole).collect(),
            keys: AhoCorasick::new(&keys).ok(),
            query_keys: query_keys.map(|key| letters(key.as_ref())).filter(|key| !key.is_empty()).collect(),
            known: Known::default(),
        }
    }

    /// Whether there is no key at all.
    pub(super) fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.query_keys.is_empty()
    }

    /// Whether a field or attribute of this name holds a secret.
    pub(super) fn is_sensitive(&self, name: &[u8]) -> bool {
        !self.whole.is_empty() && self.find(name, 0)
    }

    /// Whether a number under this name says how many there are.
    pub(super) fn is_count(name: &[u8]) -> bool {
        let letters = Letters::of(name);
        let text = letters.as_slice();
        PLURALS.iter().any(|plural| {
            text.len().checked_sub(plural.len()).is_some_and(|at| letters.begins(at))
                && text.ends_with(plural)
        })
    }

    /// As [`is_sensitive`](Self::is_sensitive), remembered by the place of the name in memory.
    pub(super) fn is_sensitive_field(&self, name: &'static str) -> bool {
        !self.whole.is_empty() && self.known.or_insert(name, || self.find(name.as_bytes(), 0))
    }

    /// Whether a key ends behind `from` in these words.
    pub(super) fn ends_in_sensitive(&self, words: &[u8], from: usize) -> bool {
        !self.whole.is_empty() && self.find(words, from)
    }

    /// Whether this key of a URL's query, as it will be read, holds a secret.
    pub(super) fn is_sensitive_in_query(&self, key: &[u8]) -> bool {
        let letters = Letters::of(key);
        if self.is_query_key(letters.as_slice()) || (!self.whole.is_empty() && self.is_found(key, &letters)) {
            return true;
        }
        // `user[code]` is the field `code`, and `code[]` is as well.
        let mut parts = key.rsplit(|byte| matches!(byte, b'[' | b']'));
        key.contains(&b'[')
            && parts
                .find(|part| !part.iter().all(u8::is_ascii_digit))
                .is_some_and(|field| self.is_query_key(Letters::of(field).as_slice()))
    }

    /// Whether this is a query key, or one with a number behind it.
    fn is_query_key(&self, letters: &[u8]) -> bool {
        let mut name = letters;
        while let [before @ .., b'0'..=b'9'] = name {
            name = before;
        }
        self.query_keys.contains(name) || (name.len() < letters.len() && self.query_keys.contains(letters))
    }

    fn find(&self, name: &[u8], from: usize) -> bool {
        self.is_found(name, &Letters::up_to(name, from))
    }

    fn is_found(&self, name: &[u8], letters: &Letters) -> bool {
        let Some(keys) = &self.keys else { return true };
        let text = letters.as_slice();
        if !keys.is_match(text) {
            return false;
        }
        // What the name tells about the secret, if it does.
        let mut about = None;
        for found in keys.find_overlapping_iter(text) {
            let (start, mut end) = (found.start(), found.end());
            if self.whole[found.pattern().as_usize()] {
                if text.get(end) == Some(&b's') && !letters.begins(end) {
                    end += 1;
                }
                if !letters.begins(start) || !letters.begins(end) {
                    continue;
                }
            }
            if end <= letters.from || letters.is_count_of_tokens(start, end) || letters.is_other(start, end) {
                continue;
            }
            let about = about.get_or_insert_with(|| {
                ABOUT
                    .iter()
                    .filter_map(|word| {
                        let at = text.len().checked_sub(word.len())?;
                        (letters.begins(at) && text.ends_with(word)).then_some(at)
                    })
                    .min()
            });
            let told_about =
                about.is_some_and(|at| end <= at || (start >= at && end - start < text.len() - at));
            if !told_about && !CONVENTIONS.iter().any(|known| known.as_bytes() == name) {
                return true;
            }
        }
        false
    }
}

/// The letters and digits of a name, in lower case, and where its words begin.
struct Letters {
    short: [u8; Letters::SHORT],
    begins: u64,
    long: Vec<(u8, bool)>,
    long_text: Vec<u8>,
    length: usize,
    /// How many letters come from what is before the place asked for.
    from: usize,
}

impl Letters {
    /// Names are seldom longer, and then cost an allocation.
    const SHORT: usize = 64;

    fn of(name: &[u8]) -> Self {
        Letters::up_to(name, 0)
    }

    fn up_to(name: &[u8], from: usize) -> Self {
        let mut letters = Letters {
            short: [0; Letters::SHORT],
            begins: 0,
            long: Vec::new(),
            long_text: Vec::new(),
            length: 0,
            from: 0,
        };
        let mut before = Kind::None;
        for (i, byte) in name.iter().enumerate() {
            if i == from {
                letters.from = letters.length;
            }
            let kind = Kind::of(*byte);
            if kind != Kind::None {
                let begins = match (before, kind) {
                    (Kind::None, _) | (Kind::Lower, Kind::Upper) => true,
                    // The last of several capitals begins the next word: `APIKey`.
                    (Kind::Upper, Kind::Upper) => name.get(i + 1).is_some_and(u8::is_ascii_lowercase),
                    (Kind::Digit, other) | (other, Kind::Digit) => other != Kind::Digit,
                    _ => false,
                };
                letters.push(byte.to_ascii_lowercase(), begins);
            }
            before = kind;
        }
        letters
    }

    fn push(&mut self, letter: u8, begins: bool) {
        if self.length < Letters::SHORT {
            self.short[self.length] = letter;
            self.begins |= u64::from(begins) << self.length;
        } else {
            if self.long.is_empty() {
                self.long_text.extend_from_slice(&self.short);
            }
            self.long_text.push(letter);
            self.long.push((letter, begins));
        }
        self.length += 1;
    }

    fn as_slice(&self) -> &[u8] {
        if self.long.is_empty() { &self.short[..self.length] } else { &self.long_text }
    }

    /// The word that ends before this letter.
    fn word_before(&self, end: usize) -> &[u8] {
        let start = (0..end).rev().find(|at| self.begins(*at)).unwrap_or(end);
        &self.as_slice()[start..end]
    }

    /// The word, or the rest of it, that this letter is in.
    fn word_from(&self, start: usize) -> &[u8] {
        let end = (start + 1..self.length).find(|at| self.begins(*at)).unwrap_or(self.length);
        self.as_slice().get(start..end).unwrap_or_default()
    }

    /// Whether the key `token` at this place is counted: `max_tokens`, `tokens_used`, `token_count.prompt`.
    fn is_count_of_tokens(&self, start: usize, end: usize) -> bool {
        if self.as_slice().get(start..end) != Some(b"token") || !self.begins(start) {
            return false;
        }
        match self.word_from(start) {
            b"token" => BEHIND_TOKEN.contains(&self.word_from(end)),
            b"tokens" => {
                BEFORE_TOKENS.contains(&self.word_before(start))
                    || BEHIND_TOKENS.contains(&self.word_from(end + 1))
            }
            _ => false,
        }
    }

    /// Whether the key at this place is in a word that means something else.
    fn is_other(&self, start: usize, end: usize) -> bool {
        let word_start = (0..=start).rev().find(|at| self.begins(*at)).unwrap_or(start);
        let word = self.word_from(word_start);
        end <= word_start + word.len() && OTHERS.contains(&word)
    }

    /// Whether a word begins at this letter, or all have ended.
    fn begins(&self, at: usize) -> bool {
        match at {
            _ if at >= self.length => true,
            _ if at < Letters::SHORT => self.begins >> at & 1 == 1,
            _ => self.long[at - Letters::SHORT].1,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// What separates words.
    None,
    Lower,
    Upper,
    Digit,
}

impl Kind {
    fn of(byte: u8) -> Kind {
        match byte {
            b'A'..=b'Z' => Kind::Upper,
            b'0'..=b'9' => Kind::Digit,
            b'a'..=b'z' | 0x80.. => Kind::Lower,
            _ => Kind::None,
        }
    }
}

/// What was decided of names that stay where they are, as the fields of `tracing` do.
///
/// A table of one word an entry, which threads read and write without waiting: what one overwrites is decided again.
struct Known([AtomicU64; Known::ENTRIES]);

impl Known {
    const ENTRIES: usize = 256;

    /// An entry has 48 bits of the address, which is all there are to it, 15 of the length and the answer.
    fn or_insert(&self, name: &'static str, decide: impl FnOnce() -> bool) -> bool {
        let (address, length) = (name.as_ptr() as u64, name.len() as u64);
        if address >> 48 != 0 || length >> 15 != 0 {
            return decide();
        }
        let key = address << 16 | length << 1;
        let place = (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as usize;
        let entry = &self.0[place % Known::ENTRIES];
        let known = entry.load(Ordering::Relaxed);
        if known & !1 == key && address != 0 {
            return known & 1 == 1;
        }
        let decided = decide();
        entry.store(key | u64::from(decided), Ordering::Relaxed);
        decided
    }
}

impl Default for Known {
    fn default() -> Self {
        Known([const { AtomicU64::new(0) }; Known::ENTRIES])
    }
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Known").finish_non_exhaustive()
    }
}
