use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::ToolbarBody;
use super::open_request::Watch;
use crate::web::Pending;

pin_project! {
    /// The future of a [`ToolbarService`](super::ToolbarService).
    #[derive(Debug)]
    pub struct ToolbarFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProjection]
    #[derive(Debug)]
    enum State<F> {
        Off { #[pin] inner: F },
        Watched { #[pin] inner: F, watch: Option<Watch> },
        Own { #[pin] answer: Pending },
    }
}

impl<F> ToolbarFuture<F> {
    pub(super) fn off(inner: F) -> Self {
        ToolbarFuture { state: State::Off { inner } }
    }

    pub(super) fn watched(inner: F, watch: Watch) -> Self {
        ToolbarFuture { state: State::Watched { inner, watch: Some(watch) } }
    }

    pub(super) fn own(answer: Pending) -> Self {
        ToolbarFuture { state: State::Own { answer } }
    }
}

impl<F, B, E> Future for ToolbarFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<ToolbarBody<B>>, E>;

    /// # Panics
    ///
    /// When polled again after it was ready, as futures may.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Off { inner } => {
                inner.poll(cx).map_ok(|response| response.map(ToolbarBody::untouched))
            }
            StateProjection::Watched { inner, watch } => {
                let Some(current) = watch.as_ref() else { return already_done() };
                let result = ready!(current.run(|| inner.poll(cx)));
                let Some(watch) = watch.take() else { return already_done() };
                Poll::Ready(match result {
                    Ok(response) => Ok(watch.respond(response)),
                    Err(error) => {
                        watch.failed(std::any::type_name::<E>());
                        Err(error)
                    }
                })
            }
            StateProjection::Own { answer } => {
                answer.poll(cx).map(|answer| Ok(answer.map(ToolbarBody::page)))
            }
        }
    }
}

fn already_done<T>() -> Poll<T> {
    panic!("`ToolbarFuture` polled after it was ready")
}
