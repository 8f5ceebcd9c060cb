//! A test's hold on a backend.

use std::io;
use std::ops::Deref;
use std::sync::{PoisonError, RwLockReadGuard, RwLockWriteGuard};

use crate::backend::Backend;
use crate::control::{Control, Order};
use crate::variable::Missing;

/// A backend in use by several tests at a time. While a test has one, nobody stops the backend.
#[derive(Debug)]
pub struct Shared<B> {
    addresses: B,
    _running: RwLockReadGuard<'static, ()>,
}

impl<B> Shared<B> {
    pub(crate) fn new(addresses: B, backend: Backend) -> Self {
        // What a test that failed has left of it was started again.
        let running = backend.lock().read().unwrap_or_else(PoisonError::into_inner);
        Self { addresses, _running: running }
    }
}

impl<B> Deref for Shared<B> {
    type Target = B;

    fn deref(&self) -> &B {
        &self.addresses
    }
}

/// A backend that one test has for itself, and may stop. Dropped, it starts the backend again if it was stopped.
#[derive(Debug)]
pub struct Alone<B> {
    addresses: B,
    backend: Backend,
    control: Control,
    stopped: bool,
    _alone: RwLockWriteGuard<'static, ()>,
}

impl<B> Alone<B> {
    pub(crate) fn new(addresses: B, backend: Backend) -> Result<Self, Missing> {
        let control = Control::from_env()?;
        let alone = backend.lock().write().unwrap_or_else(PoisonError::into_inner);
        Ok(Self { addresses, backend, control, stopped: false, _alone: alone })
    }

    /// Asks the backend to end, and waits until it has. Its ports refuse connections then, and stay its own.
    ///
    /// # Errors
    ///
    /// As [`Control::order`].
    pub fn stop(&mut self) -> io::Result<()> {
        self.stopped = true;
        self.control.order(Order::Stop, self.backend)
    }

    /// Ends the backend in the middle of what it does.
    ///
    /// # Errors
    ///
    /// As [`Control::order`].
    pub fn kill(&mut self) -> io::Result<()> {
        self.stopped = true;
        self.control.order(Order::Kill, self.backend)
    }

    /// Starts the backend at the addresses it had, and waits until it is healthy.
    ///
    /// # Errors
    ///
    /// As [`Control::order`].
    pub fn start(&mut self) -> io::Result<()> {
        self.control.order(Order::Start, self.backend)?;
        self.stopped = false;
        Ok(())
    }
}

impl<B> Deref for Alone<B> {
    type Target = B;

    fn deref(&self) -> &B {
        &self.addresses
    }
}

impl<B> Drop for Alone<B> {
    fn drop(&mut self) {
        if self.stopped
            && let Err(error) = self.start()
        {
            eprintln!("{} could not be started again: {error}", self.backend);
        }
    }
}
