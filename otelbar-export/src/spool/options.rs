use std::path::PathBuf;
use std::time::Duration;

/// The spool: a persistent queue on disk, as the OpenTelemetry Collector's `sending_queue` has it with a `storage`. Where
/// encoded requests that cannot be sent now are kept, and how much of them. They are sent when the backend is back, or by
/// the next process that is given the folder.
///
/// - The folder is for one destination: whoever opens it next sends what lies there. Processes that send to the same
///   backend may share it; each has a part of its own in it, and takes over what a process that has ended left. What
///   was encoded in another way than it sends now stays there, for one that sends so again.
/// - What is not delivered is on disk [a second](Self::with_write_delay) after it was enqueued.
/// - A request is sent at least once. When the process or the machine stops between the backend's answer and the
///   removal of the file, it is sent again; backends tell such spans by their ids.
/// - What lies there are spans as they are sent, and so may hold personal data. The files can be read by their owner
///   alone, which Windows leaves to the rights of the folder.
/// - What lies there is sent with this process's credentials. So the folder, and all in it, has to belong to the user of
///   this process and to be writable by no other, and is no symbolic link; a folder that is made is for this user alone
///   (`0700`). Windows leaves that, too, to the rights of the folder.
/// - A folder that cannot be used, or that is not safe, is told by a warning and in
///   [`Statistics::spool_problem`](crate::Statistics::spool_problem); export goes on without a spool.
/// - It needs a file system with locks and renames that a crash does not tear: a local disk.
///
/// ```
/// use otelbar_export::SpoolOptions;
///
/// let options = SpoolOptions::new("/var/lib/shop/spans").with_max_bytes(256 * 1024 * 1024);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolOptions {
    pub(crate) folder: PathBuf,
    pub(crate) max_bytes: u64,
    pub(crate) write_delay: Duration,
}

impl SpoolOptions {
    /// What one record needs.
    pub(crate) const LEAST: u64 = 4096;

    /// Keeps them in this folder, which is made if it is not there.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), max_bytes: 64 * 1024 * 1024, write_delay: Duration::from_secs(1) }
    }

    /// How much disk each process may use there, in bytes. Default 64 MiB; at least 4 KiB. The oldest requests give way to
    /// new ones, and their spans are counted as dropped. A request counts with what the file system needs for it: some
    /// hundred bytes more than it has, rounded up to a multiple of 4 KiB.
    pub fn with_max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// How long after it was enqueued a span may be only in memory. Default 1 s; at least 10 ms.
    ///
    /// What the backend has taken by then costs nothing on disk. The rest is written down: what waits in the queue, and
    /// what is being sent and not answered. So a process that is killed, or calls [`exit`](std::process::exit) without a
    /// shutdown, loses what was enqueued in this time before it, and what the disk then takes to write; no more.
    /// Spans wait for a batch for half of it at most, whatever
    /// [`with_scheduled_delay`](crate::PipelineBuilder::with_scheduled_delay) says.
    pub fn with_write_delay(mut self, delay: Duration) -> Self {
        self.write_delay = delay.max(Duration::from_millis(10));
        self
    }
}
