//! The thread that answers: a request with many spans takes its time, which is not that of the application's executor.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::task::{Context, Poll, Waker};

use http::StatusCode;
use http::header::{self, HeaderValue};
use tokio::sync::oneshot;

use super::answer::{self, Answer, error};
use super::{Pages, Question};

/// Questions that may wait for the thread.
const CAPACITY: usize = 64;

/// Begun with the first question; it ends with the pages.
#[derive(Debug, Default)]
pub(super) struct PageThread {
    /// `None` where the system gave no thread.
    sender: OnceLock<Option<SyncSender<Job>>>,
}

/// What was asked, and where the answer goes.
#[derive(Debug)]
struct Job {
    pages: Arc<Pages>,
    question: Box<Question>,
    reply: oneshot::Sender<Answer>,
}

impl PageThread {
    fn sender(&self) -> Option<&SyncSender<Job>> {
        let start = || {
            let (sender, jobs) = sync_channel::<Job>(CAPACITY);
            let work = move || {
                for Job { pages, question, reply } in jobs {
                    // Whoever has gone does not need it any more.
                    if !reply.is_closed() {
                        let _ = reply.send(pages.answer(&question));
                    }
                }
            };
            std::thread::Builder::new().name("otelbar-page".into()).spawn(work).ok().map(|_| sender)
        };
        self.sender.get_or_init(start).as_ref()
    }
}

/// An answer that comes when it is there.
#[derive(Debug)]
pub(crate) struct Pending(State);

#[derive(Debug)]
enum State {
    /// Nobody has asked for the answer yet.
    Asked(Arc<Pages>, Box<Question>),
    Waiting(oneshot::Receiver<Answer>),
    Answered,
}

impl Pending {
    pub(super) fn new(pages: Arc<Pages>, question: Box<Question>) -> Self {
        Pending(State::Asked(pages, question))
    }

    /// Hands the question to the thread, or answers it where the thread cannot.
    fn begin(pages: Arc<Pages>, question: Box<Question>, cx: &Context<'_>) -> Begun {
        // Who is not to be woken does not ask again.
        let can_wait = !cx.waker().will_wake(Waker::noop());
        let Some(sender) = pages.thread.sender().filter(|_| can_wait).cloned() else {
            return Begun::Answered(pages.answer(&question));
        };
        let method = question.method.clone();
        let (reply, receiver) = oneshot::channel();
        match sender.try_send(Job { pages, question, reply }) {
            Ok(()) => Begun::Waiting(receiver),
            Err(_) => {
                let message = "too many questions wait for the toolbar's answer; ask again in a second";
                let mut answer = error(StatusCode::SERVICE_UNAVAILABLE, message);
                answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                Begun::Answered(answer::finish(answer, &method))
            }
        }
    }
}

enum Begun {
    Waiting(oneshot::Receiver<Answer>),
    Answered(Answer),
}

impl Future for Pending {
    type Output = Answer;

    /// # Panics
    ///
    /// When polled again after it was ready, as futures may.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        loop {
            match std::mem::replace(&mut self.0, State::Answered) {
                State::Asked(pages, question) => match Pending::begin(pages, question, cx) {
                    Begun::Waiting(receiver) => self.0 = State::Waiting(receiver),
                    Begun::Answered(answer) => return Poll::Ready(answer),
                },
                State::Waiting(mut receiver) => match Pin::new(&mut receiver).poll(cx) {
                    Poll::Pending => {
                        self.0 = State::Waiting(receiver);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok(answer)) => return Poll::Ready(answer),
                    Poll::Ready(Err(_)) => {
                        let message =
                            "the toolbar's thread for its pages has ended; please report this as a bug";
                        return Poll::Ready(error(StatusCode::INTERNAL_SERVER_ERROR, message));
                    }
                },
                State::Answered => panic!("an answer of the toolbar's was polled after it was ready"),
            }
        }
    }
}
