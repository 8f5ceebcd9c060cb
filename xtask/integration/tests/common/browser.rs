//! A browser without a window.

use std::env;
use std::path::PathBuf;
use std::process::Command;

/// The page at an address, as it stands when its scripts have done their work.
pub(crate) fn page(url: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(find())
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--no-default-browser-check"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        // So much of the page's own time; it does not pass while the page waits for the network.
        .args(["--virtual-time-budget=20000", "--dump-dom", url])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// As the tests of the toolbar's page find it.
fn find() -> PathBuf {
    if let Some(program) = env::var_os("OTELBAR_CHROMIUM").filter(|program| !program.is_empty()) {
        return program.into();
    }
    let folders = env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let programs = env::split_paths(&folders).flat_map(|folder| names.map(|name| folder.join(name)));
    let found = programs.into_iter().find(|program| program.is_file());
    found.expect(
        "there is no Chromium; install Debian's package chromium, or name the program in OTELBAR_CHROMIUM",
    )
}
