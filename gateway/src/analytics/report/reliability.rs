//! Calibration of the answers' confidence: by visitors' ratings, and by labelled questions.

use std::collections::BTreeMap;

use clickhouse::{Row, error::Result};
use hoidap_shared::calibration::{self, BIN_COUNT, chance_calibration_error, expected_calibration_error};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::analytics::{
    ANSWERED_CONDITION, Analytics,
    filter::{PERIOD_CONDITION, ReportFilter, rfc3339},
};

/// SQL condition: the last run under each name, of the twenty latest.
const LAST_RUNS: &str = "(name, at) IN (SELECT name, max(at) AS last FROM evaluations GROUP BY name ORDER BY last DESC, name LIMIT 20)";

#[derive(Row, Deserialize)]
struct BinRow {
    bin_index: u8,
    answers: u64,
    confidences: f64,
    right: u64,
}

#[derive(Row, Deserialize)]
struct EvaluationBinRow {
    name: String,
    bin_index: u8,
    answers: u64,
    confidences: f64,
    right: u64,
}

#[derive(Row, Deserialize)]
struct EvaluationSummaryRow {
    name: String,
    at_ms: i64,
    questions: u64,
    answerable: u64,
    generator: String,
}

/// How true a confidence was, in bins of a tenth.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Reliability {
    /// Answers of which it is known whether they were right.
    pub answers: u64,
    /// Those that were.
    pub right: u64,
    /// How many should have been, as their confidence says.
    pub expected_right: f64,
    /// Expected calibration error: the mean distance of a bin's confidence from its share of right answers. Absent without answers.
    pub error: Option<f64>,
    /// The error that chance alone makes with so few answers, if every confidence were true.
    pub error_by_chance: Option<f64>,
    /// The bins that hold an answer, from the least confident one.
    pub bins: Vec<ConfidenceBin>,
}

/// Answers of about one confidence.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfidenceBin {
    /// The bin in words, such as `0.8 to 0.9`.
    pub name: String,
    /// The least confidence.
    pub from: f64,
    /// Where the next bin begins.
    pub to: f64,
    /// How many.
    pub answers: u64,
    /// Their mean confidence.
    pub confidence: f64,
    /// Those that were right.
    pub right: u64,
}

/// The last run of `hoidap-worker eval --record` under one name.
#[derive(Debug, Serialize, ToSchema)]
pub struct Evaluation {
    /// The name.
    pub name: String,
    /// When the run ended.
    #[schema(format = "date-time")]
    pub at: String,
    /// Questions.
    pub questions: u64,
    /// Those that the documents answer.
    pub answerable: u64,
    /// Those that were answered, also where they should have been refused.
    pub answered: u64,
    /// Right answers.
    pub right: u64,
    /// How many should have been, as their confidence says.
    pub expected_right: f64,
    /// Expected calibration error; absent without answers.
    pub error: Option<f64>,
    /// The error that chance alone makes with so few answers.
    pub error_by_chance: Option<f64>,
    /// The version of the generator.
    pub generator: String,
}

impl Reliability {
    fn of(found: &[BinRow]) -> Self {
        let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let bin = |found: &BinRow| {
            calibration::Bin::new(
                found.bin_index.into(),
                count(found.answers),
                found.confidences,
                count(found.right),
            )
        };
        let bins: Vec<calibration::Bin> = found.iter().map(bin).collect();
        let bin_output = |(bin, found): (&calibration::Bin, &BinRow)| ConfidenceBin {
            name: format!("{:.1} to {:.1}", bin.from, bin.to),
            from: bin.from,
            to: bin.to,
            answers: found.answers,
            confidence: bin.confidence,
            right: found.right,
        };
        Self {
            answers: found.iter().map(|found| found.answers).sum(),
            right: found.iter().map(|found| found.right).sum(),
            expected_right: found.iter().map(|found| found.confidences).sum(),
            error: expected_calibration_error(&bins),
            error_by_chance: chance_calibration_error(&bins),
            bins: bins.iter().zip(found).map(bin_output).collect(),
        }
    }
}

/// SQL expression: the bin of a confidence, in single precision as it is stored.
fn bin_index_sql() -> String {
    format!("toUInt8(least(floor(toFloat32(confidence * {BIN_COUNT})), {}))", BIN_COUNT - 1)
}

impl Analytics {
    /// The calibration of the period's rated answers.
    pub(super) async fn rated(&self, filter: &ReportFilter) -> Result<Reliability> {
        let sql = format!(
            "SELECT {} AS bin_index, count() AS answers, sum(toFloat64(confidence)) AS confidences, countIf(rating = 'up') AS right \
             FROM (SELECT job_id, confidence FROM chats FINAL WHERE {PERIOD_CONDITION} AND {ANSWERED_CONDITION}) AS asked \
             JOIN (SELECT job_id, rating FROM feedback FINAL WHERE rating IN ('up', 'down')) AS said \
             ON asked.job_id = said.job_id GROUP BY bin_index ORDER BY bin_index",
            bin_index_sql()
        );
        let found: Vec<BinRow> = filter.bind(self.query(&sql)).fetch_all().await?;
        Ok(Reliability::of(&found))
    }

    /// The calibration of the last evaluation runs together, and each run, the latest first.
    pub(super) async fn labelled(&self) -> Result<(Reliability, Vec<Evaluation>)> {
        let runs = format!(
            "SELECT toString(name) AS name, toUnixTimestamp64Milli(max(at)) AS at_ms, count() AS questions, \
             countIf(answerable) AS answerable, max(versions['generator']) AS generator \
             FROM evaluations WHERE {LAST_RUNS} GROUP BY name ORDER BY at_ms DESC, name"
        );
        let bins = format!(
            "SELECT toString(name) AS name, {} AS bin_index, count() AS answers, \
             sum(toFloat64(confidence)) AS confidences, countIf(right) AS right \
             FROM evaluations WHERE {LAST_RUNS} AND outcome = 'answered' GROUP BY name, bin_index ORDER BY name, bin_index",
            bin_index_sql()
        );
        let (runs, bins) = futures::try_join!(
            self.query(&runs).fetch_all::<EvaluationSummaryRow>(),
            self.query(&bins).fetch_all::<EvaluationBinRow>(),
        )?;
        Ok((
            Reliability::of(&merge_bins(&bins)),
            runs.into_iter().map(|run| evaluation_output(run, &bins)).collect(),
        ))
    }
}

fn evaluation_output(run: EvaluationSummaryRow, bins: &[EvaluationBinRow]) -> Evaluation {
    let own: Vec<&EvaluationBinRow> = bins.iter().filter(|bin| bin.name == run.name).collect();
    let found = Reliability::of(&merge_bins(own));
    Evaluation {
        name: run.name,
        at: rfc3339(run.at_ms),
        questions: run.questions,
        answerable: run.answerable,
        answered: found.answers,
        right: found.right,
        expected_right: found.expected_right,
        error: found.error,
        error_by_chance: found.error_by_chance,
        generator: run.generator,
    }
}

/// Sums the bins of several runs.
fn merge_bins<'a>(bins: impl IntoIterator<Item = &'a EvaluationBinRow>) -> Vec<BinRow> {
    let mut merged: BTreeMap<u8, BinRow> = BTreeMap::new();
    for bin in bins {
        let none = BinRow { bin_index: bin.bin_index, answers: 0, confidences: 0.0, right: 0 };
        let found = merged.entry(bin.bin_index).or_insert(none);
        found.answers += bin.answers;
        found.confidences += bin.confidences;
        found.right += bin.right;
    }
    merged.into_values().collect()
}
