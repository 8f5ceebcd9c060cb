use std::sync::Arc;

use super::{DestinationKind, Opened, RequestLimits, info};
use crate::encode::Encoding;
use crate::error::SetupError;
use crate::transport::console::{Console, ConsoleFormat, ConsoleTarget, ConsoleTransport};
use crate::transport::sender::Sender;

/// Standard output or standard error; see [`Destination::console`](crate::Destination::console).
#[derive(Clone, Debug, Default)]
pub struct ConsoleDestination {
    name: Option<Arc<str>>,
    target: ConsoleTarget,
    format: ConsoleFormat,
}

impl ConsoleDestination {
    /// What it is called in receipts and statistics. Default `console`.
    pub fn with_name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Which output. Default [`ConsoleTarget::Stdout`].
    pub fn with_target(mut self, target: ConsoleTarget) -> Self {
        self.target = target;
        self
    }

    /// In what form. Default [`ConsoleFormat::Readable`].
    pub fn with_format(mut self, format: ConsoleFormat) -> Self {
        self.format = format;
        self
    }

    pub(super) fn open(&self) -> Result<Opened, SetupError> {
        let encoding = match self.format {
            ConsoleFormat::Readable => Encoding::Readable,
            #[cfg(feature = "json")]
            ConsoleFormat::Json => Encoding::JsonLine,
            #[cfg(not(feature = "json"))]
            ConsoleFormat::Json => {
                const FORMAT: crate::error::Setting =
                    crate::error::Setting::new("with_format", "OTELBAR_CONSOLE_FORMAT");
                return Err(SetupError::missing(
                    FORMAT,
                    self.format.to_string(),
                    "json",
                    "set it to readable",
                ));
            }
        };
        let console = Console::open(self.target).map_err(SetupError::system)?;
        Ok(Opened {
            info: info(self.name.as_ref(), DestinationKind::Console, self.target.as_str().into()),
            encoding,
            sender: Sender::Console(ConsoleTransport::new(console, self.target)),
            limits: RequestLimits { size: 64 * 1024 * 1024, concurrent: 1 },
            // What cannot be written now cannot be written later.
            spools: false,
        })
    }
}
