//! `hoidap-worker features`: what the reader knows of each sentence that may answer a labelled question, to learn its weights from.

use std::{io::Write as _, path::PathBuf, pin::pin, thread};

use clap::Args;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use hoidap_shared::{
    config::Config,
    stage::{NextStep, Stage},
    telemetry,
};
use serde::Serialize;

use crate::{
    classifier::Classifier,
    eval::{LabelledQuestion, is_gold, read_questions, retrieve},
    generator::{Generator, ReaderUnit},
    retriever::Retriever,
};

/// Writes what the reader sees of labelled questions, for `local/reader/learn.py`.
#[derive(Debug, Args)]
pub struct Command {
    /// Labelled questions, as for `eval`.
    #[arg(long)]
    questions: PathBuf,
    /// JSON Lines, one for each question whose passages were found.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Serialize)]
struct FeatureLine {
    id: String,
    /// What the visitor means, as it was read.
    meaning: String,
    names: &'static [&'static str],
    /// The support of the passages.
    support: f32,
    /// How likely the question is out of scope by its words.
    out_of_scope: f32,
    /// Whether a page answers it at all.
    answerable: bool,
    answer_contains: Vec<String>,
    units: Vec<FeatureUnit>,
}

#[derive(Serialize)]
struct FeatureUnit {
    #[serde(flatten)]
    unit: ReaderUnit,
    /// The page it is of.
    source: String,
    /// Whether that page answers.
    gold: bool,
}

impl Command {
    /// Runs classifier and retriever on every question, and writes.
    ///
    /// # Errors
    /// When the questions cannot be read, a stage cannot be opened, or the file cannot be written.
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let questions = read_questions(&self.questions)?;
        telemetry::init_tls();
        let classifier = Classifier::open(config).await?;
        let (retriever, generator) = (Retriever::open(config).await?, Generator::open(config).await?);
        let mut file = std::io::BufWriter::new(std::fs::File::create(&self.out)?);
        let bar = indicatif::ProgressBar::new(questions.len() as u64);
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let lines =
            stream::iter(questions).map(|labelled| line(&classifier, &retriever, &generator, labelled));
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

async fn line(
    classifier: &Classifier,
    retriever: &Retriever,
    generator: &Generator,
    labelled: LabelledQuestion,
) -> anyhow::Result<Option<FeatureLine>> {
    let NextStep::Forward(job) = retrieve(classifier, retriever, &labelled).await? else { return Ok(None) };
    let retrieved = job.body;
    let sources: Vec<String> = retrieved.passages.iter().map(|passage| passage.source.clone()).collect();
    let meaning = retrieved.classified.meaning.clone();
    let (support, out_of_scope) = (retrieved.support, retrieved.classified.out_of_scope);
    let units = generator.reader_units(retrieved).await?;
    let units = units.into_iter().map(|unit| {
        let source = sources[unit.passage].clone();
        FeatureUnit { gold: is_gold(&labelled.gold, &source), source, unit }
    });
    Ok(Some(FeatureLine {
        id: labelled.id.clone(),
        meaning,
        names: ReaderUnit::NAMES,
        support,
        out_of_scope,
        answerable: !labelled.gold.is_empty(),
        answer_contains: labelled.answer_contains.clone(),
        units: units.collect(),
    }))
}
