//! What the toolbar answers under its own path: the page, and the JSON that the page reads.

mod access;
mod answer;
mod assets;
mod detail;
mod exporter;
mod json;
mod list;

use std::net::SocketAddr;
use std::sync::{Arc, Once};

use http::header::{self, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body::Body;
use http_body_util::Full;
use opentelemetry::trace::SpanId;

use crate::deliver::Exports;
use crate::guard::{fault, guard};
use crate::record::{Recorder, Service, Store};
pub(crate) use access::{Access, Denied, Rule, Token, is_https};
pub(crate) use answer::Answer;
use answer::{empty, error};

/// Requests in a list, unless the caller asks for fewer or more.
const DEFAULT_LIMIT: usize = 100;
/// Requests in a list at most.
const MAX_LIMIT: usize = 500;

/// What answers under the toolbar's own path.
#[derive(Debug)]
pub(crate) struct Pages {
    /// Without a slash at its end.
    pub(crate) path: String,
    pub(crate) access: Access,
    pub(crate) service: Arc<Service>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) store: Arc<Store>,
    pub(crate) exports: Arc<Exports>,
    pub(crate) warnings: Warnings,
}

/// What was wrong with the configuration's sources.
#[derive(Debug)]
pub(crate) struct Warnings {
    all: Vec<String>,
    told: Once,
}

impl Warnings {
    pub(crate) fn new(all: Vec<String>) -> Self {
        Warnings { all, told: Once::new() }
    }

    /// Logs them, once: when the configuration was read there was no subscriber yet.
    pub(crate) fn tell(&self) {
        self.told.call_once(|| {
            for warning in &self.all {
                tracing::warn!(target: "otelbar", "{warning}");
            }
        });
    }
}

impl Pages {
    /// What follows the toolbar's path, if the path is one of the toolbar's.
    pub(crate) fn own_path<'p>(&self, path: &'p str) -> Option<&'p str> {
        path.strip_prefix(&*self.path).filter(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Answers a request for a path of the toolbar's; `None` where the caller may not see the toolbar.
    pub(crate) fn answer<B>(
        &self,
        rest: &str,
        request: &Request<B>,
        peer: Option<SocketAddr>,
    ) -> Option<Answer> {
        // Who could not be checked may not see it.
        guard("checking a caller", || {
            self.access.check(request, peer).inspect_err(|denied| self.access.tell(denied)).ok()
        })??;
        let answer = guard("answering the page", || {
            fault("answering", rest);
            self.route(rest, request)
        });
        let mut answer = answer.unwrap_or_else(|| {
            error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the toolbar panicked; internal_errors in api/requests says where",
            )
        });
        let length = answer.body().size_hint().exact();
        let unchanged = answer.status() == StatusCode::NOT_MODIFIED;
        let headers = answer.headers_mut();
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        if *request.method() == Method::HEAD {
            // That of a 304 would be the length of the answer to GET (RFC 9110, 8.6), which has none.
            if let Some(length) = length.filter(|_| !unchanged) {
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            }
            *answer.body_mut() = Full::default();
        }
        Some(answer)
    }

    fn route<B>(&self, rest: &str, request: &Request<B>) -> Answer {
        const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");
        match *request.method() {
            Method::GET | Method::HEAD => {}
            Method::OPTIONS => {
                let mut answer = empty(StatusCode::NO_CONTENT);
                answer.headers_mut().insert(header::ALLOW, METHODS);
                return answer;
            }
            _ => {
                let mut answer =
                    error(StatusCode::METHOD_NOT_ALLOWED, "the toolbar's pages are read with GET");
                answer.headers_mut().insert(header::ALLOW, METHODS);
                return answer;
            }
        }
        let query = request.uri().query().unwrap_or_default();
        match rest {
            "/api/requests" => self.list(query),
            _ => match rest.strip_prefix("/api/requests/") {
                Some(id) => self.one(id),
                None if rest.starts_with("/api/") => {
                    error(StatusCode::NOT_FOUND, "there is api/requests and api/requests/{id}")
                }
                None => self.page(rest, request),
            },
        }
    }

    /// A file of the page; or where to go, without the token in the address, and with the slash at the page's own,
    /// since the page's addresses are relative.
    fn page<B>(&self, rest: &str, request: &Request<B>) -> Answer {
        let (uri, query) = (request.uri(), request.uri().query().unwrap_or_default());
        let Some(token) = self.access.token_in_address(uri) else {
            return match rest {
                "" => self.redirect(StatusCode::PERMANENT_REDIRECT, "/", query),
                rest => assets::answer(rest, request.headers()),
            };
        };
        let rest = if rest.is_empty() { "/" } else { rest };
        let others: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("token=")).collect();
        let mut answer = self.redirect(StatusCode::SEE_OTHER, rest, &others.join("&"));
        if token.is_in(uri) {
            for cookie in token.cookies(&self.path, is_https(uri, request.headers())) {
                if let Ok(cookie) = HeaderValue::try_from(cookie) {
                    answer.headers_mut().append(header::SET_COOKIE, cookie);
                }
            }
        }
        answer
    }

    fn redirect(&self, status: StatusCode, rest: &str, query: &str) -> Answer {
        let question = if query.is_empty() { "" } else { "?" };
        let mut answer = empty(status);
        if let Ok(location) = HeaderValue::try_from(format!("{}{rest}{question}{query}", self.path)) {
            answer.headers_mut().insert(header::LOCATION, location);
        }
        answer
    }

    fn list(&self, query: &str) -> Answer {
        let number = |name: &str| -> Result<Option<u64>, String> {
            let given =
                query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name));
            given
                .map(|(_, value)| value.parse())
                .transpose()
                .map_err(|_| format!("{name} is not a whole number; leave it out or write one"))
        };
        let (limit, before) = match (number("limit"), number("before")) {
            (Ok(limit), Ok(before)) => (limit, before),
            (Err(message), _) | (_, Err(message)) => return error(StatusCode::BAD_REQUEST, &message),
        };
        let limit =
            limit.map_or(DEFAULT_LIMIT, |limit| usize::try_from(limit).unwrap_or(MAX_LIMIT).min(MAX_LIMIT));
        answer::json(StatusCode::OK, &list::list(self, before, limit))
    }

    fn one(&self, id: &str) -> Answer {
        let Some(id) = Some(id).filter(|id| id.len() == 16).and_then(|id| SpanId::from_hex(id).ok()) else {
            return error(StatusCode::BAD_REQUEST, "a request's id has 16 hexadecimal digits");
        };
        match self.store.request(id) {
            Some(held) => answer::json(StatusCode::OK, &detail::detail(self, &held)),
            None => error(
                StatusCode::NOT_FOUND,
                "no request with this id is held; it is not finished yet, or has made room for newer ones",
            ),
        }
    }
}
