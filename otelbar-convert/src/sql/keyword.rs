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
    /// `CREATE`, `DROP`, …: the kind of object follows.
    Define,
    /// `DROP` and `TRUNCATE`: as `Define`, and several objects may be named.
    DefineSeveral,
    /// `CALL`, and `{call …}`.
    Call,
    /// `EXEC` and `EXECUTE`
    Execute,
    Begin,
    Explain,
    /// `ANALYZE`, `COPY`, …: a table follows.
    OnTable,
    /// `USE`, `PRAGMA`: the name of something else follows.
    OnOther,
    /// `GRANT`, …: operations and tables that follow are not executed.
    Permit,
    /// An operation without a target: `COMMIT`, `SET`, `SHOW`, …
    Command,
    // Kinds of objects.
    Table,
    /// `DATABASE`, `FUNCTION`, …
    Object,
    Transaction,
    // Clauses.
    With,
    As,
    From,
    Join,
    Apply,
    Into,
    Using,
    /// Ends a list of tables: `WHERE`, `SET`, …
    Clause,
    // Words around names.
    Top,
    Recursive,
    /// `ALL` and `FIRST`
    All,
    On,
    Only,
    /// Stands between an operation and its target.
    Modifier,
    Distinct,
    /// `CROSS` and `OUTER`
    Cross,
    /// `FOR`, `THEN`, …: a verb behind it is no operation.
    Before,
}

/// The longest keyword below.
const LONGEST: usize = 13;

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
            b"INSERT" => Self::Insert,
            b"REPLACE" => Self::Replace,
            b"UPDATE" => Self::Update,
            b"DELETE" => Self::Delete,
            b"MERGE" => Self::Merge,
            b"VALUES" => Self::Values,
            b"CREATE" | b"ALTER" | b"RENAME" | b"REFRESH" | b"REINDEX" | b"COMMENT" | b"LOCK"
            | b"OPTIMIZE" | b"REPAIR" | b"CHECK" | b"ATTACH" | b"DETACH" | b"START" | b"UNLOCK" => {
                Self::Define
            }
            b"DROP" | b"TRUNCATE" => Self::DefineSeveral,
            b"CALL" => Self::Call,
            b"EXEC" | b"EXECUTE" => Self::Execute,
            b"BEGIN" => Self::Begin,
            b"EXPLAIN" => Self::Explain,
            b"ANALYZE" | b"ANALYSE" | b"COPY" | b"DESCRIBE" | b"DESC" | b"VACUUM" | b"CLUSTER" => {
                Self::OnTable
            }
            b"USE" | b"PRAGMA" => Self::OnOther,
            b"GRANT" | b"REVOKE" | b"DENY" => Self::Permit,
            b"COMMIT" | b"ROLLBACK" | b"ABORT" | b"SAVEPOINT" | b"RELEASE" | b"SHOW" | b"RESET"
            | b"DISCARD" | b"DECLARE" | b"FETCH" | b"OPEN" | b"CLOSE" | b"LISTEN" | b"UNLISTEN"
            | b"NOTIFY" | b"PREPARE" | b"DEALLOCATE" | b"CHECKPOINT" | b"DO" | b"KILL" | b"FLUSH"
            | b"LOAD" | b"BACKUP" | b"RESTORE" | b"PRINT" | b"WAITFOR" | b"XA" => Self::Command,
            b"TABLE" | b"TABLES" | b"VIEW" => Self::Table,
            b"INDEX" | b"DATABASE" | b"SCHEMA" | b"SEQUENCE" | b"FUNCTION" | b"PROCEDURE" | b"PROC"
            | b"TRIGGER" | b"TYPE" | b"USER" | b"ROLE" | b"LOGIN" | b"EXTENSION" | b"DOMAIN"
            | b"TABLESPACE" | b"SYNONYM" | b"PACKAGE" | b"EVENT" | b"SERVER" | b"POLICY" | b"PUBLICATION"
            | b"SUBSCRIPTION" | b"COLLATION" | b"AGGREGATE" | b"RULE" | b"STATISTICS" | b"COLUMN"
            | b"PROFILE" => Self::Object,
            b"TRANSACTION" => Self::Transaction,
            b"WITH" => Self::With,
            b"AS" => Self::As,
            b"FROM" => Self::From,
            b"JOIN" | b"STRAIGHT_JOIN" => Self::Join,
            b"APPLY" => Self::Apply,
            b"INTO" => Self::Into,
            b"USING" => Self::Using,
            b"WHERE" | b"SET" | b"GROUP" | b"HAVING" | b"ORDER" | b"LIMIT" | b"OFFSET" | b"WINDOW"
            | b"RETURNING" | b"OUTPUT" | b"UNION" | b"EXCEPT" | b"INTERSECT" | b"QUALIFY" | b"CONNECT"
            | b"OPTION" => Self::Clause,
            b"TOP" => Self::Top,
            b"RECURSIVE" => Self::Recursive,
            b"ALL" | b"FIRST" => Self::All,
            b"ON" => Self::On,
            b"ONLY" | b"LATERAL" => Self::Only,
            b"IF" | b"NOT" | b"EXISTS" | b"CONCURRENTLY" | b"IGNORE" | b"LOW_PRIORITY" | b"HIGH_PRIORITY"
            | b"DELAYED" | b"QUICK" | b"OVERWRITE" | b"BODY" | b"VERBOSE" | b"FULL" | b"FREEZE" | b"FAIL"
            | b"TEMP" | b"TEMPORARY" | b"UNLOGGED" | b"STRICT" => Self::Modifier,
            b"DISTINCT" => Self::Distinct,
            b"CROSS" | b"OUTER" => Self::Cross,
            b"FOR" | b"THEN" | b"AFTER" | b"BEFORE" | b"OR" | b"OF" | b"INSTEAD" => Self::Before,
            _ => return None,
        })
    }
}
