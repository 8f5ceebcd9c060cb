//! Variables whose text is not that of the option itself.

use crate::choice::Semconv;
use crate::option_value::{OptionValue, Rejected, WrongEntries, entries, not_a_boolean};
use crate::spelling::nearest;

type Read<T> = Result<Option<T>, Rejected<Option<T>>>;

/// `OTEL_SDK_DISABLED`. What is neither true nor false is false.
pub(crate) fn negated(text: &str) -> Read<bool> {
    bool::parse(text).map(|disabled| Some(!disabled)).map_err(|rejected| Rejected {
        why: rejected.why,
        instead: rejected.instead.map(|disabled| Some(!disabled)),
    })
}

/// A switch of our own, which takes other words too. What is none of them is off: of two ways to read a text the one
/// that shows less counts.
pub(crate) fn switch(text: &str) -> Read<bool> {
    let any = |words: [&str; 4]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    match text {
        _ if any(["true", "1", "yes", "on"]) => Ok(Some(true)),
        _ if any(["false", "0", "no", "off"]) => Ok(Some(false)),
        _ => Err(Rejected { why: not_a_boolean(), instead: Some(Some(false)) }),
    }
}

/// `OTEL_SEMCONV_STABILITY_OPT_IN` for HTTP. Warns of misspelt names that concern us; others belong to other
/// conventions.
pub(crate) fn http_opt_in(text: &str) -> Read<Semconv> {
    let mut wrong = WrongEntries::of(text);
    for name in entries(text) {
        let domain = name.to_ascii_lowercase();
        let domain = domain.strip_suffix("/dup").unwrap_or(&domain);
        if !DOMAINS.contains(&domain) && nearest(domain, DOMAINS.into_iter()).is_some() {
            let remedy = "write http, http/dup, database, database/dup, or several separated by commas";
            wrong.push(name, "is not a known opt-in", remedy);
        }
    }
    let choice = opt_in("http", text);
    match wrong.why() {
        None => Ok(choice),
        Some(why) => Err(Rejected { why, instead: Some(choice) }),
    }
}

const DOMAINS: [&str; 2] = ["http", "database"];

/// `OTEL_SEMCONV_STABILITY_OPT_IN` for databases.
pub(crate) fn database_opt_in(text: &str) -> Read<Semconv> {
    Ok(opt_in("database", text))
}

/// `domain/dup` wins over `domain`, as the conventions say.
fn opt_in(domain: &str, text: &str) -> Option<Semconv> {
    let dup = format!("{domain}/dup");
    if names(text).any(|name| name == dup) {
        Some(Semconv::Dup)
    } else if names(text).any(|name| name == domain) {
        Some(Semconv::Stable)
    } else {
        None
    }
}

fn names(text: &str) -> impl Iterator<Item = String> {
    text.split(',').map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opt_ins_choose_by_domain() {
        fn check(text: &str, http: Option<Semconv>, database: Option<Semconv>) {
            assert_eq!((http_opt_in(text), database_opt_in(text)), (Ok(http), Ok(database)), "{text}");
        }
        check("http", Some(Semconv::Stable), None);
        check("HTTP/dup, database", Some(Semconv::Dup), Some(Semconv::Stable));
        check("http,http/dup", Some(Semconv::Dup), None);
        check("database/dup,messaging", None, Some(Semconv::Dup));
        check("faas,gen_ai_latest_experimental", None, None);
    }

    #[test]
    fn an_unknown_opt_in_is_refused_and_the_rest_kept() {
        let rejected = http_opt_in("http/dup,htpp").unwrap_err();
        assert_eq!(rejected.why().problem(), "has `htpp`, which is not a known opt-in");
        assert_eq!(rejected.instead(), Some(&Some(Semconv::Dup)));
    }
}
