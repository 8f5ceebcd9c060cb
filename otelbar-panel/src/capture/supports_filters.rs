use tracing_subscriber::Registry;
use tracing_subscriber::layer::Layered;

/// A subscriber whose layers can have filters of their own, as the toolbar's has.
///
/// The registry has them, and so has what layers are put on it. `tracing_subscriber::fmt().finish()` has not, and a
/// layer with a filter panics when it is put there ("does not currently support filters"), which this trait makes an
/// error of the compiler's. Implement it for a subscriber of your own whose [`LookupSpan`] has `register_filter`.
///
/// ```compile_fail,E0277
/// use tracing_subscriber::prelude::*;
///
/// # let config = otelbar_panel::OpenTelemetryConfig::builder().traces_exporters([]).build().unwrap();
/// # let toolbar = otelbar_panel::OpenTelemetryPanel::new(config).unwrap();
/// let subscriber = tracing_subscriber::fmt().finish().with(toolbar.tracing_layer());
/// ```
///
/// Right is a registry with both:
///
/// ```
/// use tracing_subscriber::prelude::*;
///
/// # let config = otelbar_panel::OpenTelemetryConfig::builder().traces_exporters([]).build().unwrap();
/// # let toolbar = otelbar_panel::OpenTelemetryPanel::new(config).unwrap();
/// let output = tracing_subscriber::fmt::layer();
/// let subscriber = tracing_subscriber::registry().with(toolbar.tracing_layer()).with(output);
/// ```
///
/// [`LookupSpan`]: tracing_subscriber::registry::LookupSpan
#[diagnostic::on_unimplemented(
    message = "the toolbar's layer needs a subscriber whose layers can have filters, which `{Self}` is not known to be",
    note = "put it on a registry, beside the other layers: \
            `tracing_subscriber::registry().with(toolbar.tracing_layer()).with(tracing_subscriber::fmt::layer())`"
)]
pub trait SupportsFilters {}

impl SupportsFilters for Registry {}

impl<L, S: SupportsFilters> SupportsFilters for Layered<L, S> {}
