use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::trace::TraceId;
use otelbar_config::{OpenTelemetryConfig, TraceLink};
use otelbar_export::{DestinationInfo, Pipeline, Statistics, TraceDelivery};

use super::background::Background;
use super::deliveries::Deliveries;
use super::export_state::ExportState;
use super::links::Links;
use super::unsettled::Unsettled;
use crate::record::{Queue, RequestContext, Store, Waiting};

/// How long dropping it may take, for spans that are still to be exported.
const DROP_GRACE: Duration = Duration::from_secs(1);

/// The export of a toolbar's requests, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Exports {
    config: Arc<OpenTelemetryConfig>,
    exporter: Option<Pipeline>,
    /// Where the exporter sends spans.
    destinations: Vec<DestinationInfo>,
    links: Links,
    deliveries: Arc<Deliveries>,
    background: Background,
    /// What a shutdown has left.
    unsettled: Mutex<Option<Unsettled>>,
}

impl Exports {
    /// Begins to export the requests that end.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub(crate) fn start(
        config: Arc<OpenTelemetryConfig>,
        queue: (Queue<Arc<RequestContext>>, Waiting<Arc<RequestContext>>),
        store: Arc<Store>,
        exporter: Option<Pipeline>,
    ) -> io::Result<Self> {
        let destinations: Vec<_> = exporter.iter().flat_map(Pipeline::destinations).cloned().collect();
        let deliveries = Arc::new(Deliveries::new(destinations.len()));
        if let Some(exporter) = &exporter {
            let deliveries = Arc::downgrade(&deliveries);
            exporter.subscribe(move |receipt| {
                if let Some(deliveries) = deliveries.upgrade() {
                    deliveries.receive(receipt);
                }
            });
        }
        let background = Background::start(queue, store, exporter.clone(), Arc::clone(&deliveries))?;
        Ok(Exports {
            links: Links::new(&config, &destinations),
            config,
            exporter,
            destinations,
            deliveries,
            background,
            unsettled: Mutex::default(),
        })
    }

    /// What each destination has done so far; empty where nothing is exported.
    pub(crate) fn statistics(&self) -> Vec<Statistics> {
        self.exporter.as_ref().map(Pipeline::statistics).unwrap_or_default()
    }

    /// How far a request's spans have come on the way to the destination where they fare worst; with that one, where
    /// there are several.
    pub(crate) fn worst(&self, request: &RequestContext) -> (ExportState, Option<&DestinationInfo>) {
        if self.exporter.is_none() {
            return (ExportState::Disabled, None);
        }
        if !request.span_context.is_sampled() {
            return (ExportState::NotSampled, None);
        }
        let known = self.at_each(request).filter_map(|(destination, at)| Some((destination, at.latest()?)));
        // Of several that are as bad the first.
        let worst = known.rev().max_by_key(|(_, latest)| latest.state());
        let (destination, latest) = worst.unzip();
        (latest.into(), destination.filter(|_| self.destinations.len() > 1))
    }

    /// What became of a request's spans on the way to each destination; nothing for one that is not exported.
    pub(crate) fn at_each(
        &self,
        request: &RequestContext,
    ) -> impl DoubleEndedIterator<Item = (&DestinationInfo, TraceDelivery)> {
        let exported = self.exporter.is_some() && request.span_context.is_sampled();
        let at_each = if exported { self.deliveries.of(request.id()) } else { Vec::new() };
        self.destinations.iter().zip(at_each)
    }

    /// Where a trace can be looked at, each with the destinations by which it comes there.
    pub(crate) fn links(&self, trace_id: TraceId) -> impl Iterator<Item = (TraceLink, &[DestinationInfo])> {
        self.links.of(&self.config, trace_id)
    }

    /// Exports what has ended, and waits for the backends' answers at most so long.
    pub(crate) fn flush(&self, within: Duration) -> Result<(), Unsettled> {
        let started = Instant::now();
        let enqueued = self.background.flush(within);
        let left = within.saturating_sub(started.elapsed());
        let export = self.exporter.as_ref().and_then(|exporter| exporter.flush(left).err());
        Unsettled::of(!enqueued, export).map_or(Ok(()), Err)
    }

    /// The same, and ends the export. A second call waits for what the first did not, if it had too little time, and else
    /// tells the same.
    pub(crate) fn shutdown(&self, within: Duration) -> Result<(), Unsettled> {
        let started = Instant::now();
        let stopped = self.background.stop(within);
        let left = within.saturating_sub(started.elapsed());
        let export = self.exporter.as_ref().and_then(|exporter| exporter.shutdown(left).err());
        let mut first = self.unsettled.lock().unwrap_or_else(PoisonError::into_inner);
        // What was enqueued too late is lost, whatever a further call finds.
        if let Some(unsettled) = Unsettled::of(!stopped, export) {
            first.get_or_insert(unsettled);
        }
        first.clone().map_or(Ok(()), Err)
    }
}

impl Drop for Exports {
    fn drop(&mut self) {
        // Nobody is there to be told.
        let _ = self.shutdown(DROP_GRACE);
    }
}
