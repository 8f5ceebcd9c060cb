//! What makes two spans repetitions of each other.

use crate::fingerprint::Fingerprint;
use crate::panel_data::Parameter;
use crate::sql::SharedStatement;

/// Statements with one [fingerprint](crate::sql::Statement::fingerprint) are alike; those that only steer a transaction
/// or a connection are none.
pub(crate) fn of_statement(statement: &SharedStatement) -> Option<u64> {
    const STEERING: [&str; 9] =
        ["BEGIN", "START", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET", "PRAGMA"];
    let first = statement.text.split(|c: char| !c.is_ascii_alphabetic()).find(|word| !word.is_empty())?;
    let steers = STEERING.iter().any(|word| word.eq_ignore_ascii_case(first));
    (!steers).then_some(statement.fingerprint)
}

/// Queries that read the very same; `None` for others and where the values are not known.
pub(crate) fn fingerprint_of_query(
    text: &str,
    statement: &SharedStatement,
    parameters: Option<&[Parameter]>,
) -> Option<u64> {
    let reads = statement.operation.as_deref().is_some_and(|word| word.eq_ignore_ascii_case("SELECT"));
    // `SELECT nextval('ids')` and `SELECT 1` have nothing to read the same from.
    let has_target = statement.summary.as_deref().is_some_and(|summary| summary.contains(' '));
    if !reads || !has_target {
        return None;
    }
    let print = Fingerprint::default().with("sql").with(text);
    match parameters {
        Some(parameters) => {
            let with = |print: Fingerprint, parameter: &Parameter| {
                print.with(&parameter.name).with(&parameter.value)
            };
            Some(parameters.iter().fold(print, with).finish())
        }
        // Any of these may stand for a value that is not in the text.
        None if text.bytes().any(|byte| matches!(byte, b'?' | b'$' | b':' | b'@' | b'%')) => None,
        None => Some(print.finish()),
    }
}

/// Calls of one method to one host, and one path but for the ids in it, are alike.
pub(crate) fn of_call(method: &str, url: &str) -> u64 {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or_default(),
        None => url,
    };
    let origin = url.strip_suffix(path).unwrap_or_default();
    let print = Fingerprint::default().with("http").with(method).with(origin);
    without_ids(print, path, &['/']).finish()
}

/// Host, port and path of a URL, without user information, query and fragment.
pub(crate) fn place_of_url(url: &str) -> &str {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some(rest) = url.strip_prefix("//").or_else(|| Some(url.split_once("://")?.1)) else { return url };
    let authority = rest.find('/').and_then(|end| rest.get(..end)).unwrap_or(rest);
    let user = authority.rfind('@').map_or(0, |at| at + 1);
    rest.get(user..).unwrap_or_default()
}

/// Calls that ask for the very same, by a method that changes nothing. What QUERY asks for stands in its body, which is
/// not known.
pub(crate) fn fingerprint_of_call(method: &str, url: &str) -> Option<u64> {
    let reads = matches!(method, "GET" | "HEAD" | "OPTIONS");
    reads.then(|| Fingerprint::default().with("http").with(method).with(url).finish())
}

/// The name of a span, but for the ids in it.
pub(crate) fn of_name(name: &str) -> u64 {
    without_ids(Fingerprint::default().with("name"), name, &[' ', '/', ':', '.', '-', '_']).finish()
}

/// What has this name, below what is reached by this way.
pub(crate) fn below(way: u64, name: u64) -> u64 {
    Fingerprint::seeded(way).with_number(name).finish()
}

/// `host/items/7/price` as `host/items/…/price`: what calls of one shape have in common.
pub(crate) fn without_ids_in_path(call: &str) -> String {
    let mut parts = call.split('/');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_id = part.bytes().any(|byte| byte.is_ascii_digit());
        out.push('/');
        out.push_str(if is_id { "…" } else { part });
    }
    out
}

/// Operations of one name on one key, but for the ids in it, are alike.
pub(crate) fn of_cache(operation: &str, key: Option<&str>) -> u64 {
    let print = Fingerprint::default().with("cache").with(operation);
    without_ids(print, key.unwrap_or_default(), &[':', '/', '.', '_', '-', '|']).finish()
}

/// Lookups of the very same key.
pub(crate) fn fingerprint_of_cache(operation: &str, key: Option<&str>) -> Option<u64> {
    let reads = is_cache_read(operation);
    key.filter(|_| reads).map(|key| Fingerprint::default().with("cache").with(operation).with(key).finish())
}

/// Whether a cache operation leaves the cache as it was.
pub(crate) fn is_cache_read(operation: &str) -> bool {
    const READS: [&str; 8] = ["GET", "MGET", "HGET", "HMGET", "HGETALL", "EXISTS", "SMEMBERS", "GET_MULTI"];
    READS.iter().any(|read| read.eq_ignore_ascii_case(operation))
}

/// Adds the parts between separators, those with a digit in them as if they were the same.
fn without_ids(print: Fingerprint, text: &str, separators: &[char]) -> Fingerprint {
    text.split(separators).fold(print, |print, part| {
        let is_id = part.bytes().any(|byte| byte.is_ascii_digit());
        print.with(if is_id { "0" } else { part })
    })
}
