use otelbar_export::{Delivery, DeliveryState};

/// How far a request's spans have come: where the exporter has them what it says, and before that why it has not.
#[derive(Clone, Debug)]
pub(crate) enum ExportState {
    /// Nothing is exported.
    Disabled,
    NotSampled,
    /// Recorded, and not yet given to the exporter.
    Pending,
    Enqueued(Delivery),
}

impl ExportState {
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            ExportState::Disabled => "disabled",
            ExportState::NotSampled => "not_sampled",
            ExportState::Pending => "pending",
            ExportState::Enqueued(delivery) => match delivery.state() {
                DeliveryState::Accepted => "accepted",
                DeliveryState::InFlight => "in_flight",
                DeliveryState::Spooled => "spooled",
                DeliveryState::Retrying => "retrying",
                DeliveryState::PartlyRejected => "partial",
                DeliveryState::Dropped => "dropped",
                DeliveryState::Failed => "failed",
                // A state that is not known here is on its way, since nothing says how it ended.
                _ => "queued",
            },
        }
    }

    /// What the exporter says of them.
    pub(crate) fn delivery(&self) -> Option<&Delivery> {
        match self {
            ExportState::Enqueued(delivery) => Some(delivery),
            _ => None,
        }
    }
}

impl From<Option<Delivery>> for ExportState {
    fn from(delivery: Option<Delivery>) -> Self {
        delivery.map_or(ExportState::Pending, ExportState::Enqueued)
    }
}
