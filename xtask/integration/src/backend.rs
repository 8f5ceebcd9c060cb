use std::fmt;
use std::str::FromStr;
use std::sync::RwLock;

/// One of the backends that judge otelbar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Backend {
    /// Jaeger, version 2.
    Jaeger,
    /// Zipkin, version 3.
    Zipkin,
    /// The OpenTelemetry Collector.
    Collector,
}

impl Backend {
    /// Every backend, in the order in which they are listed.
    pub const ALL: [Self; 3] = [Self::Jaeger, Self::Zipkin, Self::Collector];

    /// Its name in lower case, as `--only` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jaeger => "jaeger",
            Self::Zipkin => "zipkin",
            Self::Collector => "collector",
        }
    }

    /// Held for reading by those who use it, for writing by one who stops it.
    pub(crate) fn lock(self) -> &'static RwLock<()> {
        static LOCKS: [RwLock<()>; 3] = [const { RwLock::new(()) }; 3];
        &LOCKS[self as usize]
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Backend {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|backend| backend.name() == name).ok_or_else(|| {
            format!("there is no backend {name:?}; the backends are {}", Self::ALL.map(Self::name).join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_is_known_by_its_name_alone() {
        for backend in Backend::ALL {
            assert_eq!(backend.to_string().parse(), Ok(backend));
        }
        let error = "tempo".parse::<Backend>().unwrap_err();
        assert_eq!(error, "there is no backend \"tempo\"; the backends are jaeger, zipkin, collector");
    }
}
