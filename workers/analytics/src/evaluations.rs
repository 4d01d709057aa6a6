use std::collections::BTreeMap;

use clickhouse::Row;
use hoidap_shared::{config::ClickHouseConfig, job::now_ms};
use serde::Serialize;

use crate::{
    migrations::EVALUATIONS,
    store::{InsertError, Store},
};

/// The result of one labelled question; `schemas/clickhouse/0005_evaluations.sql` documents the columns.
#[derive(Clone, Debug, Row, Serialize)]
pub struct EvaluationRow {
    /// The run's name.
    pub name: String,
    /// When the run was written, in milliseconds since the Unix epoch; [`Evaluations::write`] sets it.
    pub at: i64,
    /// The question's position in its file.
    pub place: u32,
    /// The question's identifier.
    pub question_id: String,
    /// The question's text.
    pub question: String,
    /// The answer's language.
    pub language: String,
    /// The kind of question; empty if it has none.
    pub kind: String,
    /// Whether the documents answer it.
    pub answerable: bool,
    /// The answer's outcome.
    pub outcome: String,
    /// Whether the answer is right.
    pub right: bool,
    /// The answer's confidence, 0 to 1.
    pub confidence: f32,
    /// The version of each stage.
    pub versions: BTreeMap<String, String>,
}

/// The evaluations in ClickHouse, which the dashboard shows.
pub struct Evaluations {
    store: Store,
}

impl Evaluations {
    /// Connects to ClickHouse, and creates missing tables.
    ///
    /// # Errors
    /// When ClickHouse cannot be reached, or its tables have another form.
    pub async fn open(settings: &ClickHouseConfig) -> anyhow::Result<Self> {
        let store = Store::new(settings);
        store.migrate().await?;
        Ok(Self { store })
    }

    /// Writes the rows of a run, all or none, with the current time.
    ///
    /// # Errors
    /// When ClickHouse refuses the rows.
    pub async fn write(&self, mut rows: Vec<EvaluationRow>) -> anyhow::Result<()> {
        let at = i64::try_from(now_ms())?;
        rows.iter_mut().for_each(|row| row.at = at);
        let name = rows.first().map(|row| row.name.clone()).unwrap_or_default();
        match self.store.insert_into(EVALUATIONS, &rows, &format!("{name}:{at}:{}", rows.len())).await {
            Ok(()) => Ok(()),
            Err(InsertError::Content(text)) => {
                anyhow::bail!("ClickHouse refuses the evaluation {name}: {text}")
            }
            Err(InsertError::Failed(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use clickhouse::{Client, Compression};
    use hoidap_shared::config::Config;
    use hoidap_testing::Server;

    use super::*;

    fn row(place: u32, confidence: f32) -> EvaluationRow {
        EvaluationRow {
            name: "site".into(),
            at: 0,
            place,
            question_id: format!("q{place}"),
            question: "Giá bao nhiêu?".into(),
            language: "vi".into(),
            kind: String::new(),
            answerable: true,
            outcome: "answered".into(),
            right: place == 0,
            confidence,
            versions: BTreeMap::from([("generator".into(), "v".into())]),
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_run_is_written_whole_and_its_table_comes_back() {
        let server = Server::clickhouse();
        let mut settings = Config::load(None, &[]).unwrap().clickhouse;
        settings.url = server.url();
        settings.password = server.password().to_string().into();
        let client = Client::default()
            .with_url(server.url())
            .with_user(&settings.user)
            .with_password(server.password())
            .with_database(&settings.database)
            .with_compression(Compression::None);
        let told = "SELECT toString(name), count(), uniqExact(at), countIf(right), max(versions['generator']) FROM evaluations \
                    GROUP BY name";
        for _ in 0..2 {
            let evaluations = Evaluations::open(&settings).await.unwrap();
            evaluations.write(vec![row(0, 0.9), row(1, 0.7)]).await.unwrap();
            let found: (String, u64, u64, u64, String) = client.query_raw(told).fetch_one().await.unwrap();
            assert_eq!(found, ("site".into(), 2, 1, 1, "v".into()));
            client.query_raw("DROP TABLE evaluations").execute().await.unwrap();
        }
        settings.url = "http://me:secret@127.0.0.1:9".into();
        let error = Evaluations::open(&settings).await.err().unwrap().to_string();
        assert!(error.starts_with("ClickHouse at http://127.0.0.1:9 failed"), "{error}");
    }
}
