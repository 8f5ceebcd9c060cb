use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use pin_project_lite::pin_project;

use super::bar::Fragment;
use super::body_end::BodyWatch;

pin_project! {
    /// The body of a watched service: the application's own, untouched but for the bar at the end of a page, or one of
    /// the toolbar's pages.
    #[derive(Debug)]
    pub struct ToolbarBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProjection]
    #[derive(Debug)]
    enum Kind<B> {
        Untouched { #[pin] inner: B },
        Watched {
            #[pin]
            inner: B,
            watch: BodyWatch,
            bar: Option<Fragment>,
            start: FirstBytes,
            trailers: Option<HeaderMap>,
            ended: bool,
        },
        Page { #[pin] inner: Full<Bytes> },
    }
}

impl<B> ToolbarBody<B> {
    pub(super) fn untouched(inner: B) -> Self {
        ToolbarBody { kind: Kind::Untouched { inner } }
    }

    pub(super) fn watched(inner: B, watch: BodyWatch, bar: Option<Fragment>) -> Self {
        let start = FirstBytes::default();
        ToolbarBody { kind: Kind::Watched { inner, watch, bar, start, trailers: None, ended: false } }
    }

    pub(super) fn page(inner: Full<Bytes>) -> Self {
        ToolbarBody { kind: Kind::Page { inner } }
    }
}

/// The first bytes of a body, which tell its encoding.
#[derive(Debug, Default)]
struct FirstBytes {
    bytes: [u8; 2],
    known: usize,
}

impl FirstBytes {
    fn note(&mut self, data: Option<&Bytes>) {
        let missing = &mut self.bytes[self.known..];
        for (to, from) in missing.iter_mut().zip(data.into_iter().flatten()) {
            *to = *from;
            self.known += 1;
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.known]
    }
}

impl<B: Body> Body for ToolbarBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProjection::Untouched { inner } => inner.poll_frame(cx).map_ok(into_bytes),
            KindProjection::Page { inner } => {
                Poll::Ready(ready!(inner.poll_frame(cx)).and_then(Result::ok).map(Ok))
            }
            KindProjection::Watched { mut inner, watch, bar, start, trailers, ended } => {
                if let Some(trailers) = trailers.take() {
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                }
                if *ended {
                    return Poll::Ready(None);
                }
                // A server does not ask for more than it was told of, and a body may wait or fail behind that.
                if let Some(bar) = bar.take_if(|_| watch.is_whole()) {
                    return Poll::Ready(Some(Ok(Frame::data(bar.after(start.bytes())))));
                }
                let frame = ready!(watch.run(|| inner.as_mut().poll_frame(cx)));
                let frame = match frame {
                    None => {
                        *ended = true;
                        watch.completed();
                        return Poll::Ready(bar.take().map(|bar| Ok(Frame::data(bar.after(start.bytes())))));
                    }
                    Some(Err(error)) => {
                        *ended = true;
                        *bar = None;
                        watch.failed(std::any::type_name::<B::Error>());
                        return Poll::Ready(Some(Err(error)));
                    }
                    Some(Ok(frame)) => into_bytes(frame),
                };
                let frame = match frame.into_trailers() {
                    Ok(own) => {
                        *ended = true;
                        watch.completed();
                        match bar.take() {
                            Some(bar) => {
                                *trailers = Some(own);
                                Frame::data(bar.after(start.bytes()))
                            }
                            None => Frame::trailers(own),
                        }
                    }
                    Err(frame) => {
                        if bar.is_some() {
                            start.note(frame.data_ref());
                        }
                        watch.sent(frame.data_ref().map_or(0, Bytes::len) as u64);
                        // Servers stop asking once a body says that it has ended, or its length is sent.
                        if inner.is_end_stream() {
                            watch.completed();
                        }
                        frame
                    }
                };
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Untouched { inner } => inner.is_end_stream(),
            Kind::Page { inner } => inner.is_end_stream(),
            Kind::Watched { inner, bar, trailers, ended, .. } => {
                bar.is_none() && trailers.is_none() && (*ended || inner.is_end_stream())
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Untouched { inner } => inner.size_hint(),
            Kind::Page { inner } => inner.size_hint(),
            Kind::Watched { ended: true, bar, .. } => {
                SizeHint::with_exact(bar.as_ref().map_or(0, Fragment::len))
            }
            Kind::Watched { inner, bar, .. } => {
                let bar = bar.as_ref().map_or(0, Fragment::len);
                let own = inner.size_hint();
                let mut hint = SizeHint::new();
                hint.set_lower(own.lower().saturating_add(bar));
                if let Some(upper) = own.upper().and_then(|upper| upper.checked_add(bar)) {
                    hint.set_upper(upper);
                }
                hint
            }
        }
    }
}

fn into_bytes<D: Buf>(frame: Frame<D>) -> Frame<Bytes> {
    frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))
}
