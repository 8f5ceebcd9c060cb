use super::head::Head;
use crate::redact::{REDACTED, Redactor};

/// What of a record is secret, to be masked wherever it comes again.
pub(super) struct Secrets<'r> {
    pub(super) redactor: &'r Redactor,
    /// The longest first, so that none is masked in part.
    values: Vec<String>,
}

impl<'r> Secrets<'r> {
    /// Shorter values are left where they come again: `dark` is a word.
    const SHORTEST: usize = 8;
    const MOST: usize = 64;

    pub(super) fn of(head: &Head, redactor: &'r Redactor) -> Self {
        let mut values: Vec<&str> = Vec::new();
        for (name, value) in head.request_headers.iter().chain(&head.response_headers) {
            match &**name {
                _ if !redactor.is_sensitive(name) => {}
                "cookie" => {
                    values.extend(value.split(';').filter_map(|pair| Some(pair.split_once('=')?.1)));
                }
                "set-cookie" => {
                    let pair = value.split(';').next().unwrap_or_default();
                    values.extend(pair.split_once('=').map(|(_, value)| value));
                }
                // The scheme of credentials is not a secret.
                _ => values.push(value.split_once(' ').map_or(&**value, |(_, token)| token)),
            }
        }
        values.extend(head.cookies.iter().map(|(_, value)| &**value));
        let query = head.query.as_deref().unwrap_or_default();
        for (pair, masked) in query.split('&').zip(redactor.query(query).split('&')) {
            if pair != masked {
                values.extend(pair.split_once('=').map(|(_, value)| value));
            }
        }
        let mut values: Vec<String> = values
            .into_iter()
            .map(|value| value.trim().trim_matches('"'))
            .filter(|value| value.chars().count() >= Self::SHORTEST)
            .map(str::to_owned)
            .collect();
        values.sort_unstable_by(|one, other| (other.len(), other).cmp(&(one.len(), one)));
        values.dedup();
        values.truncate(Self::MOST);
        Secrets { redactor, values }
    }

    /// The text without the secrets.
    pub(super) fn mask(&self, text: String) -> String {
        self.values.iter().fold(text, |text, secret| {
            if text.contains(&**secret) { text.replace(&**secret, REDACTED) } else { text }
        })
    }

    /// The value of a header: masked as a whole where it is sensitive.
    pub(super) fn header(&self, name: &str, value: &str) -> String {
        if self.redactor.is_sensitive(name) { REDACTED.to_owned() } else { self.mask(value.to_owned()) }
    }
}
