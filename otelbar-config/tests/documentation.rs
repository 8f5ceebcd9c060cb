//! The table in the documentation is the one in the code.

use std::fmt::Write;

use otelbar_config::OPTIONS;

/// Writes `OPTIONS.md` anew when it differs and the variable `OTELBAR_BLESS` is set.
#[test]
fn the_documented_table_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/OPTIONS.md");
    let table = table();
    let documented = std::fs::read_to_string(path).unwrap_or_default();
    if documented != table && std::env::var_os("OTELBAR_BLESS").is_some() {
        std::fs::write(path, &table).unwrap();
        return;
    }
    assert!(
        documented == table,
        "OPTIONS.md is not what the options say; write it anew with \
         OTELBAR_BLESS=1 cargo test -p otelbar-config --test documentation"
    );
}

fn table() -> String {
    let mut table = String::new();
    let mut group = "";
    for option in OPTIONS {
        if option.group != group {
            group = option.group;
            let blank = if table.is_empty() { "" } else { "\n" };
            writeln!(table, "{blank}### {group}\n\n| option | variable | default | |\n|---|---|---|---|")
                .unwrap();
        }
        let variables: Vec<_> = option.variables.iter().map(|name| format!("`{name}`")).collect();
        let default = match option.default {
            "" => "none".to_owned(),
            // Long lists may be broken after their commas.
            text if text.contains(' ') => text.to_owned(),
            text => text.split(',').map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        };
        let help = option.help.replace('|', "\\|").replace('_', "\\_");
        let default = if default.contains('`') { default } else { default.replace('_', "\\_") };
        let reservation = match option.reservation() {
            Some(text) => format!(" *{}*", text.replace('_', "\\_")),
            None => String::new(),
        };
        writeln!(table, "| `{}` | {} | {default} | {help}{reservation} |", option.name, variables.join(", "))
            .unwrap();
    }
    table
}

#[test]
fn every_option_is_described_in_one_line() {
    for option in OPTIONS {
        assert!(option.help.len() > 10 && option.help.len() < 160, "{}: {}", option.name, option.help);
        assert!(option.help.ends_with('.') && !option.help.contains('\n'), "{}", option.name);
    }
}
