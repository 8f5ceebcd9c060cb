//! `ureq`, a client that blocks, calling a server that is no more than a socket and a carrier of pairs.
//!
//! ```sh
//! cargo run -p otelbar-propagation --features http --example blocking_client
//! ```

use std::error::Error;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};

use otelbar_propagation::{
    Baggage, TraceContext, Traceparent, extract, inject_trace_context, parse_traceparent,
};

/// Calls the server, and fails if the context does not arrive.
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let (address, server) = serve()?;

    let traceparent = parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")?;
    let mut baggage = Baggage::new();
    baggage.insert("user", "Amélie")?;
    let context = TraceContext::new(traceparent).with_baggage(baggage);

    let mut request = http::Request::get(format!("http://{address}/")).body(())?;
    inject_trace_context(&context, request.headers_mut());
    let response = ureq::run(request)?;
    println!("the server answered {}", response.status());

    let (received, user) = server.join().map_err(|_| "the server panicked")??;
    println!("the server received {received:?} from {user:?}");
    if received == Some(traceparent) && user.as_deref() == Some("Amélie") {
        Ok(())
    } else {
        Err("the context did not arrive".into())
    }
}

/// What the server received: the traceparent, and the baggage's `user`.
type Received = (Option<Traceparent>, Option<String>);

/// Starts a server that answers one request.
fn serve() -> io::Result<(SocketAddr, JoinHandle<io::Result<Received>>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        let mut headers = Vec::new();
        for line in BufReader::new(&stream).lines() {
            let line = line?;
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':') {
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")?;

        let extraction = extract(&headers[..]);
        let user = extraction.baggage().get("user").map(|user| user.into_owned());
        Ok((extraction.traceparent(), user))
    });
    Ok((address, server))
}
