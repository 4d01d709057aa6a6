use std::{future::Future, time::Duration};

use anyhow::{Context as _, bail};
use clickhouse::{Client, Compression, Row, RowOwned, RowWrite};
use hoidap_shared::{address::without_credentials, config::ClickHouseConfig};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::{
    migrations::{ALL, EVALUATIONS, TABLES},
    row::{ChatRow, EventRow},
};

/// ClickHouse's codes for a row that it will never accept: values that cannot be parsed or converted, are out of bounds, or
/// violate a constraint. Any other error (no space, no memory, too many parts, no rights) may be temporary.
const REFUSED_CONTENT: [u32; 13] = [6, 26, 38, 41, 69, 72, 117, 128, 131, 321, 349, 441, 469];

/// Why rows were not inserted.
#[derive(Debug, thiserror::Error)]
pub(super) enum InsertError {
    /// Because of their content: trying again does not help.
    #[error("ClickHouse refuses what the row holds: {0}")]
    Content(String),
    /// For any other reason.
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

/// The position of ClickHouse in one epoch of the stream.
#[derive(Debug, Row, Deserialize)]
pub(super) struct StreamPosition {
    /// The epoch; see [`crate::source::EventReader`].
    pub(super) epoch: String,
    /// The greatest sequence.
    pub(super) sequence: u64,
    /// The job of that row.
    pub(super) job_id: String,
}

#[derive(Row, Serialize, Deserialize)]
struct AppliedMigration {
    version: u32,
    name: String,
    sha256: String,
}

/// The tables in ClickHouse.
pub(super) struct Store {
    pub(super) server: Client,
    client: Client,
    pub(super) database: String,
    /// Its address, to be printed.
    address: String,
    timeout: Duration,
}

impl Store {
    /// Prepares the client; nothing is connected yet.
    pub(super) fn new(settings: &ClickHouseConfig) -> Self {
        let server = Client::default()
            .with_url(&settings.url)
            .with_user(&settings.user)
            .with_password(settings.password.expose_secret())
            .with_compression(Compression::None);
        let client = server.clone().with_database(&settings.database);
        let timeout = Duration::from_millis(settings.timeout_ms);
        let address = without_credentials(&settings.url);
        Self { server, client, database: settings.database.clone(), address, timeout }
    }

    /// Applies the missing migrations in order, and all of them again when a table is missing. Returns whether a table of
    /// events is missing although it was created before.
    pub(super) async fn migrate(&self) -> anyhow::Result<bool> {
        let found =
            self.server.query("SELECT count() FROM system.databases WHERE name = ?").bind(&self.database);
        if self.with_timeout(found.fetch_one::<u64>()).await? == 0 {
            let create = "CREATE DATABASE IF NOT EXISTS ?";
            self.run(self.server.query(create).bind(clickhouse::sql::Identifier(&self.database))).await?;
        }
        self.client.clear_cached_metadata().await;
        let table = "CREATE TABLE IF NOT EXISTS migrations (version UInt32, name String, sha256 String, \
                     applied_at DateTime64(3, 'UTC') DEFAULT now64(3)) ENGINE = ReplacingMergeTree ORDER BY version \
                     SETTINGS non_replicated_deduplication_window = 1000";
        self.run(self.client.query(table)).await?;
        let applied = "SELECT version, name, sha256 FROM migrations FINAL ORDER BY version";
        let applied: Vec<AppliedMigration> =
            self.with_timeout(self.client.query(applied).fetch_all()).await?;
        let whole = self.has(&TABLES).await?;
        let all = whole && self.has(&[EVALUATIONS]).await?;
        for migration in &ALL {
            let sha256 = migration.sha256();
            let known = applied.iter().find(|known| known.version == migration.version);
            if let Some(known) = known.filter(|known| known.sha256 != sha256) {
                bail!(
                    "migration {} is not the one that was applied to database {} (as {}): put the file back as it was, \
                     and make the change in a new migration",
                    migration.name,
                    self.database,
                    known.name
                );
            }
            if known.is_some() && all {
                continue;
            }
            for statement in migration.statements() {
                let run = self.run(self.client.query_raw(statement)).await;
                run.with_context(|| format!("migration {} failed", migration.name))?;
            }
            if known.is_none() {
                self.record(AppliedMigration {
                    version: migration.version,
                    name: migration.name.into(),
                    sha256,
                })
                .await?;
            }
            info!(migration = migration.name, database = self.database, "applied");
        }
        if applied.iter().any(|known| ALL.iter().all(|migration| migration.version != known.version)) {
            info!("a newer release has changed the tables: this one writes the columns it knows");
        }
        let all_known =
            ALL.iter().all(|migration| applied.iter().any(|known| known.version == migration.version));
        Ok(all_known && !whole)
    }

    /// Whether all of these tables exist.
    async fn has(&self, tables: &[&str]) -> anyhow::Result<bool> {
        for table in tables {
            let exists = self.client.query("EXISTS TABLE ?").bind(clickhouse::sql::Identifier(table));
            if self.with_timeout(exists.fetch_one::<u8>()).await? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn record(&self, applied: AppliedMigration) -> anyhow::Result<()> {
        let token = format!("{}:{}", applied.version, applied.sha256);
        let insert = async {
            let insert = self.client.insert::<AppliedMigration>("migrations").await?;
            let mut insert =
                insert.with_setting("async_insert", "0").with_setting("insert_deduplication_token", token);
            insert.write(&applied).await?;
            insert.end().await
        };
        self.with_timeout(insert).await
    }

    /// The position in each epoch of a stream with this creation time: the greatest sequence among the chats. They are the
    /// last of a batch, so everything up to there is stored. Events after it are read again, and recognised by their keys.
    pub(super) async fn positions(&self, created: &str) -> anyhow::Result<Vec<StreamPosition>> {
        let query = "SELECT epoch, max(stream_seq) AS sequence, argMax(job_id, stream_seq) AS job_id FROM ? \
                     WHERE startsWith(epoch, ?) GROUP BY epoch";
        let query = self.client.query(query).bind(clickhouse::sql::Identifier(ChatRow::TABLE)).bind(created);
        self.with_timeout(query.fetch_all()).await
    }

    /// Whether a table has no rows.
    pub(super) async fn is_empty(&self, table: &str) -> anyhow::Result<bool> {
        let count = self.client.query("SELECT count() FROM ?").bind(clickhouse::sql::Identifier(table));
        Ok(self.with_timeout(count.fetch_one::<u64>()).await? == 0)
    }

    /// Inserts rows of one partition as one block: all or none, and once for each token.
    pub(super) async fn insert<R: EventRow>(&self, rows: &[R], token: &str) -> Result<(), InsertError> {
        self.insert_into(R::TABLE, rows, token).await
    }

    /// The same for a table by name.
    pub(super) async fn insert_into<R: RowOwned + RowWrite>(
        &self,
        table: &str,
        rows: &[R],
        token: &str,
    ) -> Result<(), InsertError> {
        let insert = async {
            let insert = self.client.insert::<R>(table).await?;
            let mut insert =
                insert.with_setting("async_insert", "0").with_setting("insert_deduplication_token", token);
            for row in rows {
                insert.write(row).await?;
            }
            insert.end().await
        };
        match tokio::time::timeout(self.timeout, insert).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(clickhouse::error::Error::BadResponse(text))) if is_content(&text) => {
                Err(InsertError::Content(text))
            }
            Ok(Err(error)) => Err(InsertError::Failed(self.failure(&error))),
            Err(_) => Err(InsertError::Failed(self.timeout_error())),
        }
    }

    pub(super) async fn run(&self, statement: clickhouse::query::Query) -> anyhow::Result<()> {
        self.with_timeout(statement.execute()).await
    }

    pub(super) async fn with_timeout<T>(
        &self,
        work: impl Future<Output = Result<T, clickhouse::error::Error>>,
    ) -> anyhow::Result<T> {
        match tokio::time::timeout(self.timeout, work).await {
            Ok(result) => result.map_err(|error| self.failure(&error)),
            Err(_) => Err(self.timeout_error()),
        }
    }

    fn failure(&self, error: &clickhouse::error::Error) -> anyhow::Error {
        // Only the cause of a network error says what happened.
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
        anyhow::anyhow!("ClickHouse at {} failed: {error}{cause}", self.address)
    }

    fn timeout_error(&self) -> anyhow::Error {
        anyhow::anyhow!("ClickHouse at {} did not answer within {:?}", self.address, self.timeout)
    }
}

/// Whether the server's error (`Code: 469. DB::Exception: …`) is about the content of the rows.
fn is_content(answer: &str) -> bool {
    let code = answer.split_once("Code: ").map_or("", |(_, rest)| rest);
    let digits: String = code.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().is_ok_and(|code| REFUSED_CONTENT.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_content_of_a_row_makes_it_a_bad_row() {
        assert!(is_content("bad response: Code: 469. DB::Exception: Constraint `c` is violated"));
        assert!(!is_content("Code: 60. DB::Exception: Table t does not exist"));
        assert!(!is_content("Code: 252. DB::Exception: Too many parts (300)"));
        assert!(!is_content("upstream said 469"));
    }
}
