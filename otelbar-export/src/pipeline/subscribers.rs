//! Who is told about receipts.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tracing::error;

use crate::panic::caught;
use crate::pipeline::Receipt;

type Subscriber = Arc<dyn Fn(&Receipt) + Send + Sync>;

/// The subscribers of a pipeline.
#[derive(Default)]
pub(crate) struct Subscribers {
    list: RwLock<Vec<Subscriber>>,
    /// One has panicked, and the log says so.
    told: AtomicBool,
}

impl Subscribers {
    pub(crate) fn add(&self, subscriber: impl Fn(&Receipt) + Send + Sync + 'static) {
        self.list.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(subscriber));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Tells all. One that panics has lost the receipt it was told, and is told the next; gives how many were lost so.
    #[must_use]
    pub(crate) fn tell(&self, receipts: &[Receipt]) -> u64 {
        if receipts.is_empty() {
            return 0;
        }
        // Called without the lock, so that a subscriber may subscribe another.
        let subscribers = self.list.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut lost = 0;
        for subscriber in subscribers {
            for receipt in receipts {
                let Err(message) = caught(|| subscriber(receipt)) else { continue };
                lost += 1;
                if !self.told.swap(true, Ordering::Relaxed) {
                    let destination = &receipt.destination;
                    error!(
                        target: "otelbar_export",
                        %destination,
                        %message,
                        "a subscriber to receipts panicked; others like it are only counted"
                    );
                }
            }
        }
        lost
    }
}

impl fmt::Debug for Subscribers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.list.read().unwrap_or_else(PoisonError::into_inner).len();
        f.debug_struct("Subscribers").field("count", &count).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::batch::{EnqueueId, TraceKey};
    use crate::pipeline::{Delivery, SpanCounts};
    use crate::transport::{DestinationInfo, DestinationKind};

    #[test]
    fn a_subscriber_that_panics_has_lost_that_receipt_alone() {
        let receipt = |key| Receipt {
            key: TraceKey(key),
            id: EnqueueId(key),
            destination: DestinationInfo::new(0, DestinationKind::Console, "stderr"),
            spans: SpanCounts::default(),
            delivery: Delivery::Queued,
        };
        let subscribers = Subscribers::default();
        let heard = Arc::new(Mutex::new(Vec::new()));
        for faulty in [true, false] {
            let heard = Arc::clone(&heard);
            subscribers.add(move |receipt| {
                assert!(!faulty || receipt.key.0 != 2, "a fault put in by a test");
                heard.lock().unwrap().push((faulty, receipt.key.0));
            });
        }
        assert_eq!(subscribers.tell(&[receipt(1), receipt(2)]), 1);
        assert_eq!(subscribers.tell(&[receipt(3)]), 0);
        let expected = [(true, 1), (false, 1), (false, 2), (true, 3), (false, 3)];
        assert_eq!(*heard.lock().unwrap(), expected);
    }
}
