//! A connection that breaks where a test wants it to.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// Bytes of a request's body that are enough to be in its middle.
const MIDDLE: usize = 64 * 1024;

/// Passes connections on to a backend, on a port of its own, and breaks the first one.
pub(crate) struct Relay {
    endpoint: String,
    state: Arc<State>,
}

/// Where the first connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// In the middle of the request: the backend never gets the rest.
    Request,
    /// Before the answer: the backend has got all, and its answer is lost.
    Answer,
}

#[derive(Default)]
struct State {
    held: Mutex<Held>,
    changed: Condvar,
}

#[derive(Default)]
struct Held {
    /// The place of the break is reached.
    reached: bool,
    /// It may be broken.
    broken: bool,
}

impl State {
    /// The place is reached; waits until the connection may break.
    fn reach(&self) {
        let mut held = self.held.lock().unwrap();
        held.reached = true;
        self.changed.notify_all();
        drop(self.changed.wait_while(held, |held| !held.broken).unwrap());
    }
}

impl Relay {
    /// Starts one before the backend at this address, `http://127.0.0.1:port`.
    pub(crate) fn start(backend: &str, at: Break) -> Self {
        let backend = backend.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let of_thread = Arc::clone(&state);
        thread::spawn(move || {
            for (number, client) in listener.incoming().enumerate() {
                let (Ok(client), state) = (client, Arc::clone(&of_thread)) else { return };
                let backend = backend.clone();
                thread::spawn(move || {
                    // What breaks here is told by the exporter.
                    let _ = match (number, at) {
                        (0, Break::Request) => break_request(&client, &backend, &state),
                        (0, Break::Answer) => break_answer(&client, &backend, &state),
                        _ => pass(&client, &backend),
                    };
                    let _ = client.shutdown(Shutdown::Both);
                });
            }
        });
        Self { endpoint, state }
    }

    /// The base address, `http://127.0.0.1:port`.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Waits until the first connection is where it is to break.
    pub(crate) fn wait_until_reached(&self) {
        let held = self.state.held.lock().unwrap();
        let (held, waited) =
            self.state.changed.wait_timeout_while(held, super::PATIENCE, |held| !held.reached).unwrap();
        assert!(held.reached && !waited.timed_out(), "the request comes");
    }

    /// Breaks the first connection.
    pub(crate) fn break_connection(&self) {
        self.state.held.lock().unwrap().broken = true;
        self.state.changed.notify_all();
    }
}

fn break_request(mut client: &TcpStream, backend: &str, state: &State) -> io::Result<()> {
    let mut backend = TcpStream::connect(backend)?;
    io::copy(&mut Read::by_ref(&mut client).take(MIDDLE as u64), &mut backend)?;
    state.reach();
    backend.shutdown(Shutdown::Both)
}

fn break_answer(client: &TcpStream, backend: &str, state: &State) -> io::Result<()> {
    let mut backend = TcpStream::connect(backend)?;
    let (mut request, mut to) = (client.try_clone()?, backend.try_clone()?);
    thread::spawn(move || io::copy(&mut request, &mut to));
    // The first bytes of the answer tell that the backend has taken the request.
    let mut answer = [0; 16];
    backend.read_exact(&mut answer)?;
    assert_eq!(&answer, b"HTTP/1.1 200 OK\r", "the backend takes it");
    state.reach();
    Ok(())
}

fn pass(mut client: &TcpStream, backend: &str) -> io::Result<()> {
    let mut backend = TcpStream::connect(backend)?;
    let (mut answers, mut to) = (backend.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut answers, &mut to);
        to.shutdown(Shutdown::Both)
    });
    io::copy(&mut client, &mut backend)?;
    backend.flush()
}
