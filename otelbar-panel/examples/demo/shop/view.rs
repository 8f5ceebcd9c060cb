use axum::response::Html;
use minijinja::{Environment, Value};

use super::failure::Failure;
use crate::number::Number;

const TEMPLATES: &[(&str, &str)] = &[
    ("authors.html", include_str!("../templates/authors.html")),
    ("book.html", include_str!("../templates/book.html")),
    ("failure.html", include_str!("../templates/failure.html")),
    ("foot.html", include_str!("../templates/foot.html")),
    ("head.html", include_str!("../templates/head.html")),
    ("home.html", include_str!("../templates/home.html")),
    ("ordered.html", include_str!("../templates/ordered.html")),
    ("receipt.txt", include_str!("../templates/receipt.txt")),
    ("search.html", include_str!("../templates/search.html")),
    ("shelf.html", include_str!("../templates/shelf.html")),
    ("slow.html", include_str!("../templates/slow.html")),
];

/// The shop's templates.
pub(super) struct View {
    engine: Environment<'static>,
}

impl View {
    pub(super) fn new() -> Result<Self, minijinja::Error> {
        let mut engine = Environment::new();
        for (name, source) in TEMPLATES {
            engine.add_template(name, source)?;
        }
        engine.add_filter("price", |cents: i64| format!("€ {}.{:02}", cents / 100, cents % 100));
        Ok(View { engine })
    }

    /// Renders a template, seen by the toolbar.
    pub(super) fn render(&self, number: Number, name: &str, context: Value) -> Result<Html<String>, Failure> {
        let render = || self.engine.get_template(name)?.render(context);
        Ok(Html(otelbar_panel::template(&number.template(name), render)?))
    }
}
