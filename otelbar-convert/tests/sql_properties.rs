//! What holds for any text, with sqlparser's tokenizer as the judge of what a literal is.

use std::borrow::Cow;

use otelbar_convert::sql::{self, Statement, System};
use proptest::prelude::*;
use proptest::sample::select;
use sqlparser::dialect::{
    Dialect, GenericDialect, MsSqlDialect, MySqlDialect, OracleDialect, PostgreSqlDialect, SQLiteDialect,
};
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Whitespace};

const SYSTEMS: [(System, &dyn Dialect); 7] = [
    (System::OtherSql, &GenericDialect {}),
    (System::PostgreSql, &PostgreSqlDialect {}),
    (System::MySql, &MySqlDialect {}),
    (System::MariaDb, &MySqlDialect {}),
    (System::Sqlite, &SQLiteDialect {}),
    (System::SqlServer, &MsSqlDialect {}),
    (System::OracleDb, &OracleDialect {}),
];

/// Pieces that change what the characters behind them are.
const PIECES: &str = r##"
    ' '' " "" ` `` [ ] ]] \ \' -- # /* */ /*! /*!50110 /*M! / * $$ $ $t$ $T$ $1 ? ?1 : :: :1 :name @ @@ @p @1
    %s %(name)s + - . , ; ( ) { } = < > | & ~ ! 0 1 12 0x 0xAF 0b01 0o7 1e5 1.5 .5 1_000 e E E' e- N' n X' x' b'
    B R' q'[ ]' q'! !' nq'( )' U&' u& _ _utf8 L f é ² ٣ £ 日本 😀 secret 'secret' E'secret' "secret" a t.
    SELECT FROM WHERE IDENTIFIED BY REPLACE INSERT INTO JOIN WITH AS DELETE CREATE TABLE CALL EXEC
"##;
const SPACES: [&str; 6] = [" ", "\t", "\n", "\r", "\r\n", "\u{a0}"];

const BEGINS: [&str; 7] =
    ["", "SELECT ", "SELECT * FROM ", "UPDATE t SET ", "CREATE USER u ", "SET ", "EXEC p "];

/// A text of pieces and arbitrary characters. Each `secret` has a number of its own.
fn statement() -> impl Strategy<Value = String> {
    let pieces: Vec<&str> = PIECES.split_whitespace().collect();
    let piece = prop_oneof![
        15 => select(pieces).prop_map(Cow::Borrowed),
        5 => select(&SPACES).prop_map(Cow::Borrowed),
        1 => any::<char>().prop_map(|char| Cow::Owned(char.to_string())),
    ];
    let begin = select(&BEGINS);
    (begin, proptest::collection::vec(piece, 0..24)).prop_map(|(begin, pieces)| {
        let mut secrets = 0;
        let mut text = begin.to_owned();
        for piece in pieces {
            if piece.contains("secret") {
                text.push_str(&piece.replace("secret", &format!("secret{secrets}x")));
                secrets += 1;
            } else {
                text.push_str(&piece);
            }
        }
        text
    })
}

/// Names of any characters where names are expected, in quotes or not.
fn names() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        select(vec![
            "FROM ", "JOIN ", "UPDATE ", "INTO ", ", ", ".", "@", "\"", "`", "[", "]", "'", "(", ")", " AS ",
            "="
        ])
        .prop_map(String::from),
        ".{0,3}".prop_map(String::from),
    ];
    (select(&BEGINS[..]), proptest::collection::vec(piece, 0..20))
        .prop_map(|(begin, pieces)| format!("{begin}{}", pieces.concat()))
}

fn is_punctuation(char: char) -> bool {
    char.is_ascii() && !char.is_ascii_alphanumeric() && !"_$#@".contains(char)
}

/// The content of each literal that sqlparser finds, up to where it gives up.
fn literals(text: &str, system: System, dialect: &dyn Dialect) -> Vec<String> {
    let mut tokens: Vec<TokenWithSpan> = Vec::new();
    // An error leaves in the buffer what was read before it.
    let _ = Tokenizer::new(dialect, text).with_unescape(false).tokenize_with_location_into_buf(&mut tokens);
    let mut literals = Vec::new();
    let mut before = None;
    for TokenWithSpan { token, .. } in tokens {
        match &token {
            // Here sqlparser errs, and what it says of the rest of the text counts for nothing.
            //
            // It takes whatever follows `#` and `@` into the word, even a quote.
            Token::Word(word) if word.quote_style.is_none() && word.value.contains(is_punctuation) => break,
            Token::Word(word) if word.value.starts_with("@#") => break,
            // It takes a character too many into these.
            Token::AmpersandRightAngleBracket | Token::AmpersandLeftAngleBracketVerticalBar => break,
            // PostgreSQL ends an operator where a comment begins, and so does any database but DuckDB.
            Token::CustomBinaryOperator(operator) if operator.contains("--") || operator.contains("/*") => {
                break;
            }
            Token::DuckIntDiv => break,
            // MariaDB executes this comment.
            Token::Whitespace(Whitespace::MultiLineComment(comment))
                if system == System::MariaDb && comment.starts_with("M!") =>
            {
                break;
            }
            // In MySQL `2extra` is a name, but sqlparser takes `2e` for the begin of a number.
            Token::Word(word)
                if matches!(before, Some(Token::Number(..)))
                    && word.value.starts_with(['e', 'E'])
                    && matches!(system, System::MySql | System::MariaDb) =>
            {
                literals.pop();
                break;
            }
            // It does not know `1_000`.
            Token::Word(word) if matches!(before, Some(Token::Number(..))) && word.value.starts_with('_') => {
                break;
            }
            // It takes the name of the parameter `@X` for the prefix of a string behind it.
            Token::HexStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::SingleQuotedByteStringLiteral(_)
            | Token::SingleQuotedRawStringLiteral(_)
                if matches!(before, Some(Token::AtSign | Token::AtAt)) && system != System::PostgreSql =>
            {
                break;
            }
            // It does not know the parameters `:1` and `@1`.
            Token::Number(..)
                if matches!(
                    (&before, system),
                    (Some(Token::Colon), System::OtherSql | System::Sqlite | System::OracleDb)
                        | (Some(Token::AtSign | Token::AtAt), System::Sqlite)
                        | (Some(Token::ArrowAt | Token::AtQuestion | Token::CaretAt), _)
                ) =>
            {
                break;
            }
            Token::Number(literal, _)
            | Token::SingleQuotedString(literal)
            | Token::DoubleQuotedString(literal)
            | Token::TripleSingleQuotedString(literal)
            | Token::TripleDoubleQuotedString(literal)
            | Token::SingleQuotedByteStringLiteral(literal)
            | Token::DoubleQuotedByteStringLiteral(literal)
            | Token::TripleSingleQuotedByteStringLiteral(literal)
            | Token::TripleDoubleQuotedByteStringLiteral(literal)
            | Token::SingleQuotedRawStringLiteral(literal)
            | Token::DoubleQuotedRawStringLiteral(literal)
            | Token::TripleSingleQuotedRawStringLiteral(literal)
            | Token::TripleDoubleQuotedRawStringLiteral(literal)
            | Token::NationalStringLiteral(literal)
            | Token::EscapedStringLiteral(literal)
            | Token::UnicodeStringLiteral(literal)
            | Token::HexStringLiteral(literal) => literals.push(literal.clone()),
            Token::DollarQuotedString(literal) => literals.push(literal.value.clone()),
            Token::QuoteDelimitedStringLiteral(literal)
            | Token::NationalQuoteDelimitedStringLiteral(literal) => {
                literals.push(literal.value.clone());
            }
            Token::Whitespace(
                Whitespace::SingleLineComment { comment, .. } | Whitespace::MultiLineComment(comment),
            ) => literals.push(comment.clone()),
            _ => {}
        }
        before = Some(token);
    }
    literals.retain(|literal| !literal.is_empty());
    literals
}

/// Whether a string is what the statement calls a table, where the conventions and SQLite allow it.
fn names_table(statement: &Statement<'_>, system: System, literal: &str) -> bool {
    let summary = statement.summary.as_deref().unwrap_or_default();
    matches!(system, System::OtherSql | System::Sqlite) && summary.contains(&format!("'{literal}'"))
}

/// The numbered secrets within a text.
fn secrets(text: &str) -> Vec<&str> {
    text.match_indices("secret")
        .filter_map(|(start, _)| {
            let end = start + text[start..].find('x')?;
            Some(&text[start..=end])
        })
        .collect()
}

fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(1_000), failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(config())]

    /// Protects what is sensitive: what sqlparser knows as a literal or a comment of the text is
    /// neither in the sanitised text nor in any name.
    #[test]
    fn no_literal_leaks(text in statement()) {
        for (system, dialect) in SYSTEMS {
            let statement = sql::describe(&text, system);
            for literal in literals(&text, system, dialect) {
                if names_table(&statement, system, &literal) {
                    continue;
                }
                for secret in secrets(&literal) {
                    let shown = format!("{statement:?}");
                    prop_assert!(!shown.contains(secret), "{system:?}: {secret} of {text:?} in {shown}");
                }
            }
        }
    }

    /// Protects the same for numbers and all else that has no mark: nothing in the sanitised text
    /// is a literal to sqlparser.
    #[test]
    fn no_literal_is_left(text in statement()) {
        for (system, dialect) in SYSTEMS {
            let statement = sql::describe(&text, system);
            let mut left = literals(&statement.text, system, dialect);
            left.retain(|literal| !names_table(&statement, system, literal));
            prop_assert!(left.is_empty(), "{system:?}: {left:?} left of {text:?} in {:?}", statement.text);
        }
    }

    /// Protects grouping by text: sanitising what is sanitised changes nothing.
    #[test]
    fn sanitising_twice_is_sanitising_once(text in statement()) {
        for &system in System::ALL {
            let once = sql::describe(&text, system);
            let twice = sql::describe(&once.text, system);
            prop_assert_eq!(&twice.text, &once.text, "{:?} {:?}", system, text);
        }
    }

    /// Protects against panics and endless summaries, whatever the text.
    #[test]
    fn any_text_is_described(text in prop_oneof![any::<String>(), statement(), names()]) {
        for &system in System::ALL {
            for statement in [sql::describe(&text, system), sql::describe_parameterised(&text, system)] {
                let summary = statement.summary.as_deref().unwrap_or_default();
                prop_assert!(summary.chars().count() <= 255);
                prop_assert!(statement.text.len() <= 2 * text.len());
            }
        }
    }

    /// Protects parameterised text: it is the same, and its outline that of the sanitised text.
    #[test]
    fn parameterised_text_is_kept(text in statement()) {
        for (system, _) in SYSTEMS {
            let kept = sql::describe_parameterised(&text, system);
            let sanitised = sql::describe(&text, system);
            prop_assert_eq!(&kept.text, &text);
            prop_assert_eq!(kept.summary, sanitised.summary);
            prop_assert_eq!(kept.operation, sanitised.operation);
            prop_assert_eq!(kept.collection, sanitised.collection);
            prop_assert_eq!(kept.stored_procedure, sanitised.stored_procedure);
        }
    }
}
