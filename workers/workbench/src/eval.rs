//! `hoidap-worker eval`: runs labelled questions through the stages that serve visitors, without a broker, and
//! measures them.

mod clickhouse_rows;
mod figure_bound;
mod figures;
#[cfg(test)]
mod fixtures;
mod grade;
mod html;
mod labelled_question;
mod measure;
mod reliability_diagram;
mod report;
mod result_row;
mod run_comparison;

use std::{
    fs::{File, OpenOptions},
    io::BufWriter,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::{Context as _, bail};
use clap::Args;
use futures::{StreamExt as _, TryStreamExt as _};
use hoidap_analytics::Evaluations;
use hoidap_shared::{
    config::Config,
    job::{Answer, Outcome},
    telemetry,
};
use hoidap_stages::pipeline::{OpenPipeline, pipeline};
use serde::Serialize;

pub(crate) use self::labelled_question::{LabelledQuestion, is_gold, question_envelope, read_questions};
use self::{
    figure_bound::FigureBound, grade::AnswerGrade, report::EvalReport, result_row::ResultRow,
    run_comparison::RunChanges,
};

/// Measures the stages on labelled questions.
#[derive(Debug, Args)]
pub struct EvalCommand {
    /// JSON Lines: `{"id", "question", "locale", "script"?, "kind"?, "intent"?, "product"?, "page"?, "gold": ["path suffix", …],
    /// "answer_contains"?: ["text", …], "history"?}`.
    #[arg(long)]
    questions: PathBuf,
    /// The report as JSON.
    #[arg(long)]
    json: bool,
    /// One line for each question that went wrong.
    #[arg(long)]
    failures: bool,
    /// Questions in flight at once.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Write the result of each question, as JSON Lines.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The `--out` file of an earlier run: print what changed since.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write the report with every wrong answer as an HTML page.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Fail if this holds, such as `right<0.9`, `ece>0.05`, `vi.right<0.9` (a script) or `kind:table.right<0.8`; can
    /// be given more than once.
    #[arg(long, value_name = "EXPR")]
    fail_if: Vec<FigureBound>,
    /// Write the result of each question into ClickHouse under this name, for the dashboard.
    #[arg(long, value_name = "NAME", value_parser = clickhouse_rows::parse_name)]
    record: Option<String>,
}

/// A question with the stages' results.
pub(crate) struct EvaluatedQuestion {
    pub(crate) labelled: LabelledQuestion,
    pub(crate) passages: Vec<String>,
    /// Whether the passages together contain every expected text; `None` if none is given.
    pub(crate) held: Option<bool>,
    pub(crate) support: Option<f32>,
    pub(crate) answer: Answer,
    pub(crate) took_ms: u64,
    pub(crate) judged: AnswerGrade,
}

/// The output of `--json`.
#[derive(Serialize)]
struct JsonReport<'a> {
    #[serde(flatten)]
    report: &'a EvalReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<&'a RunChanges>,
}

impl EvalCommand {
    /// Runs every question, prints the report and writes the files.
    ///
    /// # Errors
    /// When a file cannot be read or written, a stage cannot be opened, or a bound is broken.
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let questions = read_questions(&self.questions)?;
        self.fail_if.iter().try_for_each(|bound| bound.check(&questions))?;
        let earlier: Option<Vec<ResultRow>> = self
            .baseline
            .as_ref()
            .map(|path| {
                labelled_question::read_json_lines(path, "a line that `hoidap-worker eval --out` writes")
            })
            .transpose()?;
        [&self.out, &self.html].into_iter().flatten().try_for_each(|path| ensure_writable(path))?;
        let evaluations = match &self.record {
            Some(_) => {
                Some(Evaluations::open(&config.clickhouse).await.context("--record needs ClickHouse")?)
            }
            None => None,
        };
        let results = self.evaluate_all(config, questions).await?;
        let report = EvalReport::of(&results);
        let rows: Vec<ResultRow> = results.iter().map(ResultRow::of).collect();
        let changes = earlier.map(|earlier| RunChanges::between(&earlier, &rows));
        if self.json {
            let printed = JsonReport { report: &report, baseline: changes.as_ref() };
            println!("{}", serde_json::to_string_pretty(&printed)?);
        } else {
            print!("{report}");
            if let Some(changes) = &changes {
                print!("\n{changes}");
            }
        }
        if self.failures {
            results.iter().flat_map(report::describe_failures).for_each(|line| println!("{line}"));
        }
        if let Some(path) = &self.out {
            let file = File::create(path).with_context(|| cannot_write(path))?;
            result_row::write_rows(BufWriter::new(file), &rows).with_context(|| cannot_write(path))?;
        }
        if let Some(path) = &self.html {
            let page = html::render_html(&self.questions, &report, changes.as_ref(), &results);
            std::fs::write(path, page).with_context(|| cannot_write(path))?;
        }
        if let (Some(evaluations), Some(name)) = (evaluations, &self.record) {
            evaluations.write(clickhouse_rows::evaluation_rows(name, &results)).await?;
        }
        let broken: Vec<String> = self.fail_if.iter().filter_map(|bound| bound.violation(&report)).collect();
        if !broken.is_empty() {
            bail!("--fail-if {}", broken.join("; "));
        }
        Ok(())
    }

    async fn evaluate_all(
        &self,
        config: &Config,
        questions: Vec<LabelledQuestion>,
    ) -> anyhow::Result<Vec<EvaluatedQuestion>> {
        telemetry::init_tls();
        let stages = Arc::new(OpenPipeline::open(config, &pipeline()).await?);
        let bar = indicatif::ProgressBar::new(questions.len() as u64);
        let results = futures::stream::iter(questions)
            .map(|labelled| {
                let stages = Arc::clone(&stages);
                async move { evaluate(&stages, labelled).await }
            })
            .buffered(self.jobs.max(1))
            .inspect(|_| bar.inc(1))
            .try_collect()
            .await?;
        bar.finish_and_clear();
        Ok(results)
    }
}

/// Checks before the run that a file can be written, without changing it.
fn ensure_writable(path: &Path) -> anyhow::Result<()> {
    OpenOptions::new().append(true).create(true).open(path).map(drop).with_context(|| cannot_write(path))
}

fn cannot_write(path: &Path) -> String {
    format!("{} cannot be written", path.display())
}

async fn evaluate(stages: &OpenPipeline, labelled: LabelledQuestion) -> anyhow::Result<EvaluatedQuestion> {
    let began = Instant::now();
    let run = stages.run(question_envelope(&labelled)).await?;
    let Some(answer) = run.answer else { bail!("the last stage did not answer") };
    let retrieved = run.retrieved.as_ref();
    let support = retrieved.map(|job| job.body.support);
    let found = || retrieved.iter().flat_map(|job| &job.body.passages);
    let passages = found().map(|passage| passage.source.clone()).collect();
    let held = grade::contains_wanted(&labelled, found().map(|passage| passage.text.as_str()));
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let judged = AnswerGrade::of(&labelled, &answer);
    Ok(EvaluatedQuestion { labelled, passages, held, support, answer, took_ms, judged })
}

/// Whether an outcome tells the visitor that the question is not answered here.
pub(crate) fn is_declined(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::OutOfScope | Outcome::Unanswered)
}
