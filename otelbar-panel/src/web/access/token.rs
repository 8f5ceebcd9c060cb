//! The token that opens the pages, and how it travels.

use std::borrow::Cow;
use std::fmt;

use http::{HeaderMap, Uri, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The cookie that keeps the token after it came with the address; it goes to the toolbar's own path alone.
const COOKIE: &str = "otelbar_token";
/// The cookie that goes to the application's pages, so that they get the bar.
const BAR_COOKIE: &str = "otelbar_bar";

/// What a cookie's value holds as it stands.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The token of the configuration, which has seen to it that it is long enough.
pub(crate) struct Token {
    text: String,
    /// Made from the token, and tells nothing of it: the application and its logs get to see it.
    bar: String,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    pub(crate) fn new(text: String) -> Self {
        let digest = Sha256::new().chain_update("otelbar bar\0").chain_update(&text).finalize();
        let bar = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Token { text, bar }
    }

    /// Whether a request brings the token: in its address, as a bearer token, or in the cookie.
    pub(super) fn opens(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut given =
            [in_query(uri), bearer(headers)].into_iter().flatten().chain(cookies(headers, COOKIE));
        given.any(|given| self.is(&given))
    }

    /// Whether a request for a page of the application's brings the cookie that asks for the bar.
    pub(super) fn shows_bar(&self, headers: &HeaderMap) -> bool {
        cookies(headers, BAR_COOKIE).any(|given| bool::from(given.as_bytes().ct_eq(self.bar.as_bytes())))
    }

    /// Whether the token came with this address.
    pub(crate) fn is_in(&self, uri: &Uri) -> bool {
        in_query(uri).is_some_and(|given| self.is(&given))
    }

    /// The cookies for a browser that gave the token, for the toolbar at this path; `secure` where it came by https.
    pub(crate) fn cookies(&self, path: &str, secure: bool) -> [String; 2] {
        let secure = if secure { "; Secure" } else { "" };
        let token = utf8_percent_encode(&self.text, ENCODED);
        let bar = &self.bar;
        [
            format!("{COOKIE}={token}; Path={path}; HttpOnly; SameSite=Strict{secure}"),
            format!("{BAR_COOKIE}={bar}; Path=/; HttpOnly; SameSite=Strict{secure}"),
        ]
    }

    fn is(&self, given: &str) -> bool {
        given.as_bytes().ct_eq(self.text.as_bytes()).into()
    }
}

/// What an address gives as the token.
pub(super) fn in_query(uri: &Uri) -> Option<Cow<'_, str>> {
    let token = uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="))?;
    Some(percent_decode_str(token).decode_utf8_lossy())
}

fn bearer(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().into())
}

/// The values of the cookies of this name. Browsers send others in the same line, whose bytes may be any.
fn cookies<'h>(headers: &'h HeaderMap, wanted: &'static str) -> impl Iterator<Item = Cow<'h, str>> {
    let pairs =
        headers.get_all(header::COOKIE).into_iter().flat_map(|line| line.as_bytes().split(|b| *b == b';'));
    pairs.filter_map(move |pair| {
        let value = pair.trim_ascii().strip_prefix(wanted.as_bytes())?.strip_prefix(b"=")?;
        Some(percent_decode(value).decode_utf8_lossy())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_kept_from_scripts_other_sites_and_other_paths() {
        let token = Token::new("a token of: spaces; ✓".to_owned());
        let [own, bar] = token.cookies("/__otelbar", true);
        assert_eq!(
            own,
            "otelbar_token=a%20token%20of%3A%20spaces%3B%20%E2%9C%93; Path=/__otelbar; HttpOnly; SameSite=Strict; Secure"
        );
        assert!(bar.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{bar}");
        assert!(token.cookies("/t", false)[0].ends_with("; Path=/t; HttpOnly; SameSite=Strict"));

        let mut headers = HeaderMap::new();
        headers.insert("cookie", own.split(';').next().unwrap().parse().unwrap());
        assert!(token.opens(&Uri::from_static("/"), &headers), "it is read as it was written");
    }

    #[test]
    fn cookies_of_others_in_the_same_line_do_no_harm() {
        let token = Token::new("s3cret-s3cret-16".to_owned());
        for (line, expected) in [
            (&b"name=J\xc3\xbcrgen; otelbar_token=s3cret-s3cret-16"[..], true),
            (b"otelbar_token=s3cret-s3cret-16;a=\xff", true),
            (b"a=b=c;otelbar_token=old; otelbar_token=s3cret-s3cret-16", true),
            (b"xotelbar_token=s3cret-s3cret-16", false),
            (b"otelbar_token2=s3cret-s3cret-16", false),
            (b"otelbar_token", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("cookie", http::HeaderValue::from_bytes(line).unwrap());
            assert_eq!(token.opens(&Uri::from_static("/"), &headers), expected, "{line:?}");
        }
    }
}
