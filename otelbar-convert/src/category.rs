/// What kind of work a span stands for: the page shows each kind in a view of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Category {
    /// The request itself.
    Request,
    /// A span of the application.
    Span,
    /// A database query.
    Sql,
    /// A rendered template.
    Template,
    /// A cache operation.
    Cache,
    /// An outgoing HTTP call.
    Http,
    /// A profiled function.
    Profile,
}

impl Category {
    /// The category's name in lower case, such as `sql`.
    pub fn as_str(self) -> &'static str {
        match self {
            Category::Request => "request",
            Category::Span => "span",
            Category::Sql => "sql",
            Category::Template => "template",
            Category::Cache => "cache",
            Category::Http => "http",
            Category::Profile => "profile",
        }
    }
}
