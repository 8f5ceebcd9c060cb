use std::sync::Once;

/// What was wrong with the configuration's sources.
#[derive(Debug)]
pub(crate) struct Warnings {
    pub(super) all: Vec<String>,
    told: Once,
}

impl Warnings {
    pub(crate) fn new(all: Vec<String>) -> Self {
        Warnings { all, told: Once::new() }
    }

    /// Logs them, once: when the configuration was read there was no subscriber yet.
    pub(crate) fn tell(&self) {
        self.told.call_once(|| {
            for warning in &self.all {
                tracing::warn!(target: "otelbar", "{warning}");
            }
        });
    }
}
