//! What this crate gives can be sent to other threads, shared between them, and kept across an await.

use otelbar_convert::findings::{Findings, Location, Thresholds};
use otelbar_convert::panel_data::{
    Cache, Callsite, Details, Entry, EntryKind, Exception, HttpCall, Level, Log, Parameter, Profile, Request,
    Sql, Template, Timer, Times,
};
use otelbar_convert::redact::Redactor;
use otelbar_convert::sql::{self, SharedStatement, Statement, System};
use otelbar_convert::tree::{CategoryTime, PathSegment, SpanTime};
use otelbar_convert::{
    Category, Conventions, Converted, ConvertedSpan, Finding, FindingKind, LogRecord, Names, PanelData,
    PanelDataConverter, Report, Severity, SpanLimits, Tree,
};

/// Each of these types has the three traits, or this does not compile.
macro_rules! check {
    ($($type:ty),* $(,)?) => {
        $({
            fn check<T: Send + Sync + Unpin>() {}
            check::<$type>();
        })*
    };
}

#[test]
fn every_type_is_send_sync_and_unpin() {
    check!(
        Category,
        Conventions,
        Converted,
        ConvertedSpan,
        Finding,
        FindingKind,
        Findings,
        Location,
        LogRecord,
        Names,
        PanelDataConverter,
        Redactor,
        Report,
        Severity,
        SpanLimits,
        Thresholds,
        Tree<'_>,
        CategoryTime,
        SpanTime,
        PathSegment,
    );
    check!(
        Cache, Details, Entry, EntryKind, Exception, HttpCall, Level, Log, PanelData, Parameter, Profile,
        Request, Callsite, Sql, Template, Timer, Times,
    );
    check!(sql::StatementCache, SharedStatement, Statement<'_>, System);
    #[cfg(feature = "debug-toolbar")]
    {
        use otelbar_convert::debug_toolbar::{ReadError, Reader, Record, Unused};
        check!(ReadError, Reader, Record, Unused);
    }
}
