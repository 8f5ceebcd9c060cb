use otelbar_export::SetupError;

/// The toolbar could not be started.
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct PanelError(Kind);

/// As [`Display`](std::fmt::Display): a `main` that returns the error shows it so, and it should say what to do.
impl std::fmt::Debug for PanelError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

#[derive(Debug, thiserror::Error)]
enum Kind {
    #[error(transparent)]
    Exporter(#[from] SetupError),
    #[error("the system gave no thread for the toolbar: {0}; see the limit of threads (ulimit -u)")]
    Thread(std::io::Error),
}

impl PanelError {
    pub(crate) fn exporter(error: SetupError) -> Self {
        PanelError(Kind::Exporter(error))
    }

    pub(crate) fn thread(error: std::io::Error) -> Self {
        PanelError(Kind::Thread(error))
    }

    /// What is wrong with an exporter, if it is that: the configuration needs a change.
    pub fn as_setup_error(&self) -> Option<&SetupError> {
        match &self.0 {
            Kind::Exporter(error) => Some(error),
            Kind::Thread(_) => None,
        }
    }

    /// Why the system gave no thread, if it is that: starting again later may help.
    pub fn as_thread_error(&self) -> Option<&std::io::Error> {
        match &self.0 {
            Kind::Exporter(_) => None,
            Kind::Thread(error) => Some(error),
        }
    }
}
