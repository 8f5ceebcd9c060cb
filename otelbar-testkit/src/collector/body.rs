//! Bodies of answers.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;

/// The body of any answer.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// So many bytes that mean nothing, behind a prefix; they are made while they are sent.
pub(super) struct Filler {
    prefix: Bytes,
    left: usize,
}

static TILDES: [u8; 64 * 1024] = [b'~'; 64 * 1024];

impl Filler {
    pub(super) fn new(prefix: Bytes, size: usize) -> Self {
        Self { prefix, left: size }
    }
}

impl http_body::Body for Filler {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = if self.prefix.is_empty() {
            let piece = &TILDES[..self.left.min(TILDES.len())];
            self.left -= piece.len();
            Bytes::from_static(piece)
        } else {
            std::mem::take(&mut self.prefix)
        };
        Poll::Ready((!data.is_empty()).then(|| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.prefix.is_empty() && self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.prefix.len() as u64 + self.left as u64)
    }
}

/// A body that waits in its middle for something, which may never come.
pub(super) struct Interrupted {
    before: Bytes,
    wait: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    after: Body,
}

impl Interrupted {
    pub(super) fn new(before: Bytes, wait: impl Future<Output = ()> + Send + 'static, after: Body) -> Self {
        Self { before, wait: Some(Box::pin(wait)), after }
    }
}

impl http_body::Body for Interrupted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.before.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.before)))));
        }
        if let Some(wait) = &mut self.wait {
            ready!(wait.as_mut().poll(cx));
            self.wait = None;
        }
        Pin::new(&mut self.after).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.before.is_empty() && self.wait.is_none() && self.after.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match self.after.size_hint().exact() {
            Some(after) => SizeHint::with_exact(self.before.len() as u64 + after),
            None => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_filler_of_any_size_lends_the_same_few_bytes() {
        let size = (100 << 20) + 7;
        let mut filler = Filler::new(Bytes::from_static(b"head"), size);
        assert_eq!(filler.size_hint().exact(), Some(size as u64 + 4));
        assert_eq!(filler.frame().await.unwrap().unwrap().into_data().unwrap(), "head");
        let mut sent = 0;
        while let Some(frame) = filler.frame().await {
            let piece = frame.unwrap().into_data().unwrap();
            assert_eq!(piece.as_ptr(), TILDES.as_ptr());
            sent += piece.len();
        }
        assert_eq!(sent, size);
        assert!(filler.is_end_stream());
    }
}
