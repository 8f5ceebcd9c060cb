//! Who is told about receipts.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock};

use crate::Receipt;

type Subscriber = Arc<dyn Fn(&Receipt) + Send + Sync>;

/// The subscribers of a pipeline.
#[derive(Default)]
pub(crate) struct Subscribers {
    list: RwLock<Vec<Subscriber>>,
}

impl Subscribers {
    pub(crate) fn add(&self, subscriber: impl Fn(&Receipt) + Send + Sync + 'static) {
        self.list.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(subscriber));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Tells all. One that panics is not told again; the pipeline goes on.
    pub(crate) fn tell(&self, receipts: &[Receipt]) {
        // Called without the lock, so that a subscriber may subscribe another.
        let subscribers = self.list.read().unwrap_or_else(PoisonError::into_inner).clone();
        for subscriber in subscribers {
            let told =
                catch_unwind(AssertUnwindSafe(|| receipts.iter().for_each(|receipt| subscriber(receipt))));
            if told.is_err() {
                let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
                list.retain(|known| !Arc::ptr_eq(known, &subscriber));
            }
        }
    }
}

impl fmt::Debug for Subscribers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.list.read().unwrap_or_else(PoisonError::into_inner).len();
        f.debug_struct("Subscribers").field("count", &count).finish()
    }
}
