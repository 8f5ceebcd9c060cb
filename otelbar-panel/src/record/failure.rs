use std::borrow::Cow;

use otelbar_convert::panel_data::{Entry, EntryKind, Exception};

/// Why a query failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) message: String,
    /// The type of the error, where it is known.
    pub(crate) kind: Option<&'static str>,
    /// The database's code.
    pub(crate) code: Option<String>,
}

impl Failure {
    pub(crate) fn apply(&self, entry: &mut Entry) {
        entry.error = Some(self.message.clone().into());
        if let EntryKind::Sql(sql) = &mut entry.kind {
            sql.response_status.clone_from(&self.code);
        }
        let kind = self.kind.map(Cow::Borrowed);
        let details = entry.details_mut();
        // The conventions want the database's code for the type of the error, where there is one.
        let code = self.code.clone().map(Cow::Owned);
        details.error_type = code.or_else(|| kind.clone()).or(Some(Cow::Borrowed("database")));
        let message = Some(self.message.clone().into());
        details.exception = Some(Exception::new(kind, message));
    }

    /// Makes a query one that has not failed again, when it turns out that it was another.
    pub(crate) fn take_back(entry: &mut Entry) {
        entry.error = None;
        if let EntryKind::Sql(sql) = &mut entry.kind {
            sql.response_status = None;
        }
        if let Some(details) = &mut entry.details {
            details.error_type = None;
            details.exception = None;
        }
    }
}
