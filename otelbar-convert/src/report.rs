/// What the converter could not take as it was, counted.
///
/// Nothing of it stops a conversion; a source can tell from it how good its data is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Entries whose id was another's; they were given a new one.
    pub duplicate_ids: u32,
    /// Entries and logs whose parent is not in the data; they were put under the request.
    pub unknown_parents: u32,
    /// Entries that were their own ancestors; they were put under the request.
    pub cycles: u32,
    /// Queries that the span around them tells of, too; the span was kept, with what the query knew.
    pub merged: u32,
    /// Entries whose start was worked out.
    pub synthesised: u32,
    /// Measured entries that end after their parent, or begin before it; they were kept so.
    pub outlived: u32,
    /// Reported entries and logs that lay outside their parent; they were moved inside.
    pub moved: u32,
    /// Entries that were longer than their parent; they were cut.
    pub cut: u32,
    /// Entries that have ended and took no time.
    pub zero_durations: u32,
    /// Times that no backend can hold, before 1970 or after 2262; they were brought in between.
    pub absurd_times: u32,
    /// Attributes that had a name another had before them; they were left out.
    pub duplicate_attributes: u32,
    /// Attributes left out over the limit.
    pub dropped_attributes: u32,
    /// Events left out over the limit.
    pub dropped_events: u32,
    /// Links left out over the limit.
    pub dropped_links: u32,
    /// Values cut at the limit of their length.
    pub cut_values: u32,
}
