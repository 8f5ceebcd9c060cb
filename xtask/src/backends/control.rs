//! Orders from the tests to the backends.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use otelbar_integration::{Backend, Order};

use super::instance::Instance;
use crate::failure::Failure;

/// How long a connection may take to say what it wants.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The backends that run, under one lock. Dropped, they are stopped.
#[derive(Default)]
pub(crate) struct Fleet {
    instances: Arc<Mutex<BTreeMap<Backend, Instance>>>,
}

impl Fleet {
    pub(crate) fn lock(&self) -> MutexGuard<'_, BTreeMap<Backend, Instance>> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes orders at the address that this gives, for as long as this program runs. See
    /// [`otelbar_integration::Control`] for what is said there.
    pub(crate) fn serve(&self) -> Result<SocketAddr, Failure> {
        let io = |error| Failure::new(format!("no port for orders to the backends: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(io)?;
        let address = listener.local_addr().map_err(io)?;
        let instances = Arc::clone(&self.instances);
        thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                let instances = Arc::clone(&instances);
                thread::spawn(move || answer(stream, &instances));
            }
        });
        Ok(address)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.lock().clear();
    }
}

/// A peer that went away is not told.
fn answer(mut stream: TcpStream, instances: &Mutex<BTreeMap<Backend, Instance>>) {
    let _ = stream.set_read_timeout(Some(TIMEOUT));
    let mut line = String::new();
    if BufReader::new(&stream).read_line(&mut line).is_err() {
        return;
    }
    let answer = match obey(&line, instances) {
        Ok(()) => "ok".to_owned(),
        // One line is one answer.
        Err(problem) => problem.replace('\n', " | "),
    };
    let _ = writeln!(stream, "{answer}");
}

fn obey(line: &str, instances: &Mutex<BTreeMap<Backend, Instance>>) -> Result<(), String> {
    let (order, backend) = line.trim().split_once(' ').ok_or("an order is a verb and a backend")?;
    let (order, backend): (Order, Backend) = (order.parse()?, backend.parse()?);
    let mut instances = instances.lock().unwrap_or_else(PoisonError::into_inner);
    let instance = instances.get_mut(&backend).ok_or_else(|| format!("{backend} is not part of this run"))?;
    eprintln!("{order} {backend}, as a test asks");
    instance.obey(order).map_err(|failure| failure.message().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_no_order_is_answered_with_what_is() {
        let fleet = Fleet::default();
        let address = fleet.serve().unwrap();
        let check = |line: &str, expected: &str| {
            let mut stream = TcpStream::connect(address).unwrap();
            writeln!(stream, "{line}").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert_eq!(answer.trim_end(), expected);
        };
        check("stop", "an order is a verb and a backend");
        check("pause jaeger", "there is no order \"pause\"; the orders are stop, kill, start");
        check("stop tempo", "there is no backend \"tempo\"; the backends are jaeger, zipkin, collector");
        check("stop jaeger", "jaeger is not part of this run");
    }
}
