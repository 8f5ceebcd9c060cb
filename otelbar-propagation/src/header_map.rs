//! The headers of the `http` crate as a carrier.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::carrier::{Extractor, Injector};
use crate::extraction::{self, Extraction};
use crate::{Baggage, TraceContext, Traceparent, Tracestate};

static TRACEPARENT: HeaderName = HeaderName::from_static(Traceparent::HEADER);
static TRACESTATE: HeaderName = HeaderName::from_static(Tracestate::HEADER);
static BAGGAGE: HeaderName = HeaderName::from_static(Baggage::HEADER);

/// Reads the W3C trace context and baggage from the headers of a request.
///
/// The traceparent is read at once and without allocating; `tracestate` and baggage when they are asked
/// for. See [`Extraction`].
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use otelbar_propagation::{Extracted, extract_trace_context};
///
/// let mut headers = HeaderMap::new();
/// headers.insert(
///     "traceparent",
///     HeaderValue::from_static("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
/// );
/// headers.append("tracestate", HeaderValue::from_static("rojo=00f067aa0ba902b7"));
/// headers.append("tracestate", HeaderValue::from_static("congo=t61rcWkgMzE"));
///
/// let extraction = extract_trace_context(&headers);
/// match extraction.extracted() {
///     Extracted::Accepted(traceparent) => assert!(traceparent.flags().is_sampled()),
///     Extracted::Refused(refusal) => println!("{refusal}"),
///     _ => println!("a new trace"),
/// }
/// assert_eq!(extraction.tracestate().to_header(), "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
/// ```
#[inline]
pub fn extract_trace_context(headers: &HeaderMap) -> Extraction<'_, HeaderMap> {
    extraction::extract(headers)
}

/// Writes the W3C trace context and baggage to the headers of a request, in place of what is there.
///
/// With a traceparent, a `tracestate` that is there already is taken away if there is none to write: it
/// belongs to another trace. `baggage` is written if there is any, and left as it is if there is none.
///
/// All values share one allocation, up to 4096 bytes together; above that there are two.
///
/// ```
/// use http::HeaderMap;
/// use otelbar_propagation::{TraceContext, Traceparent, Tracestate, inject_trace_context};
///
/// let traceparent: Traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse()?;
/// let context = TraceContext::new(traceparent).with_tracestate(Tracestate::parse("congo=t61rcWkgMzE").unwrap());
/// let mut headers = HeaderMap::new();
/// inject_trace_context(&context, &mut headers);
/// assert_eq!(headers["traceparent"], "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
/// assert_eq!(headers["tracestate"], "congo=t61rcWkgMzE");
/// # Ok::<(), otelbar_propagation::TraceparentError>(())
/// ```
pub fn inject_trace_context(context: &TraceContext<'_>, headers: &mut HeaderMap) {
    let (tracestate, baggage) = (context.tracestate(), context.baggage());
    if tracestate.is_empty() && baggage.is_empty() {
        if let Some(traceparent) = context.traceparent() {
            // Digits and dashes are allowed in a header.
            if let Ok(value) = HeaderValue::from_bytes(&traceparent.to_bytes()) {
                let _ = headers.try_insert(&TRACEPARENT, value);
            }
            remove(headers, &TRACESTATE);
        }
        return;
    }

    let traceparent_len = if context.traceparent().is_some() { Traceparent::LEN } else { 0 };
    let tracestate_end = traceparent_len + tracestate.header_len();
    let end = tracestate_end + baggage.header_len();
    let values = share(end, |buffer| {
        if let Some(traceparent) = context.traceparent() {
            buffer.push(&traceparent.to_bytes());
        }
        tracestate.write_header(|piece| buffer.push(piece.as_bytes()));
        baggage.write_header(|piece| buffer.push(piece.as_bytes()));
    });
    if context.traceparent().is_some() {
        insert(headers, &TRACEPARENT, values.slice(..traceparent_len));
        if tracestate.is_empty() {
            remove(headers, &TRACESTATE);
        } else {
            insert(headers, &TRACESTATE, values.slice(traceparent_len..tracestate_end));
        }
    }
    if !baggage.is_empty() {
        insert(headers, &BAGGAGE, values.slice(tracestate_end..));
    }
}

impl Extractor for HeaderMap {
    #[inline]
    fn values(&self, name: &'static str) -> impl Iterator<Item = &[u8]> {
        match known(name) {
            Some(name) if self.len() <= FEW => Values::Few(self.iter(), name),
            Some(name) => Values::Many(self.get_all(name).into_iter()),
            None => Values::Many(self.get_all(name).into_iter()),
        }
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }
}

/// So many fields are looked through sooner than one name is hashed.
const FEW: usize = 8;

/// The values of a name.
enum Values<'h> {
    /// By comparing the names of all fields.
    Few(header::Iter<'h, HeaderValue>, &'static HeaderName),
    Many(header::ValueIter<'h, HeaderValue>),
}

impl<'h> Iterator for Values<'h> {
    type Item = &'h [u8];

    #[inline]
    fn next(&mut self) -> Option<&'h [u8]> {
        let value = match self {
            Self::Few(fields, name) => fields.find(|&(other, _)| other == *name).map(|(_, value)| value),
            Self::Many(values) => values.next(),
        };
        value.map(HeaderValue::as_bytes)
    }
}

/// What is no valid name or value of a header is not set, and nothing is set in a map that is full.
impl Injector for HeaderMap {
    fn set(&mut self, name: &str, value: &str) {
        let Ok(value) = HeaderValue::from_str(value) else { return };
        if let Some(name) = known(name) {
            let _ = self.try_insert(name, value);
        } else if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            let _ = self.try_insert(name, value);
        }
    }

    fn remove(&mut self, name: &str) {
        HeaderMap::remove(self, name);
    }
}

/// The names that need no parsing.
#[inline]
fn known(name: &str) -> Option<&'static HeaderName> {
    match name {
        Traceparent::HEADER => Some(&TRACEPARENT),
        Tracestate::HEADER => Some(&TRACESTATE),
        Baggage::HEADER => Some(&BAGGAGE),
        _ => None,
    }
}

fn remove(headers: &mut HeaderMap, name: &HeaderName) {
    if headers.len() > FEW || headers.keys().any(|other| other == name) {
        headers.remove(name);
    }
}

fn insert(headers: &mut HeaderMap, name: &HeaderName, value: Bytes) {
    // Only characters that are allowed in a header are ever in the types that were written.
    if let Ok(value) = HeaderValue::from_maybe_shared(value) {
        let _ = headers.try_insert(name, value);
    }
}

/// A buffer of `len` bytes, filled by `write`, that several header values can share. A buffer of a fixed
/// size lives in one allocation with its reference count; a vector would need a second one.
fn share(len: usize, write: impl FnOnce(&mut Buffer<'_>)) -> Bytes {
    fn fixed<const N: usize>(len: usize, write: impl FnOnce(&mut Buffer<'_>)) -> Bytes {
        let mut bytes = [0; N];
        write(&mut Buffer { bytes: &mut bytes, len: 0 });
        Bytes::from_owner(Fixed { bytes, len })
    }

    match len {
        0..=128 => fixed::<128>(len, write),
        129..=256 => fixed::<256>(len, write),
        257..=1024 => fixed::<1024>(len, write),
        1025..=4096 => fixed::<4096>(len, write),
        _ => {
            let mut bytes = vec![0; len];
            write(&mut Buffer { bytes: &mut bytes, len: 0 });
            bytes.into()
        }
    }
}

struct Fixed<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> AsRef<[u8]> for Fixed<N> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

struct Buffer<'b> {
    bytes: &'b mut [u8],
    len: usize,
}

impl Buffer<'_> {
    fn push(&mut self, piece: &[u8]) {
        if let Some(place) = self.bytes.get_mut(self.len..self.len + piece.len()) {
            place.copy_from_slice(piece);
            self.len += piece.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-12345678901234567890123456789012-1234567890123456-01";

    /// Every combination of what there is to write comes back, whatever size the buffer is.
    #[test]
    fn what_is_injected_is_extracted() {
        let tracestate = |len: usize| -> Tracestate<'static> {
            let members: Vec<String> = (0..len).map(|n| format!("k{n}={}", "v".repeat(200))).collect();
            Tracestate::parse(&members.join(",")).unwrap().into_owned()
        };
        for traceparent in [None, Some(VALID.parse().unwrap())] {
            for members in [0, 1, 4, 18, 31] {
                for baggage in ["", "a=1;p,b=%25"] {
                    let context = traceparent
                        .map_or(TraceContext::empty(), TraceContext::new)
                        .with_tracestate(tracestate(members))
                        .with_baggage(Baggage::parse(baggage).unwrap());
                    let mut headers = HeaderMap::new();
                    inject_trace_context(&context, &mut headers);
                    assert_eq!(extract_trace_context(&headers).context(), context);
                    let written = |present: bool| usize::from(present);
                    assert_eq!(
                        headers.len(),
                        written(traceparent.is_some())
                            + written(!context.tracestate().is_empty())
                            + written(!baggage.is_empty()),
                        "nothing empty is sent"
                    );
                }
            }
        }
    }

    /// Headers of another trace, however many, do not stay beside the one that is written.
    #[test]
    fn what_is_there_is_replaced() {
        let mut headers = HeaderMap::new();
        for name in ["traceparent", "tracestate"] {
            headers.append(name, HeaderValue::from_static("old"));
            headers.append(name, HeaderValue::from_static("older"));
        }
        inject_trace_context(&TraceContext::new(VALID.parse().unwrap()), &mut headers);
        assert_eq!(headers.len(), 1);
        assert_eq!(headers["traceparent"], VALID);
    }

    /// A map that is full stays as it is; nothing panics.
    #[test]
    fn a_full_map_is_left_alone() {
        let mut headers = HeaderMap::new();
        for number in 0.. {
            let name = HeaderName::from_bytes(format!("x-{number}").as_bytes()).unwrap();
            if headers.try_insert(name, HeaderValue::from_static("other")).is_err() {
                break;
            }
        }
        let before = headers.len();
        let context = TraceContext::new(VALID.parse().unwrap()).with_baggage(Baggage::parse("a=1").unwrap());
        inject_trace_context(&context, &mut headers);
        crate::inject(&context, &mut headers);
        assert_eq!(headers.len(), before);
    }

    /// Few fields are looked through and many are hashed; what is found is the same.
    #[test]
    fn the_number_of_other_fields_changes_nothing() {
        for others in 0..20 {
            let mut headers = HeaderMap::new();
            for number in 0..others {
                let name = HeaderName::from_bytes(format!("x-{number}").as_bytes()).unwrap();
                headers.insert(name, HeaderValue::from_static("other"));
            }
            assert!(extract_trace_context(&headers).is_absent());
            headers.insert("traceparent", HeaderValue::from_static(VALID));
            headers.append("tracestate", HeaderValue::from_static("a=1"));
            headers.append("tracestate", HeaderValue::from_static("b=2"));
            let extraction = extract_trace_context(&headers);
            assert_eq!(extraction.traceparent().unwrap().to_string(), VALID);
            assert_eq!(extraction.tracestate().to_header(), "a=1,b=2");
            assert_eq!(Extractor::values(&headers, "x-0").count(), usize::from(others > 0));

            inject_trace_context(&TraceContext::new(VALID.parse().unwrap()), &mut headers);
            assert_eq!((headers.len(), headers.contains_key("tracestate")), (others + 1, false));
            headers.append("traceparent", HeaderValue::from_static(VALID));
            assert!(extract_trace_context(&headers).refusal().is_some());
        }
    }

    /// Bytes that are no text refuse the header they are in, and nothing else.
    #[test]
    fn bytes_that_are_no_text() {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", HeaderValue::from_bytes(b"\xff\xfe").unwrap());
        assert_eq!(extract_trace_context(&headers).refusal().unwrap().excerpt(), "\\xff\\xfe");
        headers.insert("traceparent", HeaderValue::from_static(VALID));
        headers.insert("tracestate", HeaderValue::from_bytes(b"a=\xff").unwrap());
        headers.insert("baggage", HeaderValue::from_bytes(b"a=\xff,b=1").unwrap());
        let extraction = extract_trace_context(&headers);
        assert!(extraction.traceparent().is_some() && extraction.tracestate().is_empty());
        assert_eq!(extraction.baggage().to_header(), "b=1");
        assert_eq!(extraction.warnings().count(), 2);
    }
}
