use otelbar_config::{LevelFilter as Levels, LogLevel};
use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing_subscriber::layer::{Context, Filter};

use super::{libraries, sqlx};

/// Target of the span that the tower layer opens for each request.
pub(crate) const REQUEST_TARGET: &str = "otelbar::request";

/// Target of the span that is around a wrapped query, for its events to be known by. A filter that lets the request's own
/// span through lets this through as well, as filters take a target for the beginning of others.
pub(super) const QUERY_TARGET: &str = "otelbar::request::query";

/// What the capture looks at: what the configuration says, but for the toolbar's own work.
///
/// Not `tracing_subscriber`'s `Targets`, for which `sql=debug` is also about `sqlx`: the configuration's targets end at
/// the end of a module's name.
#[derive(Clone, Debug)]
pub(crate) struct CaptureFilter {
    /// `None` where the toolbar is off.
    levels: Option<Levels>,
}

impl CaptureFilter {
    pub(crate) fn new(levels: Option<&Levels>) -> Self {
        CaptureFilter { levels: levels.cloned() }
    }

    /// Whether it lets the queries of `sqlx` through.
    pub(crate) fn wants_queries(&self) -> bool {
        self.levels
            .as_ref()
            .is_some_and(|levels| level_filter(levels.level_of(sqlx::TARGET)) >= LevelFilter::DEBUG)
    }

    /// Asked once for each place in the code, and remembered by `tracing`.
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let Some(levels) = &self.levels else { return false };
        match metadata.target() {
            REQUEST_TARGET | QUERY_TARGET => true,
            target if target.starts_with("otelbar_export") => false,
            target => {
                *metadata.level() <= level_filter(levels.level_of(target)) && libraries::wants(metadata)
            }
        }
    }
}

impl<S> Filter<S> for CaptureFilter {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let Some(levels) = &self.levels else { return Some(LevelFilter::OFF) };
        let levels = levels.targets().map(|(_, level)| level).chain([levels.default_level()]);
        // The request's own span is opened at the level `error`, whatever else is wanted.
        levels.map(level_filter).chain([LevelFilter::ERROR]).max()
    }
}

fn level_filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    }
}
