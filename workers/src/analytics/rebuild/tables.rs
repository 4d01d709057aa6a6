use std::fmt;

use clickhouse::{Row, sql::Identifier};
use serde::Deserialize;

use super::super::{
    migrations::TABLES,
    row::{ChatRow, EventRow as _, FeedbackRow},
    store::Store,
};

/// Stands between the database's name and 32 hexadecimal digits in the name of a database that a rebuild fills.
pub(super) const MARK: &str = "_rebuild_";

/// The tables of the sink, and those that are to take their place.
pub(super) struct Tables {
    pub(super) live: Store,
    pub(super) new: Store,
}

/// Rows of a table that the log does not have.
#[derive(Debug, Default, Row, Deserialize)]
pub(super) struct Kept {
    rows: u64,
    oldest: String,
    newest: String,
}

impl Kept {
    /// Takes in what was found later.
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

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, oldest, newest } = self;
        match rows {
            0 => write!(f, "every row is made of the log"),
            _ => write!(f, "{rows} rows kept that are not made of the log, from {oldest} to {newest}"),
        }
    }
}

impl Tables {
    /// Whether a database has a table.
    pub(super) async fn has(&self, store: &Store, table: &str) -> anyhow::Result<bool> {
        let query = "SELECT count() FROM system.tables WHERE database = ? AND name = ?";
        let query = store.server.query(query).bind(&store.database).bind(table);
        Ok(store.within(query.fetch_one::<u64>()).await? > 0)
    }

    /// Refuses what could not be swapped, or would lose something by it.
    pub(super) async fn check(&self) -> anyhow::Result<()> {
        let Store { server, database, .. } = &self.live;
        let engine = server.query("SELECT engine FROM system.databases WHERE name = ?").bind(database);
        let engine: Option<String> = self.live.within(engine.fetch_optional()).await?;
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
            let unknown: Vec<String> = self.live.within(query.fetch_all()).await?;
            anyhow::ensure!(
                unknown.is_empty(),
                "the table {table} has columns that are not made of the log and would be lost: {}. Copy them to another \
                 table and drop them here, or run the release that made them",
                unknown.join(", ")
            );
        }
        Ok(())
    }

    /// Drops what killed rebuilds left, and says what it was.
    pub(super) async fn drop_left(&self) -> anyhow::Result<Vec<String>> {
        let start = format!("{}{MARK}", self.live.database);
        let query = self.live.server.query("SELECT name FROM system.databases WHERE startsWith(name, ?)");
        let mut left: Vec<String> = self.live.within(query.bind(&start).fetch_all()).await?;
        left.retain(|name| {
            let digits = name.trim_start_matches(start.as_str());
            digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        });
        for name in &left {
            self.drop(name).await?;
        }
        Ok(left)
    }

    /// Drops a database that a rebuild made.
    pub(super) async fn drop(&self, name: &str) -> anyhow::Result<()> {
        let drop = self.live.server.query("DROP DATABASE IF EXISTS ? SYNC").bind(Identifier(name));
        self.live.run(drop).await
    }

    /// Makes the new tables: like those that are there, with whatever was changed in them by hand, else as the
    /// migrations make them.
    pub(super) async fn make(&self) -> anyhow::Result<()> {
        let Store { server, database, .. } = &self.new;
        self.new.run(server.query("CREATE DATABASE ? ENGINE = Atomic").bind(Identifier(database))).await?;
        for table in TABLES {
            if self.has(&self.live, table).await? {
                let create = self.of_both("CREATE TABLE ?.? AS ?.?", [&self.new, &self.live], table);
                self.live.run(create).await?;
            }
        }
        self.new.migrate().await.map(|_| ())
    }

    /// Copies to the new tables the rows whose jobs they lack. Those of events behind `done` are left out: they are still
    /// to be read.
    pub(super) async fn keep(&self, epoch: &str, done: u64) -> anyhow::Result<Vec<Kept>> {
        let mut kept = Vec::new();
        for table in TABLES {
            kept.push(Kept::default());
            if !self.has(&self.live, table).await? {
                continue;
            }
            let rest = "FROM ?.? WHERE job_id NOT IN (SELECT job_id FROM ?.?) AND NOT (epoch = ? AND stream_seq > ?)";
            let found = format!(
                "SELECT uniqExact(job_id) AS rows, toString(min(at)) AS oldest, toString(max(at)) AS newest {rest}"
            );
            let found = self.of_both(&found, [&self.live, &self.new], table).bind(epoch).bind(done);
            let found: Kept = self.live.within(found.fetch_one()).await?;
            if found.rows > 0 {
                let copy = format!("INSERT INTO ?.? SELECT * {rest}");
                let copy = self.live.server.query(&copy);
                let copy = copy.bind(Identifier(&self.new.database)).bind(Identifier(table));
                let copy = bind_both(copy, [&self.live, &self.new], table).bind(epoch).bind(done);
                // Rows of any number of months.
                self.live.run(copy.with_setting("max_partitions_per_insert_block", "0")).await?;
            }
            if let Some(last) = kept.last_mut() {
                *last = found;
            }
        }
        Ok(kept)
    }

    /// Swaps each table with its new one; the chats last, because they tell how far the sink is.
    pub(super) async fn exchange(&self) -> anyhow::Result<()> {
        for table in [FeedbackRow::TABLE, ChatRow::TABLE] {
            let exchange = self.of_both("EXCHANGE TABLES ?.? AND ?.?", [&self.live, &self.new], table);
            self.live.run(exchange).await?;
        }
        Ok(())
    }

    /// A statement about one table of two databases.
    pub(super) fn of_both(&self, sql: &str, stores: [&Store; 2], table: &str) -> clickhouse::query::Query {
        bind_both(self.live.server.query(sql), stores, table)
    }
}

fn bind_both(query: clickhouse::query::Query, stores: [&Store; 2], table: &str) -> clickhouse::query::Query {
    stores
        .into_iter()
        .fold(query, |query, store| query.bind(Identifier(&store.database)).bind(Identifier(table)))
        .with_setting("max_execution_time", super::PATIENCE.as_secs().to_string())
}
