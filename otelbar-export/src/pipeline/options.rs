//! What holds for each destination of a pipeline.

use std::time::Duration;

use crate::error::{Setting, SetupError};
use crate::pipeline::breaker::BreakerPolicy;
use crate::pipeline::overflow::Overflow;
use crate::pipeline::retry::RetryPolicy;
use crate::spool::SpoolOptions;

const MAX_QUEUE_SIZE: Setting = Setting::new("with_max_queue_size", "OTEL_BSP_MAX_QUEUE_SIZE");
const MAX_QUEUE_BYTES: Setting = Setting::new("with_max_queue_bytes", "OTELBAR_BSP_MAX_QUEUE_BYTES");
const MAX_EXPORT_BATCH_SIZE: Setting =
    Setting::new("with_max_export_batch_size", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE");
const BREAKER: Setting = Setting::new("with_breaker", "OTELBAR_BREAKER_FAILURE_THRESHOLD");
const SPOOL_BYTES: Setting = Setting::new("SpoolOptions::with_max_bytes", "OTELBAR_SPOOL_MAX_BYTES");

/// The settings of a pipeline.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) max_queue_size: usize,
    pub(crate) max_queue_bytes: usize,
    pub(crate) max_export_batch_size: usize,
    pub(crate) scheduled_delay: Duration,
    pub(crate) overflow: Overflow,
    pub(crate) retry: RetryPolicy,
    pub(crate) breaker: BreakerPolicy,
    pub(crate) spool: Option<SpoolOptions>,
    pub(crate) drop_grace: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_queue_size: 2048,
            max_queue_bytes: 64 * 1024 * 1024,
            max_export_batch_size: 512,
            scheduled_delay: Duration::from_secs(5),
            overflow: Overflow::default(),
            retry: RetryPolicy::default(),
            breaker: BreakerPolicy::default(),
            spool: None,
            drop_grace: Duration::from_secs(1),
        }
    }
}

impl Options {
    pub(super) fn check(&self) -> Result<(), SetupError> {
        for (option, value) in [
            (MAX_QUEUE_SIZE, self.max_queue_size),
            (MAX_QUEUE_BYTES, self.max_queue_bytes),
            (MAX_EXPORT_BATCH_SIZE, self.max_export_batch_size),
            (BREAKER, self.breaker.failure_threshold as usize),
        ] {
            if value == 0 {
                return Err(SetupError::option(option, "0", "is too small", "set it to 1 or more"));
            }
        }
        match self.spool.as_ref().map(|spool| spool.max_bytes) {
            Some(bytes) if bytes < SpoolOptions::LEAST => Err(SetupError::option(
                SPOOL_BYTES,
                bytes.to_string(),
                "is too small",
                "set it to 1 MiB or more",
            )),
            _ => Ok(()),
        }
    }

    /// With a spool, what the backend does take goes before it has to be written down.
    pub(super) fn effective_delay(&self) -> Duration {
        let longest = self.spool.as_ref().map_or(Duration::MAX, |spool| spool.write_delay / 2);
        self.scheduled_delay.min(longest)
    }
}
