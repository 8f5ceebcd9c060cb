//! Orders to the program that runs the backends.

use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::str::FromStr;

use crate::backend::Backend;
use crate::variable::{Missing, read};

/// What is to become of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Ask it to end, and wait until it has.
    Stop,
    /// End it at once, in the middle of what it does.
    Kill,
    /// Start it at the addresses it had, and wait until it is healthy.
    Start,
}

impl Order {
    const ALL: [Self; 3] = [Self::Stop, Self::Kill, Self::Start];

    const fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Kill => "kill",
            Self::Start => "start",
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Order {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|order| order.name() == name);
        found.ok_or_else(|| {
            format!("there is no order {name:?}; the orders are {}", Self::ALL.map(Self::name).join(", "))
        })
    }
}

/// The way to the program that runs the backends, be they processes or containers.
///
/// An order is a line, `stop jaeger`, sent to a port of loopback on a connection of its own; the answer is a line, `ok`
/// or why not.
#[derive(Clone, Debug)]
pub struct Control {
    address: String,
}

impl Control {
    /// The variable with its address, `127.0.0.1:port`.
    pub const VARIABLE: &'static str = "IT_CONTROL";

    /// Reads the variable.
    ///
    /// # Errors
    ///
    /// Says so when it is not set.
    pub fn from_env() -> Result<Self, Missing> {
        Ok(Self { address: read(Self::VARIABLE)? })
    }

    /// Sends an order and waits until it is done.
    ///
    /// # Errors
    ///
    /// What the other side says, or why it can't be reached.
    pub fn order(&self, order: Order, backend: Backend) -> io::Result<()> {
        let mut stream = TcpStream::connect(&self.address)?;
        writeln!(stream, "{order} {backend}")?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer)?;
        match answer.trim_end() {
            "ok" => Ok(()),
            "" => Err(io::Error::other(format!("{order} {backend}: no answer"))),
            problem => Err(io::Error::other(format!("{order} {backend}: {problem}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn an_order_is_a_line_and_so_is_its_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let control = Control { address: listener.local_addr().unwrap().to_string() };
        let served = thread::spawn(move || {
            ["ok\n", "it does not run\n", ""].map(|answer| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut line = String::new();
                BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
                line
            })
        });
        control.order(Order::Stop, Backend::Jaeger).unwrap();
        let problem = control.order(Order::Kill, Backend::Zipkin).unwrap_err().to_string();
        assert_eq!(problem, "kill zipkin: it does not run");
        let problem = control.order(Order::Start, Backend::Collector).unwrap_err().to_string();
        assert_eq!(problem, "start collector: no answer");
        assert_eq!(served.join().unwrap(), ["stop jaeger\n", "kill zipkin\n", "start collector\n"]);
    }

    #[test]
    fn an_order_is_known_by_its_name_alone() {
        for order in Order::ALL {
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        assert!("pause".parse::<Order>().is_err());
    }
}
