use std::time::Duration;

use crate::OpenTelemetryPanel;

/// How long a guard waits for the backends unless it is told otherwise.
const WITHIN: Duration = Duration::from_secs(5);

/// Shuts the toolbar down when it goes out of scope, so that the last spans are exported before the process ends.
///
/// Spans wait up to `OTEL_BSP_SCHEDULE_DELAY` (5 s) for a batch to fill. Kept in a variable of `main`, the guard sends
/// what waits once the server has stopped, and waits for the answers: 5 s at most, unless [`within`](Self::within)
/// says otherwise. Dropping it blocks the thread for that time, which is why it belongs where nothing else is to be
/// done. What the deadline cuts off is logged as a warning.
///
/// `main` has to return for that: a signal ends the process where it stands, unless the server stops gracefully on
/// it or the guard is told to handle it (`on_signals`, with the feature `signals`). `std::process::exit` runs no
/// destructor; call [`OpenTelemetryPanel::shutdown`] before it.
///
/// Made by [`OpenTelemetryPanel::shutdown_guard`].
///
/// ```
/// use otelbar_panel::{OpenTelemetryConfig, OpenTelemetryPanel};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = OpenTelemetryConfig::builder().service_name("shop").traces_exporters([]).build()?;
/// let toolbar = OpenTelemetryPanel::new(config)?;
/// let _guard = toolbar.shutdown_guard();
/// // … serve until the service is told to stop
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a guard that is not kept in a variable shuts the toolbar down at once"]
pub struct ShutdownGuard {
    // Dropped after `drop` has run, in this order: the signals have their default action back at the very end.
    panel: OpenTelemetryPanel,
    within: Duration,
    #[cfg(all(unix, feature = "signals"))]
    signals: Option<signals::Handler>,
}

impl ShutdownGuard {
    pub(crate) fn new(panel: OpenTelemetryPanel) -> Self {
        ShutdownGuard {
            panel,
            within: WITHIN,
            #[cfg(all(unix, feature = "signals"))]
            signals: None,
        }
    }

    /// Sets how long the shutdown may take; 5 seconds by default.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// Handles SIGTERM and SIGINT as well: the toolbar is shut down within the deadline set so far, and the signal
    /// then ends the process as it would have without the guard.
    ///
    /// For services that do not stop gracefully by themselves. In one that does (as by axum's
    /// `with_graceful_shutdown`) the guard alone is enough, and this would end the process before the last requests
    /// are answered. A second signal ends the process at once. When the guard is dropped, the signals have their
    /// default action again.
    ///
    /// # Errors
    ///
    /// The system refuses the handler or the thread that waits for it.
    #[cfg(all(unix, feature = "signals"))]
    pub fn on_signals(mut self) -> std::io::Result<Self> {
        self.signals = None;
        self.signals = Some(signals::Handler::install(self.panel.clone(), self.within)?);
        Ok(self)
    }
}

impl Drop for ShutdownGuard {
    fn drop(&mut self) {
        shut_down(&self.panel, self.within);
    }
}

fn shut_down(panel: &OpenTelemetryPanel, within: Duration) {
    if let Err(unsettled) = panel.shutdown(within) {
        tracing::warn!(
            target: "otelbar",
            "spans were given up at the shutdown after {within:?}: {unsettled}; a longer deadline is set by \
             ShutdownGuard::within, and OTELBAR_SPOOL_DIR keeps them for the next start"
        );
    }
}

#[cfg(all(unix, feature = "signals"))]
mod signals {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread::JoinHandle;
    use std::time::Duration;

    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::{Handle, Signals};
    use signal_hook::{flag, low_level};

    use crate::OpenTelemetryPanel;

    const SIGNALS: [i32; 2] = [SIGTERM, SIGINT];

    /// The thread that waits for signals, until it is dropped.
    #[derive(Debug)]
    pub(super) struct Handler {
        handle: Handle,
        thread: Option<JoinHandle<()>>,
        /// Whether a signal has its default action.
        default: Arc<AtomicBool>,
    }

    impl Handler {
        pub(super) fn install(panel: OpenTelemetryPanel, within: Duration) -> io::Result<Self> {
            let default = Arc::new(AtomicBool::new(false));
            // What was registered so far stays registered, and would swallow the signal.
            let give_up = |_: &io::Error| default.store(true, Ordering::SeqCst);
            // Before the thread's: the actions of a signal run in the order of their registration, and this one is to
            // see the flag as it was before the thread has heard of the signal.
            for signal in SIGNALS {
                flag::register_conditional_default(signal, Arc::clone(&default)).inspect_err(give_up)?;
            }
            let mut signals = Signals::new(SIGNALS).inspect_err(give_up)?;
            let mut handler = Handler { handle: signals.handle(), thread: None, default };
            let default = Arc::clone(&handler.default);
            let run = move || {
                if let Some(signal) = signals.forever().next() {
                    // The next signal is from somebody who will not wait.
                    default.store(true, Ordering::SeqCst);
                    super::shut_down(&panel, within);
                    // It fails only for a signal that does not exist.
                    let _ = low_level::emulate_default_handler(signal);
                }
            };
            handler.thread = Some(std::thread::Builder::new().name("otelbar-signals".into()).spawn(run)?);
            Ok(handler)
        }
    }

    impl Drop for Handler {
        fn drop(&mut self) {
            // The library never gives a signal its default action back; the flag has it taken from here on.
            self.default.store(true, Ordering::SeqCst);
            self.handle.close();
            if let Some(thread) = self.thread.take() {
                // A panic in it has been told by the panic itself.
                let _ = thread.join();
            }
        }
    }
}
