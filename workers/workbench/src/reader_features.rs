//! `hoidap-worker features`: exports the reader's features for labelled questions, to train its weights.

use std::{io::Write as _, path::PathBuf, pin::pin, thread};

use clap::Args;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use hoidap_shared::{config::Config, stage::Stage as _, telemetry};
use hoidap_stages::{
    generator::{Generator, SegmentFeatures},
    pipeline::{OpenPipeline, pipeline},
};
use serde::Serialize;

use crate::eval::{LabelledQuestion, is_gold, question_envelope, read_questions};

/// Writes the reader's features of labelled questions, for `local/reader/learn.py`.
#[derive(Debug, Args)]
pub struct ReaderFeaturesCommand {
    /// Labelled questions, as for `eval`.
    #[arg(long)]
    questions: PathBuf,
    /// The output, as JSON Lines: one line for each question that reached the generator.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Serialize)]
struct QuestionRecord {
    id: String,
    /// The question, with references resolved.
    meaning: String,
    names: &'static [&'static str],
    /// The retriever's support.
    support: f32,
    /// The out-of-scope probability.
    out_of_scope: f32,
    /// Whether some page answers it.
    answerable: bool,
    answer_contains: Vec<String>,
    units: Vec<LabelledSegment>,
}

#[derive(Serialize)]
struct LabelledSegment {
    #[serde(flatten)]
    unit: SegmentFeatures,
    /// The page of the segment.
    source: String,
    /// Whether that page answers the question.
    gold: bool,
}

impl ReaderFeaturesCommand {
    /// Runs the stages before the generator on every question, and writes the features.
    ///
    /// # Errors
    /// When the questions cannot be read, a stage cannot be opened, or the file cannot be written.
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let questions = read_questions(&self.questions)?;
        telemetry::init_tls();
        let all = pipeline();
        let before: Vec<_> = all.into_iter().take_while(|stage| stage.name != Generator::NAME).collect();
        let (stages, generator) =
            (OpenPipeline::open(config, &before).await?, Generator::open(config).await?);
        let mut file = std::io::BufWriter::new(std::fs::File::create(&self.out)?);
        let bar = indicatif::ProgressBar::new(questions.len() as u64);
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let lines = stream::iter(questions).map(|labelled| question_record(&stages, &generator, labelled));
        let mut lines = pin!(lines.buffered(cores));
        while let Some(line) = lines.try_next().await? {
            bar.inc(1);
            if let Some(line) = line {
                serde_json::to_writer(&mut file, &line)?;
                file.write_all(b"\n")?;
            }
        }
        bar.finish_and_clear();
        Ok(file.flush()?)
    }
}

async fn question_record(
    stages: &OpenPipeline,
    generator: &Generator,
    labelled: LabelledQuestion,
) -> anyhow::Result<Option<QuestionRecord>> {
    let run = stages.run(question_envelope(&labelled)).await?;
    let (None, Some(job)) = (run.answer, run.retrieved) else { return Ok(None) };
    let retrieved = job.body;
    let sources: Vec<String> = retrieved.passages.iter().map(|passage| passage.source.clone()).collect();
    let meaning = retrieved.classified.meaning.clone();
    let (support, out_of_scope) = (retrieved.support, retrieved.classified.out_of_scope);
    let units = generator.segment_features(retrieved).await?;
    let units = units.into_iter().map(|unit| {
        let source = sources[unit.passage].clone();
        LabelledSegment { gold: is_gold(&labelled.gold, &source), source, unit }
    });
    Ok(Some(QuestionRecord {
        id: labelled.id.clone(),
        meaning,
        names: SegmentFeatures::FEATURE_NAMES,
        support,
        out_of_scope,
        answerable: !labelled.gold.is_empty(),
        answer_contains: labelled.answer_contains.clone(),
        units: units.collect(),
    }))
}
