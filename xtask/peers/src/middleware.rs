use std::str::FromStr;

use axum::Router;
use axum_tracing_opentelemetry::middleware::OtelAxumLayer;
use fastrace_axum::FastraceLayer;
use tracing::Level;

use crate::Error;
use crate::recorder::Recorder;
use crate::recording::Recording;

/// What is around the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Middleware {
    Bare,
    /// The toolbar's layer with the toolbar disabled.
    Off,
    /// The toolbar with its store, its pages and the bar.
    Ours,
    TowerOtel,
    InstrumentationTower,
    AxumTracing,
    FastraceAxum,
}

impl Middleware {
    pub(crate) const ALL: [Middleware; 7] = [
        Middleware::Bare,
        Middleware::Off,
        Middleware::Ours,
        Middleware::TowerOtel,
        Middleware::InstrumentationTower,
        Middleware::AxumTracing,
        Middleware::FastraceAxum,
    ];

    /// What it is called in the rows.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Middleware::Bare => "bare",
            Middleware::Off => "off",
            Middleware::Ours => "ours",
            Middleware::TowerOtel => "tower_otel",
            Middleware::InstrumentationTower => "opentelemetry_instrumentation_tower",
            Middleware::AxumTracing => "axum_tracing_opentelemetry",
            Middleware::FastraceAxum => "fastrace_axum",
        }
    }

    /// What its spans go to, and the handler's.
    pub(crate) const fn recorder(self) -> Recorder {
        match self {
            Middleware::Bare => Recorder::Nobody,
            Middleware::Off => Recorder::Off,
            Middleware::Ours => Recorder::Ours,
            Middleware::TowerOtel | Middleware::AxumTracing => Recorder::TracingOpentelemetry,
            Middleware::InstrumentationTower => Recorder::Sdk,
            Middleware::FastraceAxum => Recorder::Fastrace,
        }
    }

    pub(crate) fn around(self, router: Router, recording: &Recording) -> Router {
        match self {
            Middleware::Bare => router,
            Middleware::Off | Middleware::Ours => match recording.toolbar() {
                Some(toolbar) => router.layer(toolbar.layer()),
                None => router,
            },
            Middleware::TowerOtel => router.layer(tower_otel::trace::HttpLayer::server(Level::INFO)),
            // Its metrics go to a meter that does nothing.
            Middleware::InstrumentationTower => {
                router.layer(opentelemetry_instrumentation_tower::http::server::Layer::new())
            }
            Middleware::AxumTracing => router.layer(OtelAxumLayer::default()),
            Middleware::FastraceAxum => router.layer(FastraceLayer::default()),
        }
    }
}

impl FromStr for Middleware {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Middleware::ALL.into_iter().find(|middleware| middleware.name() == name);
        found.ok_or_else(|| format!("there is no middleware {name}").into())
    }
}
