//! What the toolbar answers under its own path: the page, and the JSON that the page reads.

mod access;
mod answer;
mod assets;
mod detail;
mod exporter;
mod gzip;
mod json;
mod list;
mod span;
mod thread;
mod views;
mod warnings;

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use opentelemetry::trace::SpanId;

use crate::deliver::Exports;
use crate::guard::{fault, guard};
use crate::record::{Held, Recorder, ServiceInfo, Store};
pub(crate) use access::{AccessControl, Denied, Rule, Token, is_https};
pub(crate) use answer::Answer;
use answer::{Content, ErrorAnswer, empty, error};
use thread::PageThread;
pub(crate) use thread::Pending;
use views::Views;
pub(crate) use warnings::Warnings;

/// What the page's files hold, for the addresses under which a browser may keep them.
pub(crate) fn page_version() -> &'static str {
    &assets::VERSION
}

/// Requests in a list, unless the caller asks for fewer or more.
const DEFAULT_LIMIT: usize = 100;
/// Requests in a list at most.
const MAX_LIMIT: usize = 500;

/// What answers under the toolbar's own path.
#[derive(Debug)]
pub(crate) struct Pages {
    /// Without a slash at its end.
    pub(crate) path: String,
    pub(crate) access: AccessControl,
    pub(crate) warnings: Warnings,
    service: Arc<ServiceInfo>,
    recorder: Arc<Recorder>,
    store: Arc<Store>,
    exports: Arc<Exports>,
    views: Views,
    thread: PageThread,
}

/// What a caller asked who may see the toolbar.
#[derive(Debug)]
struct Question {
    /// The path after that of the toolbar.
    rest: String,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl Pages {
    /// The pages at this path, which ends without a slash. What they keep of their own may hold `max_bytes`.
    pub(crate) fn new(
        path: String,
        (access, warnings): (AccessControl, Warnings),
        service: Arc<ServiceInfo>,
        recorder: Arc<Recorder>,
        store: Arc<Store>,
        exports: Arc<Exports>,
        max_bytes: usize,
    ) -> Self {
        let (views, thread) = (Views::new(max_bytes), PageThread::default());
        Pages { path, access, warnings, service, recorder, store, exports, views, thread }
    }

    /// What follows the toolbar's path, if the path is one of the toolbar's.
    pub(crate) fn own_path<'p>(&self, path: &'p str) -> Option<&'p str> {
        path.strip_prefix(&*self.path).filter(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Takes a request for a path of the toolbar's, to be answered; `None` where the caller may not see the toolbar.
    pub(crate) fn ask<B>(
        self: &Arc<Self>,
        rest: &str,
        request: &Request<B>,
        peer: Option<SocketAddr>,
    ) -> Option<Pending> {
        // Who could not be checked may not see it.
        guard("checking a caller", || {
            self.access.check(request, peer).inspect_err(|denied| self.access.tell(denied)).ok()
        })??;
        let question = Question {
            rest: rest.to_owned(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
        };
        Some(Pending::new(Arc::clone(self), Box::new(question)))
    }

    /// Answers what was asked.
    fn answer(&self, question: &Question) -> Answer {
        let answer = guard("answering the page", || {
            fault("answering", &question.rest);
            self.route(question)
        });
        let answer = answer.unwrap_or_else(|| {
            error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the toolbar panicked; internal_errors in api/requests says where",
            )
        });
        answer::finish(answer, &question.method)
    }

    fn route(&self, question: &Question) -> Answer {
        const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");
        match question.method {
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
        let query = question.uri.query().unwrap_or_default();
        let rest = &*question.rest;
        let content = match rest.strip_prefix("/api/") {
            Some("requests") => self.list(query),
            Some(path) => match path.split_once('/') {
                Some(("requests", id)) => self.one(id, |held| Content::json(detail::detail(self, held))),
                Some(("bar", id)) => self.one(id, |held| Content::json(json::parts(&list::bar(held)))),
                _ => Err(ErrorAnswer(
                    StatusCode::NOT_FOUND,
                    "there is api/requests, api/requests/{id} and api/bar/{id}".into(),
                )),
            },
            None => return self.page(rest, question),
        };
        content.map_or_else(Answer::from, |content| content.answer(&question.headers))
    }

    /// A file of the page; or where to go, without the token in the address, and with the slash at the page's own,
    /// since the page's addresses are relative.
    fn page(&self, rest: &str, question: &Question) -> Answer {
        let (uri, query) = (&question.uri, question.uri.query().unwrap_or_default());
        let Some(token) = self.access.token_in_address(uri) else {
            return match rest {
                "" => self.redirect(StatusCode::PERMANENT_REDIRECT, "/", query),
                rest => assets::answer(rest, query, &question.headers),
            };
        };
        let rest = if rest.is_empty() { "/" } else { rest };
        let others: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("token=")).collect();
        let mut answer = self.redirect(StatusCode::SEE_OTHER, rest, &others.join("&"));
        if token.is_in(uri) {
            for cookie in token.cookies(&self.path, is_https(uri, &question.headers)) {
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

    fn list(&self, query: &str) -> Result<Content, ErrorAnswer> {
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
            (Err(message), _) | (_, Err(message)) => {
                return Err(ErrorAnswer(StatusCode::BAD_REQUEST, message.into()));
            }
        };
        let limit =
            limit.map_or(DEFAULT_LIMIT, |limit| usize::try_from(limit).unwrap_or(MAX_LIMIT).min(MAX_LIMIT));
        Content::json(json::parts(&list::list(self, before, limit)))
    }

    /// What there is to say of the request with this id.
    fn one(
        &self,
        id: &str,
        say: impl FnOnce(&Held) -> Result<Content, ErrorAnswer>,
    ) -> Result<Content, ErrorAnswer> {
        let Some(id) = Some(id).filter(|id| id.len() == 16).and_then(|id| SpanId::from_hex(id).ok()) else {
            return Err(ErrorAnswer(
                StatusCode::BAD_REQUEST,
                "a request's id has 16 hexadecimal digits".into(),
            ));
        };
        match self.store.request(id) {
            Some(held) => say(&held),
            None => Err(ErrorAnswer(
                StatusCode::NOT_FOUND,
                "no request with this id is held; it is not finished yet, or has made room for newer ones"
                    .into(),
            )),
        }
    }
}
