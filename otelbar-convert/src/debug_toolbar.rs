//! Reads the records of the Python debug-toolbar.
//!
//! The toolbar answers `GET /_debug_toolbar/api/requests/{id}` with all it knows of one request: `request_id`,
//! `panel_data`, `timing_data` and `metadata`. [`Reader`] makes [`PanelData`] of it, and lists what it could not use.
//!
//! ```
//! use otelbar_convert::PanelDataConverter;
//! use otelbar_convert::debug_toolbar::Reader;
//!
//! let json = br#"{
//!     "request_id": "26dae722-2fbd-484d-98b6-d9b0a7e67bd8",
//!     "metadata": {"method": "GET", "path": "/authors", "status_code": 200},
//!     "timing_data": {"total_time": 0.02},
//!     "panel_data": {"SQLAlchemyPanel": {"queries": [
//!         {"sql": "SELECT name FROM authors WHERE id = 7", "duration": 0.004, "dialect": "sqlite"},
//!         {"sql": "SELECT 1", "duration": -1}
//!     ]}}
//! }"#;
//! let record = Reader::default().read(json)?;
//! let spans = PanelDataConverter::default().convert(&record.data).spans;
//! assert_eq!(spans[1].data.name, "SELECT authors");
//! assert_eq!(record.unused[0].path, "panel_data.SQLAlchemyPanel.queries[1].duration");
//! # Ok::<(), otelbar_convert::debug_toolbar::ReadError>(())
//! ```
//!
//! # What the records teach
//!
//! - `timing_data` is of a monotonic clock, so it says how long the request took and not when it was. Logs (`created`)
//!   and cache operations (`timestamp`, taken when they had ended) carry the time of day, and the request is put where
//!   all of them fit. Where nothing does, it begins at [`Reader::with_start`]. Its start is worked out in either case,
//!   and marked so.
//! - Entries have durations, in seconds unless the name ends in `_ms`, but, cache operations aside, no start, and no
//!   parent at all.
//! - A profile counts more than the request: `cumulative_time` may be longer than the request took, and is cut then.
//! - `matched_route` is the path that was asked for. The route is found in the list of routes.
//! - `content_length` is 0 where it is not known; the header tells.
//! - Headers, cookies and the query stand in clear. Their secrets are masked here, also where they come again in a log,
//!   a key or a statement. Parameters of queries are taken over, and become attributes only if the converter
//!   [is told so](crate::PanelDataConverter::with_sql_parameters).

mod head;
mod json;
mod losses;
mod panels;
mod request;
mod secrets;
mod work;

use std::time::{Duration, SystemTime};

use head::Head;
use json::{Document, Object};
use losses::Losses;
use secrets::Secrets;
use work::Work;

use crate::panel_data::{PanelData, Timer, Times};
use crate::redact::Redactor;

pub use losses::Unused;

/// Reads records of the Python debug-toolbar.
#[derive(Clone, Debug)]
pub struct Reader {
    redactor: Redactor,
    headers: Vec<String>,
    start: SystemTime,
}

impl Default for Reader {
    /// Masks what [`Redactor::common`] knows, takes over no headers, and puts requests of unknown time in 1970.
    fn default() -> Self {
        Reader { redactor: Redactor::common(), headers: Vec::new(), start: SystemTime::UNIX_EPOCH }
    }
}

/// What was read of a record.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Record {
    /// The request.
    pub data: PanelData,
    /// What of the record could not be used, and why; the first hundred.
    pub unused: Vec<Unused>,
    /// How much more there was.
    pub unused_more: usize,
}

/// Why nothing of a record could be read.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ReadError(#[from] Cause);

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(
        "the record is not valid JSON: {0}; pass the unchanged body of GET /_debug_toolbar/api/requests/{{id}}"
    )]
    Json(serde_json::Error),
    #[error("the record is {0}; expected an object with request_id, panel_data, timing_data and metadata")]
    NoObject(&'static str),
}

impl Reader {
    /// Sets which values are masked.
    #[must_use]
    pub fn with_redactor(mut self, redactor: Redactor) -> Self {
        self.redactor = redactor;
        self
    }

    /// Sets which headers become attributes of the request, `http.request.header.<name>` and
    /// `http.response.header.<name>`; none unless set.
    #[must_use]
    pub fn with_headers<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.headers = names.into_iter().map(|name| name.as_ref().to_ascii_lowercase()).collect();
        self
    }

    /// Sets when a request began of whose time of day its record says nothing.
    #[must_use]
    pub fn with_start(mut self, start: SystemTime) -> Self {
        self.start = start;
        self
    }

    /// Reads one record.
    ///
    /// # Errors
    ///
    /// Where it is no JSON, or no object. Whatever is wrong inside is left out and listed in [`Record::unused`].
    pub fn read(&self, json: &[u8]) -> Result<Record, ReadError> {
        let losses = Losses::default();
        let document = Document::of(json, &losses).map_err(Cause::Json)?;
        let value = document.value().map_err(Cause::Json)?;
        let record = Object::root(value, &losses).ok_or(Cause::NoObject(json::kind(value)))?;
        let data = self.read_object(&record, &losses);
        let (unused, unused_more) = losses.into_parts();
        Ok(Record { data, unused, unused_more })
    }

    fn read_object(&self, record: &Object<'_, '_>, losses: &Losses) -> PanelData {
        let empty = Object::empty(losses);
        let metadata = record.object("metadata");
        let timing = record.object("timing_data");
        let panels = record.object("panel_data");
        let metadata = metadata.as_ref().unwrap_or(&empty);
        let timing = timing.as_ref().unwrap_or(&empty);
        let panels = panels.as_ref().unwrap_or(&empty);

        let head = Head::of(metadata, panels);
        let secrets = Secrets::of(&head, &self.redactor);
        let (request, identity) = request::read(record, &head, &secrets, &self.headers);
        let work = work::read(panels, &secrets, losses);
        let mut timer = self.read_timer(timing, panels, &work);
        let mut data = PanelData::new(identity.span_context, timer, request);

        // Known times come from the clock of the day, the request's length from another.
        let start = work.start_of_day(timer.duration).unwrap_or_else(|| {
            losses
                .add("timing_data", "has no time of day; the request starts at the time set for the reader");
            self.start
        });
        timer.start = start;
        data.timer = timer;
        data.times = Times::Reported;
        data.remote_parent = identity.remote_parent;
        let offset = |at: SystemTime| at.duration_since(start).unwrap_or_default();
        data.entries.reserve(work.entries.len());
        for (mut entry, at) in work.entries {
            entry.start = at.map(offset);
            data.entries.push(entry);
        }
        data.logs.reserve(work.logs.len());
        for (mut log, at) in work.logs {
            log.time = at.map(offset).unwrap_or_default();
            data.logs.push(log);
        }
        data.request.attributes.extend(work.attributes);
        data
    }

    /// How long it took: as told in one of four places, else as long as what was done for it.
    fn read_timer(&self, timing: &Object<'_, '_>, panels: &Object<'_, '_>, work: &Work) -> Timer {
        let panel = panels::find(panels, "timer").and_then(|name| panels.object(name));
        let told = panel
            .as_ref()
            .and_then(|panel| panel.duration("total_time"))
            .or_else(|| timing.duration("total_request_time"))
            .or_else(|| timing.duration("total_time"))
            .or_else(|| {
                let (start, end) = (timing.number("request_start")?, timing.number("request_end")?);
                Duration::try_from_secs_f64(end - start).ok()
            });
        let sum = || {
            let durations = work.entries.iter().map(|(entry, _)| entry.duration);
            durations.fold(Duration::ZERO, Duration::saturating_add)
        };
        let mut timer = Timer::new(self.start, told.unwrap_or_else(sum));
        timer.busy = panel.as_ref().and_then(|panel| panel.duration("cpu_time"));
        timer.synthesised = true;
        timer
    }
}
