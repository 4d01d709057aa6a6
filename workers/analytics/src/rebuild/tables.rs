use std::fmt;

use clickhouse::{Row, sql::Identifier};
use serde::Deserialize;

use crate::{
    migrations::TABLES,
    row::{ChatRow, EventRow as _, FeedbackRow},
    store::Store,
};

/// The name of a database that a rebuild fills is the database's name, this mark and 32 hexadecimal digits.
pub(super) const DATABASE_MARK: &str = "_rebuild_";

/// The live tables, and the new ones that will replace them.
pub(super) struct Tables {
    pub(super) live: Store,
    pub(super) new: Store,
}

/// Rows of a table whose events the streams no longer have.
#[derive(Debug, Default, Row, Deserialize)]
pub(super) struct RetainedRows {
    rows: u64,
    oldest: String,
    newest: String,
}

impl RetainedRows {
    /// Adds the rows that were found later.
    pub(super) fn add(&mut self, more: Self) {
        if self.rows == 0 {
            *self = more;
        } else if more.rows > 0 {
            self.rows += more.rows;
            self.oldest = std::mem::take(&mut self.oldest).min(more.oldest);
            self.newest = std::mem::take(&mut self.newest).max(more.newest);
        }
    }
}

impl fmt::Display for RetainedRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, oldest, newest } = self;
        match rows {
            0 => write!(f, "every row was rebuilt from the streams"),
            _ => write!(f, "{rows} rows kept that the streams no longer have, from {oldest} to {newest}"),
        }
    }
}

impl Tables {
    /// Whether a database has a table.
    pub(super) async fn has(&self, store: &Store, table: &str) -> anyhow::Result<bool> {
        let query = "SELECT count() FROM system.tables WHERE database = ? AND name = ?";
        let query = store.server.query(query).bind(&store.database).bind(table);
        Ok(store.with_timeout(query.fetch_one::<u64>()).await? > 0)
    }

    /// Rejects a database whose tables cannot be swapped, and tables whose columns would be lost.
    pub(super) async fn check(&self) -> anyhow::Result<()> {
        let Store { server, database, .. } = &self.live;
        let engine = server.query("SELECT engine FROM system.databases WHERE name = ?").bind(database);
        let engine: Option<String> = self.live.with_timeout(engine.fetch_optional()).await?;
        if let Some(engine) = engine.filter(|engine| engine != "Atomic") {
            anyhow::bail!(
                "the database {database} has the engine {engine}, in which tables cannot be swapped: move them to one \
                 with the engine Atomic"
            );
        }
        for (table, known) in
            [(ChatRow::TABLE, ChatRow::COLUMN_NAMES), (FeedbackRow::TABLE, FeedbackRow::COLUMN_NAMES)]
        {
            let query = "SELECT name FROM system.columns WHERE database = ? AND table = ? \
                         AND default_kind NOT IN ('MATERIALIZED', 'ALIAS') AND name NOT IN ?";
            let query = server.query(query).bind(database).bind(table).bind(known);
            let unknown: Vec<String> = self.live.with_timeout(query.fetch_all()).await?;
            anyhow::ensure!(
                unknown.is_empty(),
                "the table {table} has columns that the streams cannot give and that would be lost: {}. Copy them to another \
                 table and drop them here, or run the release that made them",
                unknown.join(", ")
            );
        }
        Ok(())
    }

    /// Drops the databases of killed rebuilds, and returns their names.
    pub(super) async fn drop_leftovers(&self) -> anyhow::Result<Vec<String>> {
        let start = format!("{}{DATABASE_MARK}", self.live.database);
        let query = self.live.server.query("SELECT name FROM system.databases WHERE startsWith(name, ?)");
        let mut left: Vec<String> = self.live.with_timeout(query.bind(&start).fetch_all()).await?;
        left.retain(|name| {
            let digits = name.trim_start_matches(start.as_str());
            digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        });
        for name in &left {
            self.drop(name).await?;
        }
        Ok(left)
    }

    /// Drops a database of a rebuild.
    pub(super) async fn drop(&self, name: &str) -> anyhow::Result<()> {
        let drop = self.live.server.query("DROP DATABASE IF EXISTS ? SYNC").bind(Identifier(name));
        self.live.run(drop).await
    }

    /// Creates the new tables: copies of the live ones, with changes made by hand, or as the migrations create them.
    pub(super) async fn create(&self) -> anyhow::Result<()> {
        let Store { server, database, .. } = &self.new;
        self.new.run(server.query("CREATE DATABASE ? ENGINE = Atomic").bind(Identifier(database))).await?;
        for table in TABLES {
            if self.has(&self.live, table).await? {
                let create = self.query_both("CREATE TABLE ?.? AS ?.?", [&self.new, &self.live], table);
                self.live.run(create).await?;
            }
        }
        self.new.migrate().await.map(|_| ())
    }

    /// Copies the rows whose jobs the new tables lack. Events after `done` are left out: they are still to be read.
    pub(super) async fn copy_retained_rows(
        &self,
        epoch: &str,
        done: u64,
    ) -> anyhow::Result<Vec<RetainedRows>> {
        let mut retained = Vec::new();
        for table in TABLES {
            retained.push(RetainedRows::default());
            if !self.has(&self.live, table).await? {
                continue;
            }
            let rest = "FROM ?.? WHERE job_id NOT IN (SELECT job_id FROM ?.?) AND NOT (epoch = ? AND stream_seq > ?)";
            let found = format!(
                "SELECT uniqExact(job_id) AS rows, toString(min(at)) AS oldest, toString(max(at)) AS newest {rest}"
            );
            let found = self.query_both(&found, [&self.live, &self.new], table).bind(epoch).bind(done);
            let found: RetainedRows = self.live.with_timeout(found.fetch_one()).await?;
            if found.rows > 0 {
                let copy = format!("INSERT INTO ?.? SELECT * {rest}");
                let copy = self.live.server.query(&copy);
                let copy = copy.bind(Identifier(&self.new.database)).bind(Identifier(table));
                let copy = bind_both(copy, [&self.live, &self.new], table).bind(epoch).bind(done);
                // Rows of any number of months.
                self.live.run(copy.with_setting("max_partitions_per_insert_block", "0")).await?;
            }
            if let Some(last) = retained.last_mut() {
                *last = found;
            }
        }
        Ok(retained)
    }

    /// Swaps each table with its new one. The chats come last, because they record the position of the sink.
    pub(super) async fn exchange(&self) -> anyhow::Result<()> {
        for table in [FeedbackRow::TABLE, ChatRow::TABLE] {
            let exchange = self.query_both("EXCHANGE TABLES ?.? AND ?.?", [&self.live, &self.new], table);
            self.live.run(exchange).await?;
        }
        Ok(())
    }

    /// A statement about one table of two databases.
    pub(super) fn query_both(&self, sql: &str, stores: [&Store; 2], table: &str) -> clickhouse::query::Query {
        bind_both(self.live.server.query(sql), stores, table)
    }
}

fn bind_both(query: clickhouse::query::Query, stores: [&Store; 2], table: &str) -> clickhouse::query::Query {
    stores
        .into_iter()
        .fold(query, |query, store| query.bind(Identifier(&store.database)).bind(Identifier(table)))
        .with_setting("max_execution_time", super::STATEMENT_TIMEOUT.as_secs().to_string())
}
