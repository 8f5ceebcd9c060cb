use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body::Body;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use otelbar_propagation::opentelemetry::ContextProvider;

use super::attached::Attached;
use super::bar::{self, Bar, Navigation};
use super::body_end::BodyWatch;
use super::forwarded::{Forwarded, forwarded};
use super::watcher::Watcher;
use super::{ToolbarBody, peer};
use crate::capture::{self, REQUEST_TARGET};
use crate::guard::guard;
use crate::record::{Active, Outcome, RequestContext, RequestHandle, RequestHead, Scope, ServiceInfo};

/// A request that is being worked on: its context, attached whenever the service's code runs.
#[derive(Debug)]
pub(crate) struct Watch {
    attached: Attached,
    watcher: Arc<Watcher>,
    /// What the answer needs to know of the question.
    method: Method,
    navigation: Result<Navigation, bar::NoBarReason>,
    may_see: bool,
    finished: bool,
}

impl Watch {
    pub(super) fn open<B>(
        watcher: &Arc<Watcher>,
        service: &Arc<ServiceInfo>,
        request: &mut Request<B>,
        peer: Option<SocketAddr>,
    ) -> Watch {
        let (span_context, propagation) =
            watcher.start.trace(request.headers(), &watcher.recorder, request.uri().path());
        let forwarded = forwarded(request.headers(), peer, &watcher.trusted_proxies).unwrap_or_default();
        let context = RequestContext::open(
            Arc::clone(&watcher.recorder),
            watcher.sink.clone(),
            Arc::clone(service),
            span_context.clone(),
            propagation,
            head(request, &forwarded, peer),
        );
        let otel = Context::current()
            .with_remote_span_context(span_context)
            .with_value(Active(Arc::clone(&context)))
            .with_value(ContextProvider(capture::trace_context_of));
        let span = {
            let _attached = otel.clone().attach();
            // At the level that the fewest filters hide, since spans and tasks find their request by it.
            tracing::error_span!(target: REQUEST_TARGET, "request", trace_id = %context.span_context.trace_id())
        };
        capture::request_opened(&watcher.recorder.reach, watcher.wants_queries);
        let access = watcher.pages.access.check_bar(request, peer);
        let may_see = access.is_ok();
        Watch {
            attached: Attached { context, otel, span },
            watcher: Arc::clone(watcher),
            method: request.method().clone(),
            navigation: watcher.navigation(access, request),
            may_see,
            finished: false,
        }
    }

    pub(super) fn handle(&self) -> RequestHandle {
        let context = Arc::clone(&self.attached.context);
        RequestHandle { scope: Scope { span: context.id(), context } }
    }

    pub(super) fn run<T>(&self, f: impl FnOnce() -> T) -> T {
        self.attached.run(f)
    }

    /// Notes the head of the answer, and follows its body.
    pub(super) fn respond<B: Body>(mut self, response: Response<B>) -> Response<ToolbarBody<B>> {
        let (mut head, body) = response.into_parts();
        self.finished = true;
        let context = &self.attached.context;
        let status = head.status;
        context.answered(status.as_u16());
        let head_only = self.method == Method::HEAD;
        let no_content = status.is_informational()
            || matches!(
                status,
                StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
            )
            || (self.method == Method::CONNECT && status.is_success());

        let (expected, fragment) = guard("adding to an answer", || {
            // The answer to HEAD has the head that GET has.
            let bar = match no_content {
                true => Bar::None,
                false => self.watcher.bar(&self.navigation, context.id(), &head),
            };
            let revalidated =
                status == StatusCode::NOT_MODIFIED && bar::revalidated(&self.navigation, &mut head.headers);
            self.watcher.announce(&mut head.headers, context.id(), &bar, self.may_see);
            let expected = content_length(&head.headers).or_else(|| body.size_hint().exact());
            let is_page = revalidated || !matches!(bar, Bar::None);
            if self.may_see && self.watcher.pages.access.by_token() && is_page {
                bar::keep_private(&mut head.headers);
            }
            let fragment = match bar {
                Bar::Added(fragment) => {
                    let of_get = length_of_get(&body).filter(|_| head_only);
                    if let Some(length) = of_get {
                        head.headers.entry(header::CONTENT_LENGTH).or_insert(length.into());
                    }
                    bar::lengthen(&mut head.headers, &fragment);
                    // Servers do not send it, but may hold its length against that of the head.
                    Some(fragment).filter(|_| !head_only || of_get.is_some())
                }
                Bar::None | Bar::Left(_) => None,
            };
            (expected, fragment)
        })
        .unwrap_or_default();
        let mut watch = BodyWatch::new(self.attached.clone(), expected);
        if head_only || no_content || (body.is_end_stream() && fragment.is_none()) {
            watch.completed();
        }
        Response::from_parts(head, ToolbarBody::watched(body, watch, fragment))
    }

    pub(super) fn failed(mut self, error: &'static str) {
        self.finished = true;
        self.attached.context.finish(Outcome::Failed(error));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.finished {
            self.attached.context.finish(Outcome::Cancelled);
        }
    }
}

/// What the head of a request says of it, after what the proxies in front of us have told.
fn head<'r, B>(
    request: &'r Request<B>,
    forwarded: &'r Forwarded,
    peer: Option<SocketAddr>,
) -> RequestHead<'r> {
    let uri = request.uri();
    let headers = request.headers();
    let authority =
        uri.authority().map(|authority| authority.as_str()).or_else(|| text(headers, header::HOST));
    let authority = forwarded.host.as_ref().map(|host| host.as_str()).or(authority);
    let (host, port) = authority.map(split_authority).unwrap_or_default();
    RequestHead {
        method: request.method().clone(),
        version: request.version(),
        scheme: match forwarded.scheme.or(uri.scheme_str()) {
            Some("https") => "https".into(),
            Some("http") | None => "http".into(),
            Some(other) => other.to_owned().into(),
        },
        path: uri.path(),
        query: uri.query(),
        host,
        port: forwarded.port.or(port),
        user_agent: text(headers, header::USER_AGENT),
        route: peer::route(request.extensions()),
        client: forwarded.client,
        peer,
    }
}

/// Host and port of `host`, `host:port` or `[address]:port`, without user information. Not by `http::uri::Authority`, which
/// gives no host where anything behind it is wrong, and copies the text.
fn split_authority(authority: &str) -> (Option<&str>, Option<u16>) {
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
        _ => (authority, None),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (Some(host).filter(|host| !host.is_empty()), port)
}

/// The length that the server would write itself. To HEAD it may be answered with the body that GET has, or with none, of
/// which nothing can be said.
fn length_of_get<B: Body>(body: &B) -> Option<u64> {
    body.size_hint().exact().filter(|length| *length > 0)
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    text(headers, header::CONTENT_LENGTH)?.parse().ok()
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}
