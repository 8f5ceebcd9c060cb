//! Secrets that are known by what they look like, whatever they are called.

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::edits::{Edits, REDACTED};
use super::excerpts;

/// A secret of a known issuer: what it begins with, and how many more characters of which kind it has at least.
struct Shape {
    begins: &'static str,
    at_least: usize,
    of: fn(u8) -> bool,
}

/// What no text of another kind begins with.
const SHAPES: [Shape; 24] = [
    // Access keys of AWS, for good and for a session.
    Shape { begins: "AKIA", at_least: 16, of: upper },
    Shape { begins: "ASIA", at_least: 16, of: upper },
    // Google's API keys and OAuth tokens.
    Shape { begins: "AIza", at_least: 35, of: word },
    Shape { begins: "ya29.", at_least: 20, of: word },
    // GitHub, GitLab, npm, PyPI.
    Shape { begins: "ghp_", at_least: 36, of: word },
    Shape { begins: "gho_", at_least: 36, of: word },
    Shape { begins: "ghu_", at_least: 36, of: word },
    Shape { begins: "ghs_", at_least: 36, of: word },
    Shape { begins: "ghr_", at_least: 36, of: word },
    Shape { begins: "github_pat_", at_least: 22, of: word },
    Shape { begins: "glpat-", at_least: 20, of: word },
    Shape { begins: "npm_", at_least: 36, of: word },
    Shape { begins: "pypi-", at_least: 50, of: word },
    // Slack.
    Shape { begins: "xoxa-", at_least: 10, of: word },
    Shape { begins: "xoxb-", at_least: 10, of: word },
    Shape { begins: "xoxp-", at_least: 10, of: word },
    Shape { begins: "xoxr-", at_least: 10, of: word },
    Shape { begins: "xoxs-", at_least: 10, of: word },
    // Stripe.
    Shape { begins: "sk_live_", at_least: 16, of: word },
    Shape { begins: "rk_live_", at_least: 16, of: word },
    Shape { begins: "sk_test_", at_least: 16, of: word },
    Shape { begins: "whsec_", at_least: 16, of: word },
    // HashiCorp Vault.
    Shape { begins: "hvs.", at_least: 20, of: word },
    Shape { begins: "hvb.", at_least: 20, of: word },
];

/// What begins otherwise, behind the shapes in the automaton's order and before the excerpts.
const OTHERS: [&str; 4] = ["eyJ", "-----BEGIN ", "earer ", "asic "];

static BEGINNINGS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    // The kind that is searched for many bytes at a time.
    let builder = &mut AhoCorasick::builder();
    builder.match_kind(MatchKind::LeftmostFirst);
    let beginnings = SHAPES.iter().map(|shape| shape.begins).chain(OTHERS);
    builder.build(beginnings.chain(excerpts::beginnings())).ok()
});

/// No secret of these shapes is in a text of fewer bytes.
pub(super) const SHORTEST: usize = 10;

/// The text without secrets of known shapes.
pub(super) fn hide(text: &str) -> Cow<'_, str> {
    // They are few and constant, so the automaton is there.
    let Some(beginnings) = &*BEGINNINGS else { return Cow::Borrowed(text) };
    let bytes = text.as_bytes();
    let mut edits = Edits::of(text);
    let mut ends = excerpts::Ends::default();
    let mut at = 0;
    while let Some(found) = beginnings.find(&bytes[at..]) {
        let (start, end) = (at + found.start(), at + found.end());
        let secret = match found.pattern().as_usize().checked_sub(SHAPES.len()) {
            None => shape(bytes, start, end, &SHAPES[found.pattern().as_usize()]),
            Some(0) => jwt(bytes, start),
            Some(1) => private_key(text, start),
            Some(2) => scheme(bytes, start, end, |secret| !is_word(secret)),
            Some(3) => scheme(bytes, start, end, is_user_and_password),
            Some(other) => excerpts::value(text, end, other - OTHERS.len(), &mut ends),
        };
        at = end;
        if let Some((from, to)) = secret {
            edits.replace(from, to, REDACTED);
            at = to;
        }
    }
    edits.finish()
}

fn shape(bytes: &[u8], start: usize, end: usize, shape: &Shape) -> Option<(usize, usize)> {
    let to = run(bytes, end, shape.of);
    (begins_word(bytes, start) && to - end >= shape.at_least).then_some((start, to))
}

/// A JSON Web Token: three parts, the first of which is the base64 of `{"…`. The third is empty without a signature.
fn jwt(bytes: &[u8], start: usize) -> Option<(usize, usize)> {
    if !begins_word(bytes, start) {
        return None;
    }
    let mut to = run(bytes, start, word);
    if to - start < 10 || bytes.get(to) != Some(&b'.') {
        return None;
    }
    to = run(bytes, to + 1, |byte| word(byte) || byte == b'.');
    (to - start >= 20).then_some((start, to))
}

/// A private key in PEM, to its end or else that of the text.
fn private_key(text: &str, start: usize) -> Option<(usize, usize)> {
    let (label, _) = text[start + "-----BEGIN ".len()..].split_once("-----")?;
    if !label.ends_with("PRIVATE KEY") || label.len() > 40 {
        return None;
    }
    let footer = text[start..].find("-----END ").map(|at| start + at + "-----END ".len());
    let end = footer.and_then(|at| text[at..].find("-----").map(|length| at + length + 5));
    Some((start, end.unwrap_or(text.len())))
}

/// What follows the name of an authentication scheme, if it is a secret and no word of a sentence.
fn scheme(
    bytes: &[u8],
    start: usize,
    end: usize,
    is_secret: impl Fn(&[u8]) -> bool,
) -> Option<(usize, usize)> {
    let first = start.checked_sub(1)?;
    if !bytes[first].eq_ignore_ascii_case(&b'B') || !begins_word(bytes, first) {
        return None;
    }
    let to = run(bytes, end, |byte| word(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/' | b'='));
    let alone = first == 0 && to == bytes.len();
    let secret = &bytes[end..to];
    let begins_pair = secret.last() == Some(&b'=') && bytes.get(to) == Some(&b'"');
    let hidden = secret.len() >= 4 && !begins_pair && secret != REDACTED.as_bytes();
    (hidden && (alone || is_secret(secret))).then_some((end, to))
}

/// Whether this could stand in a sentence, as `authentication` does behind `Bearer`, or is a parameter of a challenge.
fn is_word(secret: &[u8]) -> bool {
    let end = secret.iter().rposition(|byte| !matches!(byte, b'.' | b'=')).map_or(0, |last| last + 1);
    let secret = &secret[..end];
    let is_part = |part: &[u8]| match part {
        [first, rest @ ..] => first.is_ascii_alphabetic() && rest.iter().all(u8::is_ascii_lowercase),
        [] => true,
    };
    secret.contains(&b'=') || secret.split(|byte| matches!(byte, b'-' | b'/' | b'_')).all(is_part)
}

/// Whether this is what the scheme `Basic` has: the base64 of a user and a password.
fn is_user_and_password(secret: &[u8]) -> bool {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    LENIENT.decode(secret).is_ok_and(|decoded| decoded.contains(&b':'))
}

fn run(bytes: &[u8], from: usize, of: impl Fn(u8) -> bool) -> usize {
    bytes[from..].iter().position(|byte| !of(*byte)).map_or(bytes.len(), |length| from + length)
}

fn begins_word(bytes: &[u8], at: usize) -> bool {
    at.checked_sub(1).is_none_or(|before| !word(bytes[before]))
}

fn upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}
