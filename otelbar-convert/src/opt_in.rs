use crate::semconv;

/// Attributes that the conventions have only where they are asked for, and that the converter has added to a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct OptIn(u8);

impl OptIn {
    fn bit(name: &str) -> u8 {
        semconv::OPT_IN.iter().position(|known| *known == name).map_or(0, |place| 1 << place)
    }

    pub(crate) fn insert(&mut self, name: &str) {
        self.0 |= Self::bit(name);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0 &= !Self::bit(name);
    }

    pub(crate) fn contains(self, name: &str) -> bool {
        self.0 & Self::bit(name) != 0
    }

    pub(crate) fn without(self, other: OptIn) -> Self {
        OptIn(self.0 & !other.0)
    }
}
