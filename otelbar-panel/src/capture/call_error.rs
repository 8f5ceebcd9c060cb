use std::error::Error;

/// What a call failed with, as an error whose message and causes can be told.
///
/// It is there for every error type, and for the three boxed errors, which are no [`Error`] themselves. `K`, [`Typed`] or
/// [`Boxed`], is inferred where a client is used; it is written only where the type of a client is, and then for the
/// client's errors and for those of its bodies: `ClientService<S, (Boxed, Typed)>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither an error type nor a boxed error",
    note = "turn the client's errors into one before the layer, for example with `tower::ServiceExt::map_err`"
)]
pub trait AsError<K> {
    /// The error.
    fn as_error(&self) -> &(dyn Error + 'static);
}

/// Of a client whose errors are a type that implements [`Error`]: that of `hyper-util` for one.
#[derive(Clone, Copy, Debug)]
pub struct Typed;

/// Of a client whose errors are boxed: `Box<dyn Error + Send + Sync>`, as tower's middleware has it, or one without
/// `Send` or `Sync`.
#[derive(Clone, Copy, Debug)]
pub struct Boxed;

impl<E: Error + 'static> AsError<Typed> for E {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl AsError<Boxed> for Box<dyn Error + Send + Sync> {
    fn as_error(&self) -> &(dyn Error + 'static) {
        &**self
    }
}

impl AsError<Boxed> for Box<dyn Error + Send> {
    fn as_error(&self) -> &(dyn Error + 'static) {
        &**self
    }
}

impl AsError<Boxed> for Box<dyn Error> {
    fn as_error(&self) -> &(dyn Error + 'static) {
        &**self
    }
}
