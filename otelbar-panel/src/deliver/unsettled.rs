use std::fmt;

use otelbar_export::{Left, Unfinished};

/// What a flush or a shutdown left, its time being over.
#[derive(Clone, Debug)]
pub struct Unsettled {
    /// Whether requests were still on their way to the exporter.
    requests: bool,
    export: Option<Unfinished>,
}

impl Unsettled {
    /// `None` if nothing was left.
    pub(super) fn of(requests: bool, export: Option<Unfinished>) -> Option<Self> {
        (requests || export.is_some()).then_some(Unsettled { requests, export })
    }

    /// Whether requests that had ended were still being converted, or waited for that. How many spans they have is not
    /// known yet.
    pub fn has_requests(&self) -> bool {
        self.requests
    }

    /// The spans that no backend has taken, nor the spool, of those that were converted.
    pub fn spans(&self) -> u64 {
        self.export.as_ref().map_or(0, Unfinished::spans)
    }

    /// The same for each backend that has not taken all, with the reason if it is known.
    pub fn destinations(&self) -> &[Left] {
        self.export.as_ref().map_or(&[], |export| &export.destinations)
    }
}

impl fmt::Display for Unsettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requests = "requests were still on their way to the exporter";
        match (&self.export, self.requests) {
            (Some(export), true) => write!(f, "{requests}, and {export}"),
            (Some(export), false) => write!(f, "{export}"),
            (None, _) => f.write_str(requests),
        }
    }
}

impl std::error::Error for Unsettled {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_is_left() {
        assert!(Unsettled::of(false, None).is_none());
        let unsettled = Unsettled::of(true, None).unwrap();
        assert_eq!((unsettled.spans(), unsettled.destinations().len()), (0, 0));
        assert_eq!(unsettled.to_string(), "requests were still on their way to the exporter");
    }
}
