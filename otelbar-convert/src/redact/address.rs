//! The parts of an address that hold secrets: user information and query.

use std::borrow::Cow;

use memchr::memchr2;
use percent_encoding::percent_decode;

use super::edits::{Edits, REDACTED};
use super::names::Names;

/// User and password of an address, without the `@`.
pub(super) struct UserInformation {
    pub(super) length: usize,
    has_password: bool,
}

impl UserInformation {
    pub(super) fn replacement(&self) -> &'static str {
        if self.has_password { "REDACTED:REDACTED" } else { REDACTED }
    }
}

/// Schemes of services that are usually addressed with a password.
const WITH_PASSWORDS: [&str; 30] = [
    "amqp",
    "amqps",
    "bolt",
    "clickhouse",
    "cockroachdb",
    "ftp",
    "ftps",
    "imap",
    "kafka",
    "ldap",
    "ldaps",
    "mariadb",
    "memcached",
    "mongodb",
    "mqtt",
    "mqtts",
    "mssql",
    "mysql",
    "nats",
    "neo4j",
    "oracle",
    "postgres",
    "postgresql",
    "redis",
    "rediss",
    "sftp",
    "smtp",
    "smtps",
    "sqlserver",
    "valkey",
];

/// The user information of what stands behind a scheme and `://`, with the place of the last `@` in it.
///
/// A password may have a `/`, a `?` or an `@` that should have been escaped. An `@` behind the host is usual as well
/// (`http://host/@vite/client`), so that it counts where what would be the port is no number, and with the schemes of
/// databases and the like.
pub(super) fn user_information(
    scheme: &[u8],
    rest: &[u8],
    last_at: Option<usize>,
) -> Option<UserInformation> {
    last_at?;
    let length = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let authority = &rest[..length];
    let has_password = WITH_PASSWORDS.iter().any(|known| scheme.eq_ignore_ascii_case(known.as_bytes()));
    let end = match authority.iter().rposition(|byte| *byte == b'@') {
        Some(end) if !has_password => end,
        None if !has_password && !ends_in_unlikely_port(authority) => return None,
        _ if authority.is_empty() => return None,
        _ => last_at?,
    };
    (end > 0).then(|| UserInformation { length: end, has_password: rest[..end].contains(&b':') })
}

/// An address without its user information; one without a scheme begins with `//`.
pub(super) fn without_user_information(url: &str) -> Cow<'_, str> {
    let mut edits = Edits::of(url);
    let reference = url.strip_prefix("//").map(|rest| ("", rest));
    if let Some((scheme, rest)) = reference.or_else(|| url.split_once("://"))
        && let Some(user) = user_information(scheme.as_bytes(), rest.as_bytes(), rest.rfind('@'))
    {
        let start = url.len() - rest.len();
        edits.replace(start, start + user.length, user.replacement());
    }
    edits.finish()
}

/// Whether what stands where the port would is no number, as in a password that has a `/`.
fn ends_in_unlikely_port(authority: &[u8]) -> bool {
    let port = authority.iter().rposition(|byte| *byte == b':').map(|colon| &authority[colon + 1..]);
    authority.last() != Some(&b']') && port.is_some_and(|port| !port.iter().all(u8::is_ascii_digit))
}

/// The query with the values of sensitive keys replaced, and those of others as `clean` makes them.
pub(super) fn query<'q>(
    names: &Names,
    query: &'q str,
    clean: &dyn Fn(&str) -> Option<String>,
) -> Cow<'q, str> {
    pairs(names, query, '&', clean)
}

/// The line of a `baggage` header, in the same way: the values of sensitive keys are replaced, be they members' or
/// properties'.
pub(super) fn baggage<'b>(
    names: &Names,
    line: &'b str,
    clean: &dyn Fn(&str) -> Option<String>,
) -> Cow<'b, str> {
    pairs(names, line, ',', clean)
}

/// A value goes on to the next separator: where `;` separates as well, more is hidden.
fn pairs<'q>(
    names: &Names,
    query: &'q str,
    separator: char,
    clean: &dyn Fn(&str) -> Option<String>,
) -> Cow<'q, str> {
    let is_query = separator == '&';
    let mut edits = Edits::of(query);
    let mut pair_start = 0;
    for pair in query.split(separator) {
        let pair_end = pair_start + pair.len();
        let mut part_start = pair_start;
        for part in pair.split(';') {
            let part_end = part_start + part.len();
            if let Some((key, value)) = part.split_once('=') {
                let value_start = part_end - value.len();
                let key = decoded(key.as_bytes());
                let named = is_query && names.is_sensitive_in_query(&key);
                if named || names.is_sensitive(&key) {
                    if value_start < pair_end {
                        edits.replace(value_start, pair_end, REDACTED);
                    }
                    break;
                }
                if let Some(clean) = clean(value) {
                    edits.replace(value_start, part_end, &clean);
                }
            }
            part_start = part_end + 1;
        }
        pair_start = pair_end + 1;
    }
    edits.finish()
}

/// What is escaped with `%`, and the spaces that a form writes as `+`.
pub(super) fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr2(b'%', b'+', text).is_none() {
        return Cow::Borrowed(text);
    }
    let spaced: Vec<u8> = text.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    Cow::Owned(percent_decode(&spaced).collect())
}
