//! A connection whose end and pace are chosen.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Sleep, sleep};

use super::stage::Ending;

/// A stream that writes at the pace its [`Control`] says.
pub(super) struct Connection {
    stream: TcpStream,
    control: Arc<Control>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    /// The connection, and another handle of its socket with which to [end](Control::end) it.
    pub(super) fn new(stream: TcpStream, control: Arc<Control>) -> io::Result<(Self, TcpStream)> {
        let stream = stream.into_std()?;
        let socket = TcpStream::from_std(stream.try_clone()?)?;
        Ok((Self { stream: TcpStream::from_std(stream)?, control, pause: None }, socket))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let Some(pace) = self.control.pace_of_write() else {
            self.pause = None;
            return Pin::new(&mut self.stream).poll_write(cx, data);
        };
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let first = data.get(..1).unwrap_or_default();
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, first));
        self.pause = Some(Box::pin(sleep(pace)));
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Those above flush when they have written all they had.
        self.control.flushed();
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Tells a connection, from inside an exchange on it, how to go on.
#[derive(Debug, Default)]
pub(super) struct Control {
    state: Mutex<State>,
    told: Notify,
    flushed: Notify,
}

#[derive(Debug, Default)]
struct State {
    farewell: Option<Farewell>,
    /// The pause after each byte.
    pace: Option<Duration>,
    /// Whether there was a write since the last flush.
    writing: bool,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    Reset,
    Close,
    Garbage,
}

impl Farewell {
    /// None for a hanging one, which goes on one day.
    pub(super) fn of(ending: Ending) -> Option<Self> {
        match ending {
            Ending::Hang => None,
            Ending::Reset => Some(Self::Reset),
            Ending::Close => Some(Self::Close),
        }
    }
}

impl Control {
    /// Has the connection ended in this way; what was written before is sent.
    pub(super) fn say(&self, farewell: Farewell) {
        self.lock().farewell = Some(farewell);
        self.told.notify_one();
    }

    /// [Says](Self::say) so from inside an exchange, which ends with the connection and not here.
    pub(super) async fn break_off<T>(&self, farewell: Farewell) -> T {
        self.say(farewell);
        std::future::pending().await
    }

    /// Until it is to end.
    pub(super) async fn told(&self) {
        self.told.notified().await;
    }

    /// Ends the connection as it was told, in all its handles.
    pub(super) async fn end(&self, mut socket: TcpStream) {
        let farewell = self.lock().farewell;
        match farewell {
            None => {}
            Some(Farewell::Reset) => {
                let _ = SockRef::from(&socket).set_linger(Some(Duration::ZERO));
            }
            Some(Farewell::Garbage) => {
                let _ = socket.write_all(b"\x00\xffthis is not HTTP\r\n\r\n").await;
            }
            Some(Farewell::Close) => {
                let _ = socket.shutdown().await;
                // The system turns a close into a reset where something is unread.
                let mut rest = [0; 4096];
                while let Ok(1..) = socket.read(&mut rest).await {}
            }
        }
    }

    /// Has the connection write one byte at a time, with a pause after each; without one, as much as it can.
    pub(super) fn set_pace(&self, pause: Option<Duration>) {
        self.lock().pace = pause;
    }

    /// Until all is written that those above have handed over by now.
    pub(super) async fn written(&self) {
        // They have begun to write when this has passed.
        let pause = self.lock().pace.unwrap_or_default();
        sleep(pause.max(Duration::from_millis(1))).await;
        while self.lock().writing {
            self.flushed.notified().await;
        }
    }

    fn pace_of_write(&self) -> Option<Duration> {
        let mut state = self.lock();
        state.writing = true;
        state.pace
    }

    fn flushed(&self) {
        self.lock().writing = false;
        self.flushed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
