//! ClickHouse over HTTP, with rows that stay bytes.

use std::time::Instant;

use bytes::Bytes;
use hoidap_shared::config::ClickHouseConfig;
use reqwest::{Client, Url};
use secrecy::ExposeSecret as _;
use uuid::Uuid;

/// The format in which the sink inserts.
const FORMAT: &str = "RowBinaryWithNamesAndTypes";

/// A server, as the user of the configuration.
pub(super) struct ClickHouse {
    http: Client,
    settings: ClickHouseConfig,
}

impl ClickHouse {
    pub(super) fn new(settings: &ClickHouseConfig) -> anyhow::Result<Self> {
        Ok(Self { http: Client::builder().no_proxy().build()?, settings: settings.clone() })
    }

    /// The name of a database that is not there yet.
    pub(super) fn new_database(&self) -> String {
        format!("bench_{}", Uuid::new_v4().simple())
    }

    /// The rows of the chats in `database` in blocks of `rows`, in the order of their events.
    pub(super) async fn blocks(&self, database: &str, all: usize, rows: usize) -> anyhow::Result<Vec<Bytes>> {
        let mut blocks = Vec::new();
        for offset in (0..all).step_by(rows) {
            let query = format!(
                "SELECT * FROM {database}.chats ORDER BY stream_seq LIMIT {rows} OFFSET {offset} FORMAT {FORMAT}"
            );
            blocks.push(self.ask(&query, Bytes::new(), "").await?);
        }
        Ok(blocks)
    }

    /// Rows each second of inserting the blocks one after the other into a new table of the same kind as the chats'.
    pub(super) async fn insert(&self, database: &str, blocks: &[Bytes], rows: usize) -> anyhow::Result<f64> {
        self.ask(&format!("CREATE TABLE {database}.alone AS {database}.chats"), Bytes::new(), "").await?;
        let insert = format!("INSERT INTO {database}.alone FORMAT {FORMAT}");
        let begun = Instant::now();
        for (number, block) in blocks.iter().enumerate() {
            self.ask(&insert, block.clone(), &number.to_string()).await?;
        }
        let seconds = begun.elapsed().as_secs_f64();
        let found = self.ask(&format!("SELECT count() FROM {database}.alone"), Bytes::new(), "").await?;
        let found = String::from_utf8_lossy(&found).trim().to_string();
        anyhow::ensure!(found == rows.to_string(), "{found} of {rows} rows were inserted");
        Ok(rows as f64 / seconds)
    }

    pub(super) async fn drop_database(&self, database: &str) -> anyhow::Result<()> {
        self.ask(&format!("DROP DATABASE IF EXISTS {database}"), Bytes::new(), "").await.map(drop)
    }

    /// Runs a statement. An insert has a token by which the server knows a repetition, as the sink's have.
    async fn ask(&self, query: &str, body: Bytes, token: &str) -> anyhow::Result<Bytes> {
        let mut parameters = vec![("query", query)];
        if !token.is_empty() {
            parameters.extend([("async_insert", "0"), ("insert_deduplication_token", token)]);
        }
        let url = Url::parse_with_params(&self.settings.url, &parameters)?;
        let request = self.http.post(url).body(body);
        let request = request
            .header("x-clickhouse-user", &self.settings.user)
            .header("x-clickhouse-key", self.settings.password.expose_secret());
        let response = request.send().await?;
        let status = response.status();
        let body = response.bytes().await?;
        anyhow::ensure!(
            status.is_success(),
            "ClickHouse said {status} to {query:.80}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(body)
    }
}
