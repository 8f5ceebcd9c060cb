//! Variables whose text is not that of the option itself.

use crate::choice::Semconv;
use crate::secret::shorten;
use crate::value::{InvalidValue, OptionValue, Rejected};

type Read<T> = Result<Option<T>, Rejected<Option<T>>>;

/// `OTEL_SDK_DISABLED`.
pub(crate) fn negated(text: &str) -> Read<bool> {
    bool::parse(text).map(|disabled| Some(!disabled)).map_err(|rejected| {
        InvalidValue::new(rejected.why.problem().to_owned(), rejected.why.remedy().to_owned()).into()
    })
}

/// `OTEL_SEMCONV_STABILITY_OPT_IN` for HTTP. Warns of names that belong to nobody.
pub(crate) fn http_opt_in(text: &str) -> Read<Semconv> {
    const OTHERS: &[&str] =
        &["code", "database", "gen_ai_latest_experimental", "k8s", "messaging", "rpc", "system"];
    let choice = opt_in("http", text);
    for name in names(text) {
        let domain = name.strip_suffix("/dup").unwrap_or(&name);
        if domain != "http" && !OTHERS.contains(&domain) {
            let why = InvalidValue::new(
                format!("`{}` is not an opt-in known here", shorten(&name)),
                "write http, http/dup, database, database/dup, or several separated by commas",
            );
            return Err(Rejected { why, instead: choice.map(Some) });
        }
    }
    Ok(choice)
}

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
    }

    #[test]
    fn an_unknown_opt_in_is_refused_and_the_rest_kept() {
        let rejected = http_opt_in("http/dup,htpp").unwrap_err();
        assert_eq!(rejected.why().problem(), "`htpp` is not an opt-in known here");
        assert_eq!(rejected.instead(), Some(&Some(Semconv::Dup)));
    }
}
