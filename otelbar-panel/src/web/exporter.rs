//! How the exporter does, and what became of one request's spans on the way to its destinations.

use otelbar_config::TraceLink;
use otelbar_export::{
    BreakerState, Delivery, DeliveryState, DestinationInfo, DestinationKind, Health, PauseReason, SpanCounts,
    Statistics, TraceDelivery,
};

use super::json::unix_ns;
use super::{Pages, json};
use crate::deliver::ExportState;
use crate::record::RequestContext;

/// The exporter as a whole, and each of its destinations; `None` where nothing is exported.
pub(super) fn exporter(pages: &Pages) -> Option<json::Exporter> {
    let accounts = pages.exports.statistics();
    // Of several that are as bad the first.
    let worst = accounts.iter().rev().max_by_key(|account| account.health)?;
    let spans: SpanCounts = accounts.iter().map(|account| account.spans).sum();
    Some(json::Exporter {
        endpoint: worst.destination.to_string(),
        health: health(worst.health),
        queued: spans.queued + spans.in_flight,
        spooled: spans.spooled,
        accepted: spans.accepted,
        rejected: spans.rejected,
        dropped: spans.dropped,
        last_error: match worst.health {
            Health::Rejecting => worst.last_message.as_ref().map(|message| without_secrets(pages, message)),
            _ => worst.last_error.as_ref().map(|last| without_secrets(pages, &last.error)),
        },
        pause: pause(worst),
        destinations: accounts.iter().map(|account| destination(pages, account)).collect(),
    })
}

/// What a receiver says may repeat what it was sent.
fn without_secrets(pages: &Pages, said: &dyn std::fmt::Display) -> String {
    pages.recorder.redactor.cleaned(said.to_string()).into_owned()
}

fn destination(pages: &Pages, account: &Statistics) -> json::Destination {
    let dropped = &account.dropped;
    json::Destination {
        name: account.destination.kind.as_str(),
        protocol: match account.destination.kind {
            DestinationKind::Otlp(protocol) => Some(protocol.to_string()),
            _ => None,
        },
        endpoint: account.destination.to_string(),
        health: health(account.health),
        breaker: breaker(account),
        pause: pause(account),
        enqueued: account.enqueued,
        recovered: account.recovered,
        queued: account.spans.queued,
        queued_bytes: account.queued_bytes,
        in_flight: account.spans.in_flight,
        spooled: account.spans.spooled,
        spooled_bytes: account.spooled_bytes,
        accepted: account.spans.accepted,
        rejected: account.spans.rejected,
        dropped: json::DropCounts {
            total: dropped.total(),
            queue_full: dropped.queue_full,
            shut_down: dropped.shut_down,
            closed: dropped.closed,
            not_retryable: dropped.not_retryable,
            expired: dropped.expired,
            too_large: dropped.too_large,
            invalid_id: dropped.invalid_id,
            spool_full: dropped.spool_full,
            spool_damaged: dropped.spool_damaged,
            panicked: dropped.panicked,
        },
        requests: account.requests,
        last_error: account.last_error.as_ref().map(|last| json::LastError {
            at_unix_ns: unix_ns(last.at),
            message: without_secrets(pages, &last.error),
        }),
        last_message: account.last_message.as_ref().map(|message| without_secrets(pages, message)),
    }
}

fn breaker(account: &Statistics) -> json::Breaker {
    json::Breaker {
        state: match account.breaker {
            BreakerState::Open => "open",
            BreakerState::HalfOpen => "half_open",
            _ => "closed",
        },
        until_unix_ns: account.open_until.map(unix_ns),
    }
}

fn pause(account: &Statistics) -> Option<json::Pause> {
    account.pause.map(|pause| json::Pause {
        until_unix_ns: unix_ns(pause.until),
        reason: match pause.reason {
            PauseReason::RetryAfter => "retry_after",
            PauseReason::Breaker => "breaker",
            _ => "backoff",
        },
    })
}

fn health(health: Health) -> &'static str {
    match health {
        Health::Healthy => "healthy",
        Health::Rejecting => "rejecting",
        Health::Failing => "failing",
        Health::Waiting => "waiting",
        _ => "idle",
    }
}

/// How far a request's spans have come, all in all.
pub(super) fn export(pages: &Pages, context: &RequestContext) -> json::Export {
    let (state, at) = pages.exports.worst(context);
    let detail = detail(pages, &state).map(|detail| match at {
        Some(destination) => format!("{}: {detail}", destination.kind),
        None => detail,
    });
    json::Export { state: state.as_str(), detail }
}

/// How far a request's spans have come on the way to each destination.
pub(super) fn deliveries(pages: &Pages, context: &RequestContext) -> Vec<json::Delivery> {
    let delivery = |(destination, at): (&DestinationInfo, TraceDelivery)| {
        let state = ExportState::from(at.latest());
        json::Delivery {
            destination: destination.kind.as_str(),
            endpoint: destination.to_string(),
            state: state.as_str(),
            detail: detail(pages, &state),
            attempt: state.delivery().and_then(Delivery::attempts),
            next_unix_ns: state.delivery().and_then(Delivery::next_attempt).map(unix_ns),
            settled: at.is_settled(),
            spans: span_counts(&at.spans()),
        }
    };
    pages.exports.at_each(context).map(delivery).collect()
}

fn detail(pages: &Pages, state: &ExportState) -> Option<String> {
    state.delivery()?.detail().map(|detail| without_secrets(pages, &detail))
}

fn span_counts(spans: &SpanCounts) -> json::SpanCounts {
    json::SpanCounts {
        enqueued: spans.total(),
        queued: spans.queued,
        in_flight: spans.in_flight,
        spooled: spans.spooled,
        accepted: spans.accepted,
        rejected: spans.rejected,
        undetermined: spans.undetermined,
        dropped: spans.dropped,
    }
}

/// Where a request's trace can be looked at, each link ready once what leads there has acknowledged the trace.
pub(super) fn links(pages: &Pages, context: &RequestContext) -> Vec<json::Link> {
    let is_accepted =
        |at: TraceDelivery| at.latest().map(|latest| latest.state()) == Some(DeliveryState::Accepted);
    let accepted: Vec<_> = pages.exports.at_each(context).map(|(_, at)| is_accepted(at)).collect();
    let links = pages.exports.links(context.span_context.trace_id());
    let link = |(link, via): (TraceLink, &[DestinationInfo])| {
        Some(json::Link {
            name: link.ui.as_str(),
            url: link.url,
            destination: via.first()?.kind.as_str(),
            ready: via.iter().all(|destination| accepted.get(destination.index) == Some(&true)),
        })
    };
    links.filter_map(link).collect()
}
