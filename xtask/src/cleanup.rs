//! What has to be undone when this program ends, however it ends.
//!
//! Whatever outlives a program by itself (another program, a container, a folder) is made by [`make`], together with
//! the action that undoes it. The action runs when its [`Cleanup`] is dropped, which success, failure and panic all
//! do; or, after an interrupt, from the thread that takes the signal, last made first undone.

use std::{
    collections::BTreeMap,
    process,
    sync::{Mutex, MutexGuard, Once, PoisonError},
};

use crate::failure::Failure;

/// What a shell expects of a program that an interrupt ended: 128 and the signal's number.
const INTERRUPTED: i32 = 130;

static PENDING: Mutex<Pending> = Mutex::new(Pending { made: 0, actions: BTreeMap::new() });

struct Pending {
    made: u64,
    actions: BTreeMap<u64, Box<dyn FnOnce() + Send>>,
}

/// Undoes something when it is dropped.
#[must_use = "dropped at once, it undoes at once"]
pub(crate) struct Cleanup {
    id: u64,
}

/// Makes something, and gives the action that undoes it. An interrupt waits until both are there; so `make` is to be
/// quick, and must not make another thing in this way. Nor must the action.
pub(crate) fn make<T, U>(make: impl FnOnce() -> Result<(T, U), Failure>) -> Result<(T, Cleanup), Failure>
where
    U: FnOnce() + Send + 'static,
{
    let mut pending = pending();
    let (made, undo) = make()?;
    pending.made += 1;
    let id = pending.made;
    pending.actions.insert(id, Box::new(undo));
    Ok((made, Cleanup { id }))
}

/// From now on SIGINT, SIGTERM and SIGHUP undo all that is pending, and end this program.
pub(crate) fn on_interrupt() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let handler = || {
            eprintln!("\ninterrupted: stopping what was started");
            // Held to the end: what the other threads are about to make or undo has to wait.
            let mut pending = pending();
            undo_all(&mut pending);
            process::exit(INTERRUPTED);
        };
        if let Err(error) = ctrlc::set_handler(handler) {
            eprintln!("warning: an interrupt will leave what was started behind: {error}");
        }
    });
}

impl Cleanup {
    /// Leaves what was made as it is.
    pub(crate) fn keep(self) {
        pending().actions.remove(&self.id);
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        // Under the lock, so that an interrupt does not end the program in the middle of it.
        let mut pending = pending();
        if let Some(undo) = pending.actions.remove(&self.id) {
            undo();
        }
    }
}

fn undo_all(pending: &mut Pending) {
    while let Some((_, undo)) = pending.actions.pop_last() {
        undo();
    }
}

fn pending() -> MutexGuard<'static, Pending> {
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn what_was_made_is_undone_once_when_dropped_and_not_when_kept() {
        let undone = Arc::new(Mutex::new(Vec::new()));
        let make_one = |name: &'static str| {
            let undone = Arc::clone(&undone);
            make(|| Ok(((), move || undone.lock().unwrap().push(name)))).unwrap().1
        };
        let (dropped, kept) = (make_one("dropped"), make_one("kept"));
        drop(dropped);
        kept.keep();
        assert_eq!(*undone.lock().unwrap(), ["dropped"]);
    }

    #[test]
    fn a_panic_undoes_as_well() {
        let undone = Arc::new(Mutex::new(false));
        let inner = Arc::clone(&undone);
        let panicked = std::panic::catch_unwind(move || {
            let _made = make(|| Ok(((), move || *inner.lock().unwrap() = true))).unwrap();
            panic!("as it should");
        });
        assert!(panicked.is_err() && *undone.lock().unwrap());
    }

    #[test]
    fn an_interrupt_undoes_the_last_first() {
        let undone = Arc::new(Mutex::new(Vec::new()));
        let mut pending = Pending { made: 2, actions: BTreeMap::new() };
        for id in 1..=2 {
            let undone = Arc::clone(&undone);
            pending.actions.insert(id, Box::new(move || undone.lock().unwrap().push(id)));
        }
        undo_all(&mut pending);
        assert_eq!(*undone.lock().unwrap(), [2, 1]);
    }

    #[test]
    fn what_could_not_be_made_leaves_nothing_to_undo() {
        let failed = make::<(), fn()>(|| Err(Failure::new("no room")));
        assert_eq!(failed.err().unwrap().message(), Some("no room"));
    }
}
