//! CSV exports: every question of a period, and its figures.

use std::time::Duration;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use clickhouse::query::RowCursor;
use futures::stream;

use super::{
    Analytics,
    conversation::ExchangeRow,
    csv_file,
    filter::{PERIOD_CONDITION, ReportFilter, rfc3339},
    report::Report,
};
use crate::error::{ApiError, Code};

/// Most questions in one file: what spreadsheets can open.
const MAX_ROWS: usize = 100_000;
/// Questions in one chunk of the response.
const ROWS_PER_BLOCK: usize = 200;

const COLUMNS: [&str; 21] = [
    "at",
    "session_id",
    "job_id",
    "question",
    "answer",
    "outcome",
    "problem",
    "intent",
    "product",
    "language",
    "confidence",
    "took_ms",
    "provider",
    "model",
    "prompt_tokens",
    "completion_tokens",
    "cost_usd",
    "page",
    "sources",
    "rating",
    "comment",
];

impl Analytics {
    /// Every question of a period as a CSV file, the latest first.
    ///
    /// # Errors
    /// When ClickHouse does not give the first of them. What fails later cuts the file off.
    pub async fn questions_csv(&self, filter: &ReportFilter) -> Result<Response, ApiError> {
        let rest = format!("ORDER BY at DESC, job_id LIMIT {MAX_ROWS}");
        let query = filter.bind(self.chat_rows(&format!("{PERIOD_CONDITION} AND question != ''"), &rest));
        // A failure before the first row becomes a problem; later it cuts the body off.
        let first = async {
            let mut rows = query.fetch::<ExchangeRow>()?;
            let first = rows.next().await?;
            Ok((rows, first))
        };
        let (rows, first) = self.run("the questions", first).await?;
        let head = csv_file::header_line(COLUMNS).map_err(|error| write_error(&error))?;
        let start = Some(PendingRows { head, rows, first, timeout: self.timeout });
        let body = stream::try_unfold(start, |rows| async move {
            match rows {
                Some(rows) => rows.block().await,
                None => Ok(None),
            }
        });
        Ok(csv_file::download("conversations.csv", Body::from_stream(body)))
    }
}

/// The rows that are not sent yet.
struct PendingRows {
    head: Vec<u8>,
    rows: RowCursor<ExchangeRow>,
    first: Option<ExchangeRow>,
    timeout: Duration,
}

impl PendingRows {
    /// The next chunk of lines, and the rows after it.
    async fn block(mut self) -> std::io::Result<Option<(Bytes, Option<Self>)>> {
        let mut block: Vec<ExchangeRow> = self.first.take().into_iter().collect();
        let mut more = true;
        while more && block.len() < ROWS_PER_BLOCK {
            let next = tokio::time::timeout(self.timeout, self.rows.next()).await?;
            match next.map_err(std::io::Error::other)? {
                Some(chat) => block.push(chat),
                None => more = false,
            }
        }
        let lines = csv_file::lines(block.into_iter().map(csv_line))?;
        let bytes = [std::mem::take(&mut self.head), lines].concat();
        Ok(Some((bytes.into(), more.then_some(self))))
    }
}

fn csv_line(chat: ExchangeRow) -> [String; 21] {
    let words = [chat.reason, chat.comment];
    let comment = words.iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>().join(": ");
    [
        rfc3339(chat.at_ms),
        chat.session_id,
        chat.job_id,
        chat.question,
        chat.answer,
        chat.outcome,
        chat.problem,
        chat.intent,
        chat.product,
        chat.language,
        format!("{:.3}", chat.confidence),
        chat.took_ms.to_string(),
        chat.provider,
        chat.model,
        chat.prompt_tokens.to_string(),
        chat.completion_tokens.to_string(),
        if chat.cost_known { chat.cost_usd.to_string() } else { String::new() },
        chat.page,
        chat.sources.join(" "),
        chat.rating,
        comment,
    ]
}

/// The figures of a report as a CSV file: one figure a line.
///
/// # Errors
/// When the file cannot be written.
pub fn report_csv_file(report: &Report) -> Result<Response, ApiError> {
    let report = serde_json::to_value(report).map_err(|error| write_error(&error.into()))?;
    let mut rows = Vec::new();
    for (section, figures) in report.as_object().into_iter().flatten() {
        if section != "choices" {
            append_figures(section, "", "", figures, &mut rows);
        }
    }
    let bytes = csv_file::header_line(["section", "item", "measure", "value"])
        .and_then(|head| Ok([head, csv_file::lines(rows)?].concat()))
        .map_err(|error| write_error(&error))?;
    Ok(csv_file::download("report.csv", Body::from(bytes)))
}

/// Appends a line for each figure in a value. An item of a list is named by its first text.
fn append_figures(
    section: &str,
    item: &str,
    measure: &str,
    value: &serde_json::Value,
    rows: &mut Vec<[String; 4]>,
) {
    use serde_json::Value;
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, value) in fields {
                let nested = value.is_array();
                append_figures(
                    &if nested { format!("{section}.{name}") } else { section.to_string() },
                    item,
                    name,
                    value,
                    rows,
                );
            }
        }
        Value::Array(things) => {
            for thing in things {
                let names = ["name", "stage", "provider", "start", "url", "question"];
                let name = names.iter().find_map(|name| thing[name].as_str()).unwrap_or_default();
                append_figures(section, name, "", thing, rows);
            }
        }
        value => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_string);
            if text != item {
                rows.push([section.to_string(), item.to_string(), measure.to_string(), text]);
            }
        }
    }
}

fn write_error(error: &std::io::Error) -> ApiError {
    tracing::error!(%error, "a sheet cannot be written");
    ApiError::new(Code::Internal, "The sheet could not be written.")
}
