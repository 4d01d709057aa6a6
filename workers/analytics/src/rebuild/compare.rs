use std::fmt;

use clickhouse::{Row, sql::Identifier};
use serde::Deserialize;

use super::{
    super::{migrations::TABLES, store::Store},
    tables::Tables,
};

/// The content of a row: everything but the position of its event.
const CONTENT: &str = "cityHash64(* EXCEPT (stream_seq, epoch))";

/// The number of rows of a table, each job counted once, and a checksum of their content.
#[derive(Debug, PartialEq, Row, Deserialize)]
struct TableSum {
    rows: u64,
    checksum: u64,
}

/// How a new table differs from the old one.
#[derive(Debug, Default, Row, Deserialize)]
struct TableDifference {
    came_back: u64,
    mended: u64,
    lacking: u64,
}

/// The comparison of an old table and its new one.
pub(super) struct TableComparison {
    old: TableSum,
    new: TableSum,
    difference: TableDifference,
    /// Rows of the old table that the new one lacks.
    pub(super) lacking: u64,
}

/// Compares each table with its new one. Nothing may write to them meanwhile.
pub(super) async fn compare(tables: &Tables) -> anyhow::Result<Vec<TableComparison>> {
    let mut compared = Vec::new();
    for table in TABLES {
        let (old, new) = (sum(&tables.live, table).await?, sum(&tables.new, table).await?);
        let difference = match old == new {
            true => TableDifference::default(),
            false => differ(tables, table).await?,
        };
        let lacking = difference.lacking;
        compared.push(TableComparison { old, new, difference, lacking });
    }
    Ok(compared)
}

async fn sum(store: &Store, table: &str) -> anyhow::Result<TableSum> {
    let query = format!("SELECT count() AS rows, sum({CONTENT}) AS checksum FROM ?.? FINAL");
    let query = store.server.query(&query).bind(Identifier(&store.database)).bind(Identifier(table));
    let query = query.with_setting("max_execution_time", super::STATEMENT_TIMEOUT.as_secs().to_string());
    store.with_timeout(query.fetch_one()).await
}

async fn differ(tables: &Tables, table: &str) -> anyhow::Result<TableDifference> {
    let side = format!("(SELECT job_id, {CONTENT} AS content FROM ?.? FINAL)");
    let query = format!(
        "SELECT countIf(old.job_id = '') AS came_back, \
         countIf(old.job_id != '' AND new.job_id != '' AND old.content != new.content) AS mended, \
         countIf(new.job_id = '') AS lacking \
         FROM {side} AS old FULL JOIN {side} AS new ON old.job_id = new.job_id"
    );
    let query = tables.query_both(&query, [&tables.live, &tables.new], table);
    tables.live.with_timeout(query.fetch_one()).await
}

impl fmt::Display for TableComparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { old, new, difference, .. } = self;
        write!(f, "{} rows, checksum {}: ", new.rows, new.checksum)?;
        if old == new {
            return write!(f, "equal to the old table");
        }
        let TableDifference { came_back, mended, .. } = difference;
        write!(
            f,
            "the old table had {} rows, checksum {}; {came_back} came back, {mended} were mended",
            old.rows, old.checksum
        )
    }
}
