//! The faults still to be made.

use std::collections::VecDeque;

use super::fault::Fault;
use super::stage::{Ending, Stage};

#[derive(Debug, Default)]
pub(super) struct Script {
    next: VecDeque<Fault>,
    always: Option<Fault>,
}

impl Script {
    pub(super) fn line_up(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.next.extend(faults);
    }

    pub(super) fn always(&mut self, fault: Fault) {
        self.always = Some(fault);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// For a request that was read whole.
    pub(super) fn take(&mut self) -> Fault {
        self.next.pop_front().or_else(|| self.always.clone()).unwrap_or(Fault::Accept)
    }

    /// For a connection that was opened.
    pub(super) fn take_for_connection(&mut self) -> Option<Ending> {
        self.take_at(|stage| stage == Stage::Accept).map(|(_, ending)| ending)
    }

    /// For a request whose head was read. The connection may be one that was there before the script was written, so
    /// what is meant for a new one ends it here.
    pub(super) fn take_for_head(&mut self) -> Option<(Stage, Ending)> {
        self.take_at(Stage::is_early)
    }

    /// The next fault, if it strikes at such a stage.
    fn take_at(&mut self, wanted: impl Fn(Stage) -> bool) -> Option<(Stage, Ending)> {
        let (stage, ending) = self.next.front().or(self.always.as_ref())?.breaks_off()?;
        wanted(stage).then(|| {
            self.next.pop_front();
            (stage, ending)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_a_connection_is_met_by_whichever_comes_first() {
        let on_accept = Fault::At(Stage::Accept, Ending::Reset);
        let mut script = Script::default();
        script.line_up([on_accept.clone(), Fault::status(503), on_accept.clone(), on_accept]);
        assert_eq!(script.take_for_connection(), Some(Ending::Reset));
        assert_eq!(script.take_for_connection(), None, "a 503 is next");
        assert_eq!(script.take_for_head(), None, "the request is read whole for it");
        assert_eq!(script.take(), Fault::status(503));
        assert_eq!(script.take_for_head(), Some((Stage::Accept, Ending::Reset)));
        assert_eq!(script.take(), Fault::At(Stage::Accept, Ending::Reset));
        assert_eq!(script.take(), Fault::Accept);
    }

    #[test]
    fn a_fault_for_always_stays_behind_those_lined_up() {
        let mut script = Script::default();
        script.always(Fault::At(Stage::Accept, Ending::Close));
        script.line_up([Fault::Accept]);
        assert_eq!(script.take_for_connection(), None);
        assert_eq!(script.take(), Fault::Accept);
        assert_eq!(script.take_for_connection(), Some(Ending::Close));
        assert_eq!(script.take_for_connection(), Some(Ending::Close));
        script.clear();
        assert_eq!(script.take_for_connection(), None);
    }
}
