//! How large requests are made, learning from a backend that finds them too large.

use crate::encode::SizeLimit;

/// After so many requests accepted, larger ones are tried again: the limit may have been raised.
const PATIENCE: u32 = 64;

/// The size of a destination's requests. A plain state machine.
#[derive(Debug)]
pub(crate) struct RequestSize {
    most: usize,
    /// What the backend is thought to take.
    learned: usize,
    accepted_in_a_row: u32,
}

impl RequestSize {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, learned: most, accepted_in_a_row: 0 }
    }

    pub(crate) fn limit(&self) -> SizeLimit {
        SizeLimit { usual: self.learned, most: self.most }
    }

    /// Without what was learned.
    pub(crate) fn most(&self) -> SizeLimit {
        SizeLimit { usual: self.most, most: self.most }
    }

    /// The backend has found a request too large, the larger half of which has this size.
    pub(crate) fn too_large(&mut self, half: usize) {
        self.learned = self.learned.min(half).max(1);
        self.accepted_in_a_row = 0;
    }

    pub(crate) fn accepted(&mut self) {
        self.accepted_in_a_row += 1;
        if self.accepted_in_a_row >= PATIENCE {
            self.accepted_in_a_row = 0;
            self.learned = self.learned.saturating_mul(2).min(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shrinks_at_once_and_grows_again_in_time() {
        let mut size = RequestSize::new(1000);
        size.too_large(450);
        size.too_large(200);
        assert_eq!(size.limit(), SizeLimit { usual: 200, most: 1000 });
        size.too_large(450);
        assert_eq!(size.limit().usual, 200, "what a larger request was told says less");
        for grown in [200, 400, 800, 1000, 1000] {
            assert_eq!(size.limit().usual, grown);
            (0..PATIENCE).for_each(|_| size.accepted());
        }
        size.too_large(0);
        assert_eq!(size.limit().usual, 1);
    }
}
