//! The proxy and the interceptor as clients and servers meet them.

mod client;
mod interceptor;
mod proxy;
