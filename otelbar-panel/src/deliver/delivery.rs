use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use otelbar_export::{
    Delivery as Stage, DestinationInfo, DropReason, Dropped, EnqueueId, Receipt, SpanCounts,
};

/// What became of a request's spans on their way to each destination, by the exporter's receipts.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Spans given to the exporter so far: at the request's end, and what ended after it.
    handed_over: u64,
    /// Those of them that no destination took, and why. Of some the exporter tells so by a receipt as well.
    refused: u64,
    refusal: Option<Progress>,
    /// What is known of each destination that has told of some.
    records: Vec<Record>,
}

/// What one destination has told.
#[derive(Debug)]
struct Record {
    /// The destination's place.
    index: usize,
    under_way: Vec<UnderWay>,
    /// The sum of those that are not.
    settled: SpanCounts,
    /// The worst end of these.
    worst: Option<Progress>,
}

/// A hand-over some of whose spans are on their way.
#[derive(Debug)]
struct UnderWay {
    id: EnqueueId,
    spans: SpanCounts,
    progress: Progress,
}

/// How far the spans have come, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    Disabled,
    NotSampled,
    Accepted,
    /// Recorded, and not yet handed to the exporter.
    Pending,
    Queued,
    InFlight,
    /// On disk until the backend takes them.
    Spooled,
    Retrying,
    /// The backend rejected some.
    Partial,
    /// Given up for no fault of the backend's answer.
    Dropped,
    /// Refused for good, or tried until they were too old.
    Failed,
}

impl State {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            State::Disabled => "disabled",
            State::NotSampled => "not_sampled",
            State::Accepted => "accepted",
            State::Pending => "pending",
            State::Queued => "queued",
            State::InFlight => "in_flight",
            State::Spooled => "spooled",
            State::Retrying => "retrying",
            State::Partial => "partial",
            State::Dropped => "dropped",
            State::Failed => "failed",
        }
    }
}

/// A state, and what more there is to say.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    pub(crate) state: State,
    /// The receiver's own words, or why.
    pub(crate) detail: Option<String>,
    /// Attempts made, the one under way counted.
    pub(crate) attempt: Option<u32>,
    /// When the next will be made.
    pub(crate) next: Option<SystemTime>,
}

/// How far the spans have come on the way to one destination.
#[derive(Clone, Debug)]
pub(crate) struct AtDestination {
    /// The worst of what is under way and of what has ended.
    pub(crate) worst: Progress,
    pub(crate) spans: SpanCounts,
    /// Whether nothing changes any more, unless the request records more.
    pub(crate) settled: bool,
}

impl Delivery {
    /// Spans are about to be enqueued; its receipts may come at once.
    pub(crate) fn enqueue(&self, spans: u64) {
        self.lock().handed_over += spans;
    }

    /// The exporter has taken none of the spans handed over, for any destination.
    pub(crate) fn refused(&self, dropped: &Dropped) {
        let mut inner = self.lock();
        inner.refused += dropped.spans;
        inner.refusal = Some(Progress::new(&Stage::Dropped { reason: dropped.reason.clone() }));
    }

    /// A fault of the toolbar's own has kept spans from being handed over: how many is not known, so it counts as one.
    pub(crate) fn lost(&self, reason: &str) {
        let mut inner = self.lock();
        inner.handed_over += 1;
        inner.refused += 1;
        let detail = Some(format!("otelbar panicked: {reason}; please report this as a bug"));
        inner.refusal = Some(Progress { detail, ..Progress::from(State::Failed) });
    }

    pub(crate) fn receive(&self, receipt: &Receipt) {
        self.note(receipt.destination.index, receipt.id, receipt.spans, &receipt.delivery);
    }

    /// The destination at this place has told of a hand-over.
    fn note(&self, index: usize, id: EnqueueId, spans: SpanCounts, stage: &Stage) {
        let mut inner = self.lock();
        let place = inner.records.iter().position(|record| record.index == index).unwrap_or_else(|| {
            inner.records.push(Record::new(index));
            inner.records.len() - 1
        });
        inner.records[place].receive(UnderWay { id, spans, progress: Progress::new(stage) });
    }

    /// How far it is with this destination.
    pub(crate) fn at(&self, destination: &DestinationInfo) -> AtDestination {
        self.lock().at(destination)
    }

    /// The state of the worst of these destinations, with its name where there are several.
    pub(crate) fn overall(&self, destinations: &[DestinationInfo]) -> Progress {
        let inner = self.lock();
        let mut overall: Option<Progress> = None;
        for destination in destinations {
            let mut here = inner.at(destination).worst;
            if destinations.len() > 1 {
                here.detail = here.detail.map(|detail| format!("{}: {detail}", destination.kind));
            }
            if overall.as_ref().is_none_or(|worst| worst.state < here.state) {
                overall = Some(here);
            }
        }
        overall.unwrap_or(State::Pending.into())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn at(&self, destination: &DestinationInfo) -> AtDestination {
        let record = self.records.iter().find(|record| record.index == destination.index);
        let mut spans = record.map(|record| record.settled).unwrap_or_default();
        let mut worst = record.and_then(|record| record.worst.clone());
        for hand_over in record.into_iter().flat_map(|record| &record.under_way) {
            spans += hand_over.spans;
            worst = Progress::worse(worst, hand_over.progress.clone());
        }
        // The exporter sends no receipt for what it has just taken into its queue, nor for all that it refuses.
        let untold = self.handed_over.saturating_sub(spans.total());
        let refused = self.refused.min(untold);
        let queued = untold - refused;
        spans.queued += queued;
        spans.dropped += refused;
        if queued > 0 {
            worst = Progress::worse(worst, State::Queued.into());
        }
        if let Some(refusal) = self.refusal.clone().filter(|_| refused > 0) {
            worst = Progress::worse(worst, refusal);
        }
        AtDestination {
            settled: spans.total() > 0 && spans.is_settled(),
            worst: worst.unwrap_or(State::Pending.into()),
            spans,
        }
    }
}

impl Record {
    fn new(index: usize) -> Self {
        Record { index, under_way: Vec::new(), settled: SpanCounts::default(), worst: None }
    }

    fn receive(&mut self, told: UnderWay) {
        self.under_way.retain(|before| before.id != told.id);
        if !told.spans.is_settled() {
            self.under_way.push(told);
        } else {
            self.settled += told.spans;
            self.worst = Progress::worse(self.worst.take(), told.progress);
        }
    }
}

impl Progress {
    fn new(stage: &Stage) -> Self {
        let said = |state: State, detail: &dyn ToString| Progress {
            detail: Some(detail.to_string()),
            ..Progress::from(state)
        };
        match stage {
            Stage::Queued => State::Queued.into(),
            Stage::InFlight { attempt } => {
                Progress { attempt: Some(*attempt), ..Progress::from(State::InFlight) }
            }
            Stage::Retrying { attempt, error, next } => {
                Progress { attempt: Some(*attempt), next: Some(*next), ..said(State::Retrying, error) }
            }
            Stage::Spooled => State::Spooled.into(),
            Stage::Accepted { warning: None } => State::Accepted.into(),
            Stage::Accepted { warning: Some(warning) } => said(State::Accepted, warning),
            partly @ Stage::PartlyRejected { .. } => said(State::Partial, partly),
            Stage::Dropped { reason: reason @ DropReason::Expired { attempts, .. } } => {
                Progress { attempt: Some(*attempts), ..said(State::Failed, reason) }
            }
            Stage::Dropped {
                reason: reason @ (DropReason::NotRetryable { .. } | DropReason::Panicked { .. }),
            } => said(State::Failed, reason),
            Stage::Dropped { reason } => said(State::Dropped, reason),
            // A stage that is not known here is on its way, since nothing says how it ended.
            other => said(State::Queued, other),
        }
    }

    /// The worse of two; of two in the same state the later.
    fn worse(before: Option<Progress>, now: Progress) -> Option<Progress> {
        match before {
            Some(before) if before.state > now.state => Some(before),
            _ => Some(now),
        }
    }
}

impl From<State> for Progress {
    fn from(state: State) -> Self {
        Progress { state, detail: None, attempt: None, next: None }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::trace::SpanData;
    use otelbar_export::{Destination, Pipeline, TraceBatch, TraceKey};

    use super::*;
    use crate::record::{Outcome, Queue, test_context};

    /// An exporter with two destinations, which sends nothing: it is asked for names and ids alone.
    fn exporter() -> Pipeline {
        let (zipkin, console) =
            (Destination::zipkin("http://127.0.0.1:9/api/v2/spans"), Destination::console());
        Pipeline::builder().with_destination(zipkin).with_destination(console).build().unwrap()
    }

    fn destinations(exporter: &Pipeline) -> Vec<DestinationInfo> {
        exporter.destinations().cloned().collect()
    }

    fn id(exporter: &Pipeline) -> EnqueueId {
        exporter.enqueue(batch(Vec::new())).unwrap()
    }

    fn batch(spans: Vec<SpanData>) -> TraceBatch {
        TraceBatch::new(TraceKey(1), Resource::builder_empty().build(), spans)
    }

    fn spans(count: impl FnOnce(&mut SpanCounts)) -> SpanCounts {
        let mut spans = SpanCounts::default();
        count(&mut spans);
        spans
    }

    const ACCEPTED: Stage = Stage::Accepted { warning: None };
    const SHUT_DOWN: Stage = Stage::Dropped { reason: DropReason::ShutDown };

    /// The receipts of one hand-over of ten spans, one after the other; with the state after the last.
    #[track_caller]
    fn check(stages: &[(SpanCounts, Stage)], state: State, detail: Option<&str>, settled: bool) {
        let exporter = exporter();
        let destination = &destinations(&exporter)[0];
        let delivery = Delivery::default();
        delivery.enqueue(10);
        let id = id(&exporter);
        for (spans, stage) in stages {
            delivery.note(0, id, *spans, stage);
        }
        let at = delivery.at(destination);
        assert_eq!((at.worst.state, at.worst.detail.as_deref(), at.settled), (state, detail, settled));
        assert_eq!(at.spans.total(), 10, "each span is counted once");
    }

    #[test]
    fn the_latest_receipt_of_a_hand_over_counts() {
        let in_flight = (spans(|s| s.in_flight = 10), Stage::InFlight { attempt: 2 });
        let spooled = (spans(|s| s.spooled = 10), Stage::Spooled);
        let accepted = (spans(|s| s.accepted = 10), ACCEPTED);
        let warned = Stage::Accepted { warning: Some("mind the gap".into()) };
        let rejected = Stage::PartlyRejected { rejected: 3, of: 10, message: "too old".into() };
        let full = DropReason::QueueFull { spans: 1, bytes: 2 };
        check(&[], State::Queued, None, false);
        check(std::slice::from_ref(&in_flight), State::InFlight, None, false);
        check(&[in_flight.clone(), spooled.clone()], State::Spooled, None, false);
        check(&[in_flight.clone(), spooled, in_flight.clone(), accepted], State::Accepted, None, true);
        check(&[(spans(|s| s.accepted = 10), warned)], State::Accepted, Some("mind the gap"), true);
        check(
            &[in_flight, (spans(|s| (s.accepted, s.rejected) = (7, 3)), rejected)],
            State::Partial,
            Some("3 of 10 spans of the request rejected: too old"),
            true,
        );
        check(
            &[(spans(|s| s.dropped = 10), Stage::Dropped { reason: full.clone() })],
            State::Dropped,
            Some(&full.to_string()),
            true,
        );
    }

    #[test]
    fn of_several_hand_overs_the_worst_counts_and_all_are_summed() {
        let exporter = exporter();
        let destination = &destinations(&exporter)[0];
        let delivery = Delivery::default();
        assert_eq!(delivery.at(destination).worst.state, State::Pending);
        delivery.enqueue(3);
        delivery.note(0, id(&exporter), spans(|s| s.accepted = 3), &ACCEPTED);
        assert_eq!(delivery.at(destination).worst.state, State::Accepted);

        delivery.enqueue(2);
        let at = delivery.at(destination);
        assert_eq!((at.worst.state, at.settled), (State::Queued, false), "more has been recorded");
        delivery.note(0, id(&exporter), spans(|s| s.dropped = 2), &SHUT_DOWN);
        let at = delivery.at(destination);
        assert_eq!((at.worst.state, at.settled), (State::Dropped, true));
        assert_eq!((at.spans.total(), at.spans.accepted, at.spans.dropped), (5, 3, 2));
    }

    #[test]
    fn a_refusal_counts_once_whether_or_not_a_receipt_tells_of_it_too() {
        let exporter = exporter();
        let destination = &destinations(&exporter)[0];
        let delivery = Delivery::default();
        exporter.shutdown(std::time::Duration::ZERO).unwrap();
        let request = test_context(Queue::new(usize::MAX).0);
        request.finish(Outcome::Completed);
        let dropped = exporter.enqueue(batch(request.take_unexported())).unwrap_err();
        delivery.enqueue(1);
        delivery.refused(&dropped);
        let at = delivery.at(destination);
        assert_eq!((at.worst.state, at.settled, at.spans.dropped), (State::Dropped, true, 1));
        let closed = Stage::Dropped { reason: DropReason::Closed };
        delivery.note(0, dropped.id, spans(|s| s.dropped = 1), &closed);
        let at = delivery.at(destination);
        assert_eq!((at.worst.state, at.settled, at.spans.dropped), (State::Dropped, true, 1));
    }

    #[test]
    fn each_destination_has_a_state_of_its_own_and_the_worst_is_named() {
        let exporter = exporter();
        let destinations = destinations(&exporter);
        let delivery = Delivery::default();
        delivery.enqueue(2);
        let id = id(&exporter);
        delivery.note(1, id, spans(|s| s.accepted = 2), &ACCEPTED);
        assert_eq!(delivery.at(&destinations[0]).worst.state, State::Queued);
        assert_eq!(delivery.at(&destinations[1]).worst.state, State::Accepted);
        assert_eq!(delivery.overall(&destinations).state, State::Queued);
        delivery.note(0, id, spans(|s| s.dropped = 2), &SHUT_DOWN);
        let overall = delivery.overall(&destinations);
        assert_eq!(overall.state, State::Dropped);
        assert_eq!(
            overall.detail.as_deref(),
            Some("zipkin: the pipeline was shut down before they were sent")
        );
    }
}
