use otelbar_config::TracesExporter;
use otelbar_export::SetupError;

/// The toolbar could not be started.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct PanelError(Kind);

#[derive(Debug, thiserror::Error)]
enum Kind {
    #[error(transparent)]
    Exporter(#[from] SetupError),
    #[error(
        "OTEL_TRACES_EXPORTER is {0}, which is not supported yet; set it to otlp, or to none for the page alone"
    )]
    TracesExporter(TracesExporter),
    #[error("the system gave no thread for the toolbar: {0}; see the limit of threads (ulimit -u)")]
    Thread(std::io::Error),
}

impl PanelError {
    pub(crate) fn exporter(error: SetupError) -> Self {
        PanelError(Kind::Exporter(error))
    }

    pub(crate) fn traces_exporter(exporter: TracesExporter) -> Self {
        PanelError(Kind::TracesExporter(exporter))
    }

    pub(crate) fn thread(error: std::io::Error) -> Self {
        PanelError(Kind::Thread(error))
    }
}
