//! Ports that are ours for a run.

use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

use crate::failure::Failure;

/// A free port of loopback, chosen by the system.
///
/// On Linux it is held, bound but not listened to: nobody else is given it, while a server that reuses addresses, as
/// those of Go and Java do, can still listen there. Connections are refused while none does. So a backend that is
/// stopped finds its port again.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    _held: Option<Socket>,
}

impl Port {
    pub(crate) fn reserve() -> Result<Self, Failure> {
        Self::bind().map_err(|error| Failure::new(format!("no port of 127.0.0.1 could be had: {error}")))
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    fn bind() -> std::io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let address = socket.local_addr()?.as_socket();
        let number = address.ok_or_else(|| std::io::Error::other("the system gave no port"))?.port();
        // Elsewhere a port that is bound can't be listened to by another.
        Ok(Self { number, _held: cfg!(target_os = "linux").then_some(socket) })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::ErrorKind,
        net::{TcpListener, TcpStream},
    };

    use super::*;

    #[test]
    fn a_server_listens_at_a_port_that_is_reserved_again_and_again() {
        let port = Port::reserve().unwrap();
        let address = ("127.0.0.1", port.number());
        for _ in 0..2 {
            assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
            let listener = TcpListener::bind(address).unwrap();
            TcpStream::connect(address).unwrap();
            drop(listener);
        }
    }

    #[test]
    fn no_port_is_reserved_twice() {
        let ports: Vec<Port> = (0..50).map(|_| Port::reserve().unwrap()).collect();
        let mut numbers: Vec<u16> = ports.iter().map(Port::number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), ports.len());
    }
}
