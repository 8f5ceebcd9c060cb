/// An answer that is not in the form that was expected.
#[derive(Debug, thiserror::Error)]
#[error("the backend's answer is not in the form it had: {problem}")]
pub struct Unreadable {
    problem: String,
}

impl Unreadable {
    pub(super) fn new(problem: impl ToString) -> Self {
        Self { problem: problem.to_string() }
    }
}
