//! What a flush or a shutdown left.

use std::sync::Arc;

use crate::transport::{DestinationInfo, SendError};

/// A flush or shutdown that left spans: its deadline passed, or it was called from a subscriber.
#[derive(Clone, Debug, thiserror::Error)]
#[error("not all spans were settled in time: {}", self.each())]
#[non_exhaustive]
pub struct Unfinished {
    /// The destinations with spans that were still waiting, or that a shutdown gave up; at least one.
    pub destinations: Vec<Left>,
}

/// What a flush or shutdown left at one destination.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Left {
    /// Where the spans were to go.
    pub destination: DestinationInfo,
    /// How many.
    pub spans: u64,
    /// Why the destination fails, if it does.
    pub last_error: Option<Arc<SendError>>,
}

impl Unfinished {
    /// All spans that were left.
    pub fn spans(&self) -> u64 {
        self.destinations.iter().map(|left| left.spans).sum()
    }

    fn each(&self) -> String {
        let each = self.destinations.iter().map(|left| {
            let because = left.last_error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
            format!("{} for {}{because}", left.spans, left.destination)
        });
        each.collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::DestinationKind;

    #[test]
    fn it_says_how_many_are_left_where_and_why() {
        let left = |index, spans, last_error| Left {
            destination: DestinationInfo::new(index, DestinationKind::Console, "stderr"),
            spans,
            last_error,
        };
        let lost = SendError::Lost { endpoint: "http://h".into(), reason: "why".into() };
        let unfinished =
            Unfinished { destinations: vec![left(0, 3, Some(Arc::new(lost))), left(1, 4, None)] };
        assert_eq!(unfinished.spans(), 7);
        assert_eq!(
            unfinished.to_string(),
            "not all spans were settled in time: 3 for stderr (the connection to http://h was lost before an answer: \
             why); 4 for stderr"
        );
        assert!(std::error::Error::source(&unfinished).is_none(), "no cause is told twice");
    }
}
