//! Exchanges that break off, byte by byte as a socket shows them.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use otelbar_testkit::{Collector, Ending, Fault, Reply, Stage};

use crate::client::{PATIENCE, call, framed, message, post};

/// A client that reads and writes when it is told.
struct Raw(TcpStream);

impl Raw {
    fn connect(collector: &Collector) -> Self {
        let stream = TcpStream::connect(collector.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// All that comes, and whether it ends in a reset.
    fn read(&mut self) -> (String, bool) {
        let (mut read, mut piece) = (Vec::new(), [0; 1024]);
        let reset = loop {
            match self.0.read(&mut piece) {
                Ok(0) => break false,
                Ok(n) => read.extend_from_slice(&piece[..n]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break true,
                Err(error) => panic!("neither an end nor a reset: {error}"),
            }
        };
        (String::from_utf8(read).unwrap(), reset)
    }
}

/// The pieces of a request, as far as they are sent before each stage.
struct Pieces {
    head: String,
    body: Vec<u8>,
}

impl Pieces {
    fn new() -> Self {
        let body = message(&["one"]);
        let head = format!(
            "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Self { head, body }
    }

    fn before(&self, stage: Stage) -> Vec<u8> {
        let half = self.body.len() / 2;
        match stage {
            Stage::Accept => Vec::new(),
            Stage::RequestHead => self.head.clone().into_bytes(),
            Stage::RequestBody => [self.head.as_bytes(), &self.body[..half]].concat(),
            _ => self.whole(),
        }
    }

    fn whole(&self) -> Vec<u8> {
        [self.head.as_bytes(), &self.body].concat()
    }

    fn after(&self, stage: Stage) -> Vec<u8> {
        self.whole().split_off(self.before(stage).len())
    }
}

/// Whether what was read is as much of an answer as there is at this stage.
#[track_caller]
fn assert_answered(read: &str, stage: Stage) {
    match (stage, read.split_once("\r\n\r\n")) {
        (Stage::ResponseHead | Stage::ResponseBody, Some((head, body))) => {
            assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("content-length: 2"), "{head}");
            assert_eq!(body, if stage == Stage::ResponseHead { "" } else { "\n" });
        }
        _ => assert_eq!(read, ""),
    }
}

#[test]
fn a_connection_breaks_at_each_stage() {
    for &stage in Stage::ALL {
        for ending in [Ending::Reset, Ending::Close] {
            let collector = Collector::start().unwrap();
            collector.respond_with([Fault::At(stage, ending)]);
            let mut client = Raw::connect(&collector);
            client.write(&Pieces::new().before(stage));
            let (read, reset) = client.read();
            assert_eq!(reset, ending == Ending::Reset, "{ending} after {stage}");
            assert_answered(&read, stage);

            let requests = collector.requests();
            assert_eq!(requests.len(), usize::from(stage != Stage::Accept));
            assert!(requests.iter().all(|request| request.reply == Reply::Broken), "{requests:?}");
            let told = stage >= Stage::ResponseHead;
            assert_eq!(collector.spans().len(), usize::from(told), "{ending} after {stage}");
        }
    }
}

#[test]
fn an_exchange_hangs_at_each_stage_and_goes_on() {
    for &stage in Stage::ALL {
        let collector = Collector::start().unwrap();
        collector.respond_with([Fault::At(stage, Ending::Hang)]);
        let (mut client, pieces) = (Raw::connect(&collector), Pieces::new());
        client.write(&pieces.before(stage));
        if stage == Stage::Accept {
            collector.wait_for_connections(1, PATIENCE).unwrap();
        } else {
            let requests = collector.wait_for_requests(|requests| requests.len() == 1, PATIENCE).unwrap();
            assert_eq!(requests[0].reply, Reply::Pending, "{stage}");
        }
        if stage >= Stage::ResponseHead {
            collector.wait_for(|spans| spans.len() == 1, PATIENCE).unwrap();
        } else {
            assert!(collector.spans().is_empty(), "{stage}");
        }

        collector.release();
        client.write(&pieces.after(stage));
        let (read, reset) = client.read();
        assert!(read.starts_with("HTTP/1.1 200 OK") && !reset, "{stage}: {read}");
        let request = &collector.requests()[0];
        assert_eq!((&request.body[..], request.spans), (&pieces.body[..], 1), "{stage}");
        assert_eq!((request.reply, collector.spans().len()), (Reply::Status(200), 1), "{stage}");
    }
}

#[test]
fn a_hanging_connection_reads_nothing() {
    let collector = Collector::start().unwrap();
    collector.respond_with([Fault::At(Stage::Accept, Ending::Hang)]);
    let mut client = Raw::connect(&collector);
    client.0.set_nonblocking(true).unwrap();
    // More than the buffers of both sides, so it is stuck where nobody reads.
    let stuck = client.0.write_all(&vec![b'x'; 1 << 26]).map_err(|error| error.kind());
    assert_eq!((stuck, collector.requests().len()), (Err(ErrorKind::WouldBlock), 0));
}

/// Over gRPC the head comes without the trailers that say how it went.
#[tokio::test]
async fn an_answer_over_grpc_breaks_before_its_trailers() {
    for ending in [Ending::Reset, Ending::Close] {
        for (stage, message) in [(Stage::ResponseHead, 0), (Stage::ResponseBody, 5)] {
            let collector = Collector::start().unwrap();
            collector.respond_with([Fault::At(stage, ending)]);
            let client: Client<_, Full<Bytes>> =
                Client::builder(TokioExecutor::new()).http2_only(true).build_http();
            let request = http::Request::post(format!(
                "{}/opentelemetry.proto.collector.trace.v1.TraceService/Export",
                collector.endpoint()
            ))
            .header("content-type", "application/grpc")
            .body(Full::from(framed(&crate::client::message(&["one"]), false)))
            .unwrap();
            match client.request(request).await {
                // A client that writes at the wrong moment meets the reset before it reads what came before.
                Err(_) => assert_eq!(ending, Ending::Reset, "after {stage}"),
                Ok(response) => {
                    assert_eq!(response.status(), StatusCode::OK);
                    assert_eq!(response.headers().get("grpc-status"), None);
                    let (read, end) = read_data(response.into_body()).await;
                    assert!(end.is_err(), "{ending} after {stage}");
                    assert!(
                        read == message || (read == 0 && ending == Ending::Reset),
                        "{ending} after {stage}"
                    );
                }
            }
            assert_eq!((collector.requests()[0].reply, collector.spans().len()), (Reply::Broken, 0));
        }
    }
}

/// How many bytes of data came, and whether the body ended well.
async fn read_data(mut body: Incoming) -> (usize, hyper::Result<()>) {
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => read += frame.data_ref().map_or(0, Bytes::len),
            Err(error) => return (read, Err(error)),
        }
    }
    (read, Ok(()))
}

/// The script is followed in its order whether the client connects anew or not.
#[tokio::test]
async fn a_kept_connection_meets_what_is_meant_for_a_new_one() {
    let collector = Collector::start().unwrap();
    collector.respond_with([
        Fault::Accept,
        Fault::At(Stage::Accept, Ending::Reset),
        Fault::status(503),
        Fault::At(Stage::Accept, Ending::Close),
    ]);
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let send = || {
        let request = http::Request::post(collector.traces_endpoint())
            .header("content-type", "application/x-protobuf")
            .body(Full::from(message(&["one"])))
            .unwrap();
        let response = client.request(request);
        async {
            let response = response.await.ok()?;
            let status = response.status().as_u16();
            // The connection is kept when the body was read.
            response.into_body().collect().await.ok()?;
            Some(status)
        }
    };
    assert_eq!(send().await, Some(200));
    assert_eq!((send().await, collector.connections()), (None, 1));
    assert_eq!((send().await, collector.connections()), (Some(503), 2));
    assert_eq!((send().await, collector.connections()), (None, 2));
    assert_eq!((send().await, collector.connections()), (Some(200), 3));
}

#[tokio::test]
async fn a_fault_for_all_connections_lasts_until_it_is_taken_back() {
    let collector = Collector::start().unwrap();
    collector.respond_always(Fault::At(Stage::Accept, Ending::Close));
    for connections in [1, 2] {
        post(&collector.traces_endpoint(), message(&["one"])).await.unwrap_err();
        assert_eq!(collector.connections(), connections);
    }
    call(&collector, None, framed(&message(&["one"]), false)).await.unwrap_err();
    collector.respond_normally();
    post(&collector.traces_endpoint(), message(&["one"])).await.unwrap();
    assert_eq!(collector.spans().len(), 1);
}

/// A server of TLS answers what is not TLS with an alert, if it reads it.
#[cfg(feature = "tls")]
#[test]
fn a_fault_on_accept_comes_before_the_tls_handshake() {
    let identity = otelbar_testkit::CertificateAuthority::new().unwrap().issue("127.0.0.1").unwrap();
    let collector = Collector::start_tls(&identity).unwrap();
    let answer = || {
        let mut client = Raw::connect(&collector);
        client.write(b"GET / HTTP/1.1\r\n\r\n");
        let mut answer = Vec::new();
        client.0.read_to_end(&mut answer).unwrap();
        answer
    };
    collector.respond_with([Fault::At(Stage::Accept, Ending::Close)]);
    assert_eq!(answer(), b"");
    assert_eq!(answer().first(), Some(&21), "an alert");
    collector.respond_with([Fault::At(Stage::Accept, Ending::Hang)]);
    std::thread::scope(|scope| {
        let answer = scope.spawn(answer);
        collector.wait_for_connections(3, PATIENCE).unwrap();
        assert!(!answer.is_finished());
        collector.release();
        assert_eq!(answer.join().unwrap().first(), Some(&21));
    });
}
