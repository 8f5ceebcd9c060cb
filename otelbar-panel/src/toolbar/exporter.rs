use otelbar_config::{Environment, OpenTelemetryConfig};
use otelbar_export::{ExporterOptions, SetupError, ToolbarSpanExporter};

/// The exporter that the configuration asks for, if any.
pub(super) fn exporter(config: &OpenTelemetryConfig) -> Result<Option<ToolbarSpanExporter>, SetupError> {
    let destinations = ExporterOptions::from_config(config)?;
    if destinations.is_empty() { Ok(None) } else { ToolbarSpanExporter::to_all(destinations).map(Some) }
}

/// The same as far as it can be used, with a warning about what cannot.
pub(super) fn usable_exporter(
    config: &OpenTelemetryConfig,
    environment: &dyn Environment,
    warnings: &mut Vec<String>,
) -> Result<Option<ToolbarSpanExporter>, SetupError> {
    let mut warn =
        |error: SetupError| warnings.push(format!("{error}; this exporter is left out until then"));
    let mut destinations = Vec::new();
    for name in config.traces_exporters() {
        match ExporterOptions::for_exporter(*name, config) {
            Ok(options) => destinations.push(options.with_proxy_from_environment(environment)),
            Err(error @ SetupError::Endpoint(_)) => return Err(error),
            Err(error) => warn(error),
        }
    }
    let (exporter, unusable) = ToolbarSpanExporter::to_usable(destinations)?;
    unusable.into_iter().for_each(warn);
    Ok(exporter)
}
