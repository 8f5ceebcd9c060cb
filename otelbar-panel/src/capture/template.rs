use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use otelbar_convert::panel_data::{Entry, EntryKind, Template};

use super::current;
use crate::guard::guard;
use crate::record::{RequestContext, Scope};
use crate::text;

/// Renders a template, and records that for the current request.
///
/// It works with any engine: the closure renders, and what it returns tells the size or the error. Outside a request
/// the closure is just called.
///
/// ```
/// # fn main() -> Result<(), minijinja::Error> {
/// let mut engine = minijinja::Environment::new();
/// engine.add_template("hello.html", "Hello {{ name }}!")?;
///
/// let html = otelbar_panel::template("hello.html", || {
///     engine.get_template("hello.html")?.render(minijinja::context!(name => "Ada"))
/// })?;
/// assert_eq!(html, "Hello Ada!");
/// # Ok(())
/// # }
/// ```
pub fn template<R: Rendered>(name: &str, render: impl FnOnce() -> R) -> R {
    // Ended on unwinding as well, or the request would wait for a render that will never end.
    let mut end = guard("recording a template", || End::begin(name)).flatten();
    let rendered = render();
    if let Some(end) = &mut end {
        end.result = rendered.size();
    }
    rendered
}

/// What a template renders to.
pub trait Rendered {
    /// Its size in bytes, if it has one.
    ///
    /// # Errors
    ///
    /// What went wrong, where it could not be rendered.
    fn size(&self) -> Result<Option<u64>, String>;
}

impl Rendered for String {
    fn size(&self) -> Result<Option<u64>, String> {
        Ok(Some(self.len() as u64))
    }
}

impl Rendered for Vec<u8> {
    fn size(&self) -> Result<Option<u64>, String> {
        Ok(Some(self.len() as u64))
    }
}

impl Rendered for () {
    fn size(&self) -> Result<Option<u64>, String> {
        Ok(None)
    }
}

impl<R: Rendered, E: Display> Rendered for Result<R, E> {
    fn size(&self) -> Result<Option<u64>, String> {
        match self {
            Ok(rendered) => rendered.size(),
            Err(error) => Err(text::formatted(format_args!("{error}"))),
        }
    }
}

/// A render that goes on; recorded as ended when it is dropped.
struct End {
    context: Arc<RequestContext>,
    place: usize,
    result: Result<Option<u64>, String>,
}

impl End {
    fn begin(name: &str) -> Option<Self> {
        let Scope { context, span } =
            current::scope().filter(|scope| scope.context.recorder.captured.templates)?;
        #[cfg(test)]
        crate::guard::fault("rendering", &context.described().data().request.path);
        let template = Template::new(text::copied(name));
        let mut entry = Entry::new("", Duration::ZERO, EntryKind::Template(template));
        entry.id = Some(context.new_span_id());
        entry.parent = Some(span);
        entry.start = Some(context.now());
        entry.ended = false;
        let place = context.push(entry)?;
        Some(End { context, place, result: Err("panicked".to_owned()) })
    }

    fn end(&mut self) {
        let result = std::mem::replace(&mut self.result, Ok(None));
        let result = result.map_err(|error| self.context.recorder.redactor.cleaned(error));
        self.context.end(self.place, self.context.now(), |entry| match (result, &mut entry.kind) {
            (Ok(size), EntryKind::Template(template)) => template.size = size,
            (Ok(_), _) => {}
            (Err(error), _) => entry.error = Some(error),
        });
    }
}

impl Drop for End {
    fn drop(&mut self) {
        guard("recording a template's end", || self.end());
    }
}
