//! Requests over kept connections, as many as the server answers, from one thread.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Error;

const CONNECTIONS: usize = 16;
/// A browser's navigation in short. The caller's trace is another one each time, in the place of the letters.
const REQUEST: &str = "GET /items/42 HTTP/1.1\r\n\
    host: 127.0.0.1\r\n\
    user-agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\
    accept: text/html\r\n\
    traceparent: 00-0af7651916cd43ddTTTTTTTTTTTTTTTT-b7ad6b7169203331-01\r\n\r\n";
const TRACE: &str = "TTTTTTTTTTTTTTTT";

/// Asks for so long, and gives the number of answers.
pub(crate) fn run(server: SocketAddr, time: Duration) -> Result<u64, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let until = Instant::now() + time;
        let traces = Arc::new(AtomicU64::new(1));
        let mut connections = JoinSet::new();
        for _ in 0..CONNECTIONS {
            connections.spawn(connection(server, until, Arc::clone(&traces)));
        }
        let mut answers = 0;
        while let Some(done) = connections.join_next().await {
            answers += done??;
        }
        Ok(answers)
    })
}

async fn connection(server: SocketAddr, until: Instant, traces: Arc<AtomicU64>) -> Result<u64, Error> {
    let mut stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let mut request = REQUEST.as_bytes().to_vec();
    let place = REQUEST.find(TRACE).ok_or("the request has a trace")?;
    let mut answer = Vec::with_capacity(16 * 1024);
    let mut answers = 0;
    while Instant::now() < until {
        let trace = format!("{:016x}", traces.fetch_add(1, Ordering::Relaxed));
        request[place..place + TRACE.len()].copy_from_slice(trace.as_bytes());
        stream.write_all(&request).await?;
        answer.clear();
        let mut known: Option<Ends> = None;
        while known.is_none_or(|ends| answer.len() < ends.answer) {
            if stream.read_buf(&mut answer).await? == 0 {
                return Err("the server closed a connection".into());
            }
            if known.is_none() {
                known = ends(&answer)?;
            }
        }
        answers += 1;
    }
    Ok(answers)
}

/// Where an answer ends, and its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ends {
    head: usize,
    answer: usize,
}

/// Of the answer that begins with these bytes; `None` while its head is not there yet.
fn ends(answer: &[u8]) -> Result<Option<Ends>, Error> {
    const BETWEEN: &[u8] = b"\r\n\r\n";
    let Some(head) = answer.windows(BETWEEN.len()).position(|bytes| bytes == BETWEEN) else {
        return Ok(None);
    };
    let text = str::from_utf8(&answer[..head])?;
    let mut lines = text.split("\r\n");
    let status = lines.next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(format!("the server answered `{status}`").into());
    }
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .ok_or("the server told no length of its answer")?
        .1;
    let head = head + BETWEEN.len();
    Ok(Some(Ends { head, answer: head + length.trim().parse::<usize>()? }))
}

/// The body of one answer. The connection is a kept one, for the toolbar shows its pages to no proxy.
pub(crate) fn get(server: SocketAddr, path: &str) -> Result<Vec<u8>, Error> {
    let mut stream = std::net::TcpStream::connect(server)?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")?;
    let (mut answer, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let length = stream.read(&mut part)?;
        if length == 0 {
            return Err("the answer is not whole".into());
        }
        answer.extend_from_slice(&part[..length]);
        if let Some(ends) = ends(&answer)?
            && answer.len() >= ends.answer
        {
            return Ok(answer[ends.head..ends.answer].to_vec());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_length_says() {
        let check = |answer: &str, expected: Option<(usize, usize)>| {
            let ends = ends(answer.as_bytes()).unwrap();
            assert_eq!(ends.map(|ends| (ends.head, ends.answer)), expected, "{answer:?}");
        };
        check("", None);
        check("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n", None);
        check("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", Some((38, 43)));
        check("HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length:  5\r\n\r\nhello", Some((52, 57)));
        check("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Some((38, 38)));
    }

    #[test]
    fn an_answer_that_is_not_the_page_is_an_error() {
        let check = |answer: &str, expected: &str| {
            let error = ends(answer.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n", "500 Oh");
        check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "no length");
    }

    #[test]
    fn a_request_has_room_for_its_trace() {
        assert_eq!(REQUEST.matches(TRACE).count(), 1);
        assert_eq!(format!("{:016x}", u64::MAX).len(), TRACE.len());
    }
}
