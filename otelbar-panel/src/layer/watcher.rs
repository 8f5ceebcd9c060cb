use std::sync::Arc;

use http::Request;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::response;
use opentelemetry::trace::SpanId;
use otelbar_config::IpNetworks;

use super::bar::{self, Bar, Navigation, NoBarReason};
use super::start::Start;
use crate::record::{Recorder, Sink};
use crate::web::{Denied, Pages};

/// Path of the page of the request that a response answers.
const REQUEST_HEADER: HeaderName = HeaderName::from_static("otelbar-request");
/// What became of the bar in an HTML page.
const BAR_HEADER: HeaderName = HeaderName::from_static("otelbar-bar");
/// What scripts get to see of an answer's head.
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// What the layers of a toolbar share: how a request is opened, and what its answer gets.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) recorder: Arc<Recorder>,
    /// Where requests go that have ended.
    pub(crate) sink: Arc<Sink>,
    pub(crate) pages: Arc<Pages>,
    pub(crate) start: Start,
    pub(crate) trusted_proxies: IpNetworks,
    pub(crate) inject_bar: bool,
    /// Whether the queries of `sqlx` are to be recorded.
    pub(crate) wants_queries: bool,
}

impl Watcher {
    /// What of a request decides about the bar; the request gets back the validators that belong to the application.
    pub(super) fn navigation<B>(
        &self,
        access: Result<(), Denied>,
        request: &mut Request<B>,
    ) -> Result<Navigation, NoBarReason> {
        let mut navigation = access.map_err(NoBarReason::Denied).and_then(|()| Navigation::new(request));
        if self.inject_bar {
            let method = request.method().clone();
            bar::unmark_validators(&mut navigation, &method, request.headers_mut());
        }
        navigation
    }

    /// What becomes of the bar in an answer.
    pub(super) fn bar(
        &self,
        navigation: &Result<Navigation, NoBarReason>,
        id: SpanId,
        head: &response::Parts,
    ) -> Bar {
        match self.inject_bar {
            true => bar::decide(navigation, head, &self.pages.path, id),
            false => Bar::None,
        }
    }

    /// Tells a caller who may see it where the request is shown, and what became of the bar; others are told nothing.
    pub(super) fn announce(&self, headers: &mut HeaderMap, id: SpanId, bar: &Bar, may_see: bool) {
        if !may_see {
            // Nobody sees the bar then, and the developer may not know why.
            if let Bar::Left(NoBarReason::Denied(denied @ Denied::PeerUnknown)) = bar {
                self.pages.access.tell(denied);
            }
            return;
        }
        let mut add = |name: HeaderName, value: String| {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.append(name, value);
            }
        };
        add(REQUEST_HEADER, format!("{}/#/requests/{id}", self.pages.path));
        // Where a page comes out of the browser's cache, the bar reads the request's id from here.
        add(SERVER_TIMING, format!("otelbar;desc=\"{id}\""));
        match bar {
            Bar::None => {}
            Bar::Added(_) => add(BAR_HEADER, "added".to_owned()),
            Bar::Left(reason) => add(BAR_HEADER, format!("left out; {reason}")),
        }
    }
}
