use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

/// Something of a record that could not be used. It names no values, for they may be secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unused {
    /// Where it stands, such as `panel_data.SQLAlchemyPanel.queries[3].duration`; empty for the record as a whole.
    pub path: String,
    /// Why it was not used.
    pub reason: Cow<'static, str>,
}

impl fmt::Display for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.path {
            "" => write!(f, "the record: {}", self.reason),
            path => write!(f, "{path}: {}", self.reason),
        }
    }
}

/// Collects what cannot be used; the first hundred, and how many more.
#[derive(Default)]
pub(super) struct Losses {
    unused: RefCell<Vec<Unused>>,
    more: std::cell::Cell<usize>,
}

impl Losses {
    const KEPT: usize = 100;

    pub(super) fn add(&self, path: impl fmt::Display, reason: impl Into<Cow<'static, str>>) {
        let mut unused = self.unused.borrow_mut();
        if unused.len() < Self::KEPT {
            unused.push(Unused { path: path.to_string(), reason: reason.into() });
        } else {
            self.more.set(self.more.get() + 1);
        }
    }

    pub(super) fn into_parts(self) -> (Vec<Unused>, usize) {
        (self.unused.into_inner(), self.more.get())
    }
}
