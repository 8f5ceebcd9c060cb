//! The words that say what a statement does and where its targets stand.

/// A word the outline of a statement hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    // Operations on rows.
    Select,
    Insert,
    Replace,
    Update,
    Delete,
    Merge,
    Values,
    /// `CREATE`, `ALTER`, …: the kind of object follows.
    Define,
    /// `DROP`, `LOCK`, …: as `Define`, and several objects may be named.
    DefineSeveral,
    /// `TRUNCATE` and `LOCK`: as `DefineSeveral`, and the kind may be left out.
    Truncate,
    /// `ATTACH` and `CONNECT`: an address follows.
    Attach,
    /// `BULK INSERT`
    Bulk,
    /// `CALL`, and `{call …}`.
    Call,
    /// `EXEC` and `EXECUTE`
    Execute,
    Begin,
    Explain,
    /// `ANALYZE`, `COPY`, …: a table follows.
    OnTable,
    Load,
    /// `USE`, `PRAGMA`: the name of something else follows.
    OnOther,
    /// `GRANT`, …: operations and tables that follow are not executed.
    Permit,
    /// An operation without a target: `COMMIT`, `SHOW`, …
    Command,
    Set,
    // Kinds of objects.
    Table,
    /// `DATABASE`, `SEQUENCE`, …
    Object,
    /// `USER`, `SERVER`, …: objects whose options hold passwords.
    Account,
    /// `FUNCTION`, …: statements follow that are not executed.
    Routine,
    Statistics,
    Transaction,
    /// A further word of a kind: `DATABASE LINK`, `COLUMN ENCRYPTION KEY`.
    Compound,
    // Clauses.
    With,
    As,
    From,
    Join,
    Apply,
    Into,
    Using,
    By,
    /// Ends a list of tables: `WHERE`, …
    Clause,
    /// The same, and names of tables elsewhere: `LIMIT`, `OUTPUT`, …
    SoftClause,
    /// `LIKE` and `CLONE`
    Like,
    Conflict,
    // Words around names. Most are names themselves where they mean nothing else.
    Top,
    Recursive,
    /// `ALL` and `FIRST`
    All,
    On,
    Only,
    Rows,
    /// `IGNORE`, `QUICK`, …: between an operation on rows and its target.
    Hint,
    /// `TEMPORARY`: behind `INTO`.
    Temporary,
    /// `IF NOT EXISTS`: between a kind and a name.
    Guard,
    /// `VERBOSE`, …: behind `VACUUM` and the like.
    Maintenance,
    Distinct,
    /// `CROSS` and `OUTER`
    Cross,
    Or,
    /// `FOR`, `THEN`, …: a verb behind it is no operation.
    Before,
    Next,
    Value,
    Data,
    /// `FORMAT`
    Format,
    /// `STDIN`
    Stdin,
    // Values.
    /// `TRUE` and `FALSE`
    Boolean,
    Identified,
}

/// The longest keyword below.
const LONGEST: usize = 18;

impl Keyword {
    /// The keyword that a word is, in any letter case.
    #[inline]
    pub(super) fn of(word: &str) -> Option<Self> {
        let bytes = word.as_bytes();
        let mut buffer = [0; LONGEST];
        let upper = buffer.get_mut(..bytes.len())?;
        upper.copy_from_slice(bytes);
        upper.make_ascii_uppercase();
        Some(match &*upper {
            b"SELECT" => Self::Select,
            b"INSERT" | b"UPSERT" => Self::Insert,
            b"REPLACE" => Self::Replace,
            b"UPDATE" => Self::Update,
            b"DELETE" => Self::Delete,
            b"MERGE" => Self::Merge,
            b"VALUES" => Self::Values,
            b"CREATE" | b"ALTER" | b"REFRESH" | b"REINDEX" | b"COMMENT" | b"START" | b"BACKUP"
            | b"RESTORE" | b"ENABLE" | b"DISABLE" => Self::Define,
            b"DROP" | b"RENAME" | b"OPTIMIZE" | b"REPAIR" | b"CHECK" | b"UNLOCK" => Self::DefineSeveral,
            b"TRUNCATE" | b"LOCK" => Self::Truncate,
            b"ATTACH" | b"DETACH" | b"CONNECT" | b"LOGON" => Self::Attach,
            b"BULK" => Self::Bulk,
            b"CALL" => Self::Call,
            b"EXEC" | b"EXECUTE" => Self::Execute,
            b"BEGIN" => Self::Begin,
            b"EXPLAIN" => Self::Explain,
            b"ANALYZE" | b"ANALYSE" | b"COPY" | b"DESCRIBE" | b"DESC" | b"VACUUM" | b"CLUSTER" => {
                Self::OnTable
            }
            b"LOAD" => Self::Load,
            b"USE" | b"PRAGMA" => Self::OnOther,
            b"GRANT" | b"REVOKE" | b"DENY" => Self::Permit,
            b"COMMIT" | b"ROLLBACK" | b"ABORT" | b"SAVEPOINT" | b"RELEASE" | b"SHOW" | b"RESET"
            | b"DISCARD" | b"DECLARE" | b"FETCH" | b"OPEN" | b"CLOSE" | b"LISTEN" | b"UNLISTEN"
            | b"NOTIFY" | b"PREPARE" | b"DEALLOCATE" | b"CHECKPOINT" | b"DO" | b"KILL" | b"FLUSH"
            | b"PRINT" | b"WAITFOR" | b"XA" | b"ADMINISTER" | b"CHANGE" | b"UNLOAD" | b"EXPORT"
            | b"IMPORT" | b"MODIFY" => Self::Command,
            b"SET" => Self::Set,
            b"TABLE" | b"TABLES" | b"VIEW" => Self::Table,
            b"INDEX" | b"SCHEMA" | b"SEQUENCE" | b"TYPE" | b"EXTENSION" | b"DOMAIN" | b"TABLESPACE"
            | b"SYNONYM" | b"POLICY" | b"PUBLICATION" | b"COLLATION" | b"AGGREGATE" | b"RULE" | b"COLUMN"
            | b"KEYSPACE" | b"LOG" | b"WAREHOUSE" | b"STREAM" | b"OPERATOR" => Self::Object,
            b"DATABASE" | b"USER" | b"ROLE" | b"LOGIN" | b"SERVER" | b"SUBSCRIPTION" | b"PROFILE"
            | b"SECRET" | b"CONNECTION" | b"STAGE" | b"INTEGRATION" | b"CATALOG" | b"CERTIFICATE"
            | b"ACCOUNT" | b"ENDPOINT" | b"WALLET" | b"KEYSTORE" => Self::Account,
            b"FUNCTION" | b"PROCEDURE" | b"PROC" | b"TRIGGER" | b"PACKAGE" | b"EVENT" => Self::Routine,
            b"STATISTICS" => Self::Statistics,
            b"TRANSACTION" => Self::Transaction,
            b"ENCRYPTION" | b"MASTER" | b"SCOPED" | b"LINK" | b"KEY" | b"CREDENTIAL" | b"MAPPING"
            | b"AUDIT" | b"SPECIFICATION" => Self::Compound,
            b"WITH" => Self::With,
            b"AS" => Self::As,
            b"FROM" => Self::From,
            b"JOIN" | b"STRAIGHT_JOIN" => Self::Join,
            b"APPLY" => Self::Apply,
            b"INTO" => Self::Into,
            b"USING" => Self::Using,
            b"BY" => Self::By,
            b"WHERE" | b"GROUP" | b"HAVING" | b"ORDER" | b"UNION" | b"EXCEPT" | b"INTERSECT" => Self::Clause,
            b"LIMIT" | b"OFFSET" | b"WINDOW" | b"RETURNING" | b"OUTPUT" | b"QUALIFY" | b"OPTION" => {
                Self::SoftClause
            }
            b"LIKE" | b"CLONE" => Self::Like,
            b"CONFLICT" => Self::Conflict,
            b"TOP" => Self::Top,
            b"RECURSIVE" => Self::Recursive,
            b"ALL" | b"FIRST" => Self::All,
            b"ON" => Self::On,
            b"ONLY" | b"LATERAL" => Self::Only,
            b"ROWS" => Self::Rows,
            b"IGNORE" | b"LOW_PRIORITY" | b"HIGH_PRIORITY" | b"DELAYED" | b"QUICK" | b"OVERWRITE" => {
                Self::Hint
            }
            b"TEMP" | b"TEMPORARY" | b"UNLOGGED" => Self::Temporary,
            b"IF" | b"NOT" | b"EXISTS" | b"CONCURRENTLY" | b"BODY" => Self::Guard,
            b"VERBOSE"
            | b"FULL"
            | b"FREEZE"
            | b"EXTENDED"
            | b"FORMATTED"
            | b"LOCAL"
            | b"NO_WRITE_TO_BINLOG" => Self::Maintenance,
            b"DISTINCT" => Self::Distinct,
            b"CROSS" | b"OUTER" => Self::Cross,
            b"OR" => Self::Or,
            b"FOR" | b"THEN" | b"AFTER" | b"BEFORE" | b"OF" | b"INSTEAD" => Self::Before,
            b"NEXT" => Self::Next,
            b"VALUE" => Self::Value,
            b"DATA" | b"XML" => Self::Data,
            b"FORMAT" => Self::Format,
            b"STDIN" => Self::Stdin,
            b"TRUE" | b"FALSE" => Self::Boolean,
            b"IDENTIFIED" => Self::Identified,
            _ => return None,
        })
    }

    /// Whether a statement can begin with it.
    pub(super) fn is_verb(self) -> bool {
        matches!(
            self,
            Self::Select
                | Self::Insert
                | Self::Replace
                | Self::Update
                | Self::Delete
                | Self::Merge
                | Self::Values
                | Self::Define
                | Self::DefineSeveral
                | Self::Truncate
                | Self::Attach
                | Self::Bulk
                | Self::Call
                | Self::Execute
                | Self::Begin
                | Self::Explain
                | Self::OnTable
                | Self::Load
                | Self::OnOther
                | Self::Permit
                | Self::Command
                | Self::Set
                | Self::With
        )
    }
}
