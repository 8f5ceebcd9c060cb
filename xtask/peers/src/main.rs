//! Measures otelbar beside its peers; see README.md.

fn main() -> std::process::ExitCode {
    otelbar_peers::main()
}
