//! Where the bytes go.

use std::fmt;
use std::io::{self, Write};
use std::thread;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::ConsoleTarget;

/// Standard output or standard error, written by a thread of its own: who reads a pipe slowly, or not at all, keeps
/// that thread and nobody else. It ends when this is dropped and what it writes is written.
pub(crate) struct Console {
    jobs: mpsc::Sender<Job>,
}

struct Job {
    bytes: Bytes,
    done: oneshot::Sender<io::Result<()>>,
}

impl Console {
    /// # Errors
    ///
    /// When the system has no thread left.
    pub(crate) fn open(target: ConsoleTarget) -> io::Result<Self> {
        match target {
            ConsoleTarget::Stdout => Self::new(io::stdout()),
            ConsoleTarget::Stderr => Self::new(io::stderr()),
        }
    }

    /// Writes to `target` instead.
    fn new(target: impl Write + Send + 'static) -> io::Result<Self> {
        // The thread holds one more, so that no more than two batches wait for a reader.
        let (jobs, to_do) = mpsc::channel(1);
        // Not a blocking task of the runtime, which would wait for it at its own end.
        thread::Builder::new().name("otelbar-console".to_owned()).spawn(move || work(target, to_do))?;
        Ok(Self { jobs })
    }

    /// Writes it all and flushes it; nothing else that this process writes to there comes between. It may be given up
    /// by dropping the future: what the thread has not begun by then is not written, and what it has begun may be.
    ///
    /// # Errors
    ///
    /// What the target says; a reader who is gone is [`io::ErrorKind::BrokenPipe`]. Part of it may be written by
    /// then, so it is not for sending again.
    pub(crate) async fn write(&self, bytes: Bytes) -> io::Result<()> {
        let (done, result) = oneshot::channel();
        // Both fail when the thread has ended, which only a panic of the target brings about.
        let ended = || io::Error::other("the thread that writes to the console has ended");
        self.jobs.send(Job { bytes, done }).await.map_err(|_| ended())?;
        result.await.unwrap_or_else(|_| Err(ended()))
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console").finish_non_exhaustive()
    }
}

fn work(mut target: impl Write, mut to_do: mpsc::Receiver<Job>) {
    while let Some(Job { bytes, done }) = to_do.blocking_recv() {
        if !done.is_closed() {
            let result = target.write_all(&bytes).and_then(|()| target.flush());
            // Nobody may wait for it any more.
            let _ = done.send(result);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::pin::pin;
    use std::sync::mpsc as std_mpsc;
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    use super::*;

    /// More than any pipe holds.
    const LARGE: usize = 4 << 20;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
    }

    #[test]
    fn what_is_written_arrives_in_order() {
        let (mut reader, writer) = io::pipe().unwrap();
        let console = Console::new(writer).unwrap();
        runtime().block_on(async {
            console.write("one\n".into()).await.unwrap();
            console.write("two\n".into()).await.unwrap();
        });
        drop(console);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\ntwo\n");
    }

    /// Time is paused, so it passes only while the runtime has nothing to do: the write does not keep it.
    #[test]
    fn a_pipe_nobody_reads_keeps_neither_the_runtime_nor_its_end() {
        let (mut reader, writer) = io::pipe().unwrap();
        let console = Console::new(writer).unwrap();
        let runtime = runtime();
        runtime.block_on(async {
            let written =
                tokio::time::timeout(Duration::from_secs(3600), console.write(vec![b'x'; LARGE].into()));
            assert!(written.await.is_err());
        });
        drop(runtime);
        drop(console);
        // The thread still writes, if it had begun by then.
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty() || rest.len() == LARGE);
    }

    #[test]
    fn a_reader_who_is_gone_is_an_error() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let console = Console::new(writer).unwrap();
        for _ in 0..2 {
            let error = runtime().block_on(console.write("x".into())).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        }
    }

    /// Tells of each write and waits until it may go on.
    struct Gate {
        begun: std_mpsc::Sender<Vec<u8>>,
        go_on: std_mpsc::Receiver<()>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.begun.send(bytes.to_vec()).map_err(io::Error::other)?;
            self.go_on.recv().map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_was_given_up_before_it_was_begun_is_not_written() {
        let (begun, began) = std_mpsc::channel();
        let (open, go_on) = std_mpsc::channel();
        let console = Console::new(Gate { begun, go_on }).unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let mut first = pin!(console.write("first".into()));
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert_eq!(began.recv().unwrap(), b"first");
        {
            let mut waiting = pin!(console.write("in the channel".into()));
            let mut outside = pin!(console.write("before the channel".into()));
            assert!(waiting.as_mut().poll(&mut context).is_pending());
            assert!(outside.as_mut().poll(&mut context).is_pending());
        }
        open.send(()).unwrap();
        open.send(()).unwrap();
        runtime().block_on(async {
            first.await.unwrap();
            console.write("last".into()).await.unwrap();
        });
        assert_eq!(began.try_iter().collect::<Vec<_>>(), [b"last"]);
    }

    struct Panics;

    impl Write for Panics {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            panic!("a target that panics")
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_target_that_panics_is_an_error() {
        let console = Console::new(Panics).unwrap();
        for _ in 0..2 {
            let written = runtime().block_on(console.write("x".into()));
            assert_eq!(written.unwrap_err().to_string(), "the thread that writes to the console has ended");
        }
        assert!(matches!(
            pin!(console.write("x".into())).poll(&mut Context::from_waker(Waker::noop())),
            Poll::Ready(Err(_))
        ));
    }
}
