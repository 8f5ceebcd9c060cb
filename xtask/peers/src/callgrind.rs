//! Instructions of a role, counted by valgrind's callgrind.

use std::hint::black_box;
use std::process::{Command, Stdio};

use crate::Error;
use crate::child::Child;

pub(crate) fn is_installed() -> bool {
    let version =
        Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// The instructions that the role takes in [`counted_by_callgrind`], on the thread that calls it.
pub(crate) fn instructions(role: &[&str]) -> Result<u64, Error> {
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .args(["--toggle-collect=*counted_by_callgrind*", "--log-fd=1"]);
    let mut child = Child::start_under(valgrind, role)?;
    loop {
        if let Some(count) = collected(&child.line()?) {
            return Ok(count);
        }
    }
}

/// What a line such as `==7== Collected : 1234` tells.
fn collected(line: &str) -> Option<u64> {
    line.split_once("Collected :")?.1.trim().parse().ok()
}

/// The one function in which callgrind counts. Its name is how it is found.
#[inline(never)]
pub(crate) fn counted_by_callgrind(run: &mut dyn FnMut()) {
    run();
    black_box(());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_among_what_callgrind_says() {
        assert_eq!(collected("==21== Collected : 104857"), Some(104_857));
        assert_eq!(collected("==21== Events    : Ir"), None);
        assert_eq!(collected("==21== Collected : "), None);
    }
}
