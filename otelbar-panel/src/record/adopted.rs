use std::collections::{HashMap, HashSet};

use opentelemetry::trace::SpanId;

use super::recording::Recording;

/// Entries that go by the id of a span that another layer has made of the same `tracing` span.
///
/// That id is the one which has been passed on to other services. What was recorded under the id that the entry had
/// before, and what still comes under it, is moved to the new one.
#[derive(Debug, Default)]
pub(super) struct Adopted {
    ids: HashMap<SpanId, SpanId>,
    places: HashSet<usize>,
}

impl Adopted {
    /// The id that an id has become.
    pub(super) fn id_of(&self, id: SpanId) -> SpanId {
        if self.ids.is_empty() { id } else { self.ids.get(&id).copied().unwrap_or(id) }
    }

    pub(super) fn size(&self) -> usize {
        self.ids.capacity() * size_of::<(SpanId, SpanId)>() + self.places.capacity() * size_of::<usize>()
    }
}

impl Recording {
    pub(crate) fn id_of(&self, id: SpanId) -> SpanId {
        self.adopted.id_of(id)
    }

    /// Whether an entry goes by the id of a twin.
    pub(crate) fn has_twin(&self, entry: usize) -> bool {
        self.adopted.places.contains(&entry)
    }

    /// Takes what comes under an id for that of this span, until it stands for it no longer.
    pub(crate) fn stands_for(&mut self, id: SpanId, span: SpanId) {
        self.adopted.ids.insert(id, span);
    }

    pub(crate) fn stands_no_longer(&mut self, id: SpanId) {
        self.adopted.ids.remove(&id);
    }

    /// Lets an entry go by this id.
    pub(crate) fn adopt(&mut self, entry: usize, id: SpanId) {
        let data = self.change_data();
        let Some(old) = data.entries.get_mut(entry).and_then(|entry| entry.id.replace(id)) else {
            return;
        };
        let parents = data.entries[entry..].iter_mut().map(|entry| &mut entry.parent);
        let spans = data.logs.iter_mut().map(|log| &mut log.span);
        parents.chain(spans).filter(|of| **of == Some(old)).for_each(|of| *of = Some(id));
        self.adopted.ids.insert(old, id);
        self.adopted.places.insert(entry);
    }
}
