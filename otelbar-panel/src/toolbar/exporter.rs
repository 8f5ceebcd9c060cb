use otelbar_config::{Environment, OpenTelemetryConfig, ProcessEnvironment};
use otelbar_export::{Pipeline, PipelineBuilder, SetupError};

/// The export that the configuration asks for, if any.
pub(super) fn pipeline(config: &OpenTelemetryConfig) -> Result<Option<Pipeline>, SetupError> {
    if config.traces_exporters().is_empty() {
        return Ok(None);
    }
    PipelineBuilder::from_config(config, &ProcessEnvironment).build().map(Some)
}

/// The same as far as it can be used, with a warning about what cannot.
pub(super) fn usable_pipeline(
    config: &OpenTelemetryConfig,
    environment: &dyn Environment,
    warnings: &mut Vec<String>,
) -> Result<Option<Pipeline>, SetupError> {
    let (pipeline, unusable) = PipelineBuilder::from_config(config, environment).build_usable()?;
    warnings.extend(unusable.iter().map(|error| format!("{error}; this exporter is left out until then")));
    Ok(pipeline)
}
