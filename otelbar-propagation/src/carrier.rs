//! Where a context is read from and written to: HTTP headers, gRPC metadata, message headers,
//! environment variables.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

/// A carrier that can be read: what holds the fields of a message.
///
/// ```
/// use otelbar_propagation::{Extractor, extract};
///
/// /// The headers of a message on a queue.
/// struct Message(Vec<(String, Vec<u8>)>);
///
/// impl Extractor for Message {
///     fn values(&self, name: &'static str) -> impl Iterator<Item = &[u8]> {
///         self.0.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| &value[..])
///     }
/// }
///
/// let message = Message(vec![(
///     "Traceparent".to_owned(),
///     b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_vec(),
/// )]);
/// assert!(extract(&message).traceparent().is_some());
/// ```
pub trait Extractor {
    /// All values of the fields of this name, in order. `name` is in lower case; names are
    /// case-insensitive.
    fn values(&self, name: &'static str) -> impl Iterator<Item = &[u8]>;

    /// All fields by name and value, for formats that put a part of what they say into a field's name
    /// (Jaeger's baggage does). A carrier that cannot list them has none, which is the default.
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        std::iter::empty()
    }
}

/// A carrier that can be written.
///
/// ```
/// use otelbar_propagation::{Injector, TraceContext, Traceparent, inject};
///
/// /// The headers of a message on a queue.
/// struct Message(Vec<(String, Vec<u8>)>);
///
/// impl Injector for Message {
///     fn set(&mut self, name: &str, value: &str) {
///         Injector::remove(self, name);
///         self.0.push((name.to_owned(), value.as_bytes().to_vec()));
///     }
///
///     fn remove(&mut self, name: &str) {
///         self.0.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
///     }
/// }
///
/// let mut message = Message(Vec::new());
/// let traceparent: Traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse()?;
/// inject(&TraceContext::new(traceparent), &mut message);
/// assert_eq!(message.0[0].0, "traceparent");
/// # Ok::<(), otelbar_propagation::TraceparentError>(())
/// ```
pub trait Injector {
    /// Sets the field of this name, in place of all fields there are of that name. `name` is in lower
    /// case, `value` is visible ASCII with spaces inside at most.
    fn set(&mut self, name: &str, value: &str);

    /// Takes away all fields of this name. `name` is in lower case.
    fn remove(&mut self, name: &str);
}

impl<S: BuildHasher> Extractor for HashMap<String, String, S> {
    fn values(&self, name: &'static str) -> impl Iterator<Item = &[u8]> {
        // Lower case is what injection writes; other spellings are looked for after it.
        let exact = self.get(name);
        let other =
            exact.is_none().then(|| self.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)));
        exact.into_iter().chain(other.into_iter().flatten().map(|(_, value)| value)).map(String::as_bytes)
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }
}

impl<S: BuildHasher> Injector for HashMap<String, String, S> {
    fn set(&mut self, name: &str, value: &str) {
        Injector::remove(self, name);
        self.insert(name.to_owned(), value.to_owned());
    }

    fn remove(&mut self, name: &str) {
        self.retain(|key, _| !key.eq_ignore_ascii_case(name));
    }
}

impl Extractor for BTreeMap<String, String> {
    fn values(&self, name: &'static str) -> impl Iterator<Item = &[u8]> {
        self.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_bytes())
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }
}

impl Injector for BTreeMap<String, String> {
    fn set(&mut self, name: &str, value: &str) {
        Injector::remove(self, name);
        self.insert(name.to_owned(), value.to_owned());
    }

    fn remove(&mut self, name: &str) {
        self.retain(|key, _| !key.eq_ignore_ascii_case(name));
    }
}

/// Pairs of name and value, as message queues have them.
impl<N: AsRef<str>, V: AsRef<[u8]>> Extractor for [(N, V)] {
    fn values(&self, name: &'static str) -> impl Iterator<Item = &[u8]> {
        self.iter()
            .filter(move |(key, _)| key.as_ref().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_ref())
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }
}

/// Pairs of name and value, as message queues have them.
impl Injector for Vec<(String, Vec<u8>)> {
    fn set(&mut self, name: &str, value: &str) {
        Injector::remove(self, name);
        self.push((name.to_owned(), value.as_bytes().to_vec()));
    }

    fn remove(&mut self, name: &str) {
        self.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_round_trip<C: Extractor + Injector>(mut carrier: C) {
        carrier.set("a", "1");
        carrier.set("a", "2");
        carrier.set("b", "3");
        assert_eq!(carrier.values("a").collect::<Vec<_>>(), [b"2"]);
        assert_eq!(carrier.fields().count(), 2);
        carrier.remove("a");
        assert_eq!(carrier.values("a").count(), 0);
        assert_eq!(carrier.values("b").count(), 1);
    }

    /// What is set in a map takes the place of what was there and is found again.
    #[test]
    fn maps_are_carriers() {
        check_round_trip(HashMap::from([("A".to_owned(), "0".to_owned())]));
        check_round_trip(BTreeMap::from([("A".to_owned(), "0".to_owned())]));
    }

    /// Names are compared without regard to case, and values keep their order.
    #[test]
    fn names_have_no_case() {
        let fields = [("A", "1"), ("b", "2"), ("a", "3")];
        assert_eq!(fields[..].values("a").collect::<Vec<_>>(), [b"1", b"3"]);
        let map = HashMap::from([("TraceParent".to_owned(), "x".to_owned())]);
        assert_eq!(Extractor::values(&map, "traceparent").count(), 1);
    }
}
