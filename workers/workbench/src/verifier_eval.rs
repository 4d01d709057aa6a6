//! `hoidap-worker judge`: measures the verifier's error rates on claims generated from a site's documents.

mod report;

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    panic::resume_unwind,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::{Context as _, bail};
use clap::Args;
use hoidap_indices::{
    Embedder, OnnxEmbedder,
    store::{self, CollectionFolder, VersionRecords},
};
use hoidap_shared::{config::Config, digest::digest, job::Passage, telemetry};
use hoidap_stages::generator::eval_claims::{
    SentenceEmbedder, SyntheticClaim, VerifierEvaluation, VerifierSettings,
};

use self::report::VerifierReport;

/// Generates true and false claims from a collection's documents, and measures how many of them the verifier gets
/// wrong.
#[derive(Debug, Args)]
pub struct VerifierEvalCommand {
    /// The collection; can be repeated. All collections by default.
    #[arg(long, value_name = "NAME")]
    collection: Vec<String>,
    /// Most source sentences, items and rows of each collection.
    #[arg(long, default_value_t = 400)]
    sentences: usize,
    /// The random seed; another seed generates other claims.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Use only one half of the documents, to develop on one half and measure on the other.
    #[arg(long, value_name = "1|2", value_parser = clap::value_parser!(u8).range(1..=2))]
    half: Option<u8>,
    /// Verify by words alone, without the embedding model.
    #[arg(long)]
    words_alone: bool,
    /// Verify as for a trusted model, whose sentences a whole passage may support.
    #[arg(long)]
    trusted: bool,
    /// Write every wrong verdict to a file, as JSON Lines.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print the results as JSON.
    #[arg(long)]
    json: bool,
    /// Fail when a larger share of a language's false claims is accepted, such as 0.02.
    #[arg(long, value_name = "SHARE")]
    max_false_accepted: Option<f64>,
    /// Fail when a larger share of a language's true claims is rejected, such as 0.05.
    #[arg(long, value_name = "SHARE")]
    max_true_rejected: Option<f64>,
}

impl VerifierEvalCommand {
    /// Generates claims, verifies them, and prints the error rates.
    ///
    /// # Errors
    /// When a collection cannot be read, the file cannot be written, or an error rate exceeds its limit or has one and was
    /// not measured.
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        telemetry::init_tls();
        let config = config.clone();
        tokio::task::spawn_blocking(move || self.measure(&config)).await?
    }

    fn measure(&self, config: &Config) -> anyhow::Result<()> {
        let dir = &config.indices.dir;
        let folders = if self.collection.is_empty() {
            store::list_collections(dir)?
        } else {
            let named = self.collection.iter().map(|name| CollectionFolder::existing(dir, name));
            named.collect::<Result<Vec<_>, _>>()?
        };
        if folders.is_empty() {
            bail!(
                "there is no collection in {}: build one with `hoidap-index build`, or set indices.dir",
                dir.display()
            );
        }
        let cannot_write = |path: &PathBuf| format!("{} cannot be written", path.display());
        let out = self.out.as_ref().map(|path| File::create(path).with_context(|| cannot_write(path)));
        let out = out.transpose()?;
        let embedder = if self.words_alone {
            None
        } else {
            Some(Arc::new(OnnxEmbedder::open(&config.embedding)?) as Arc<dyn Embedder>)
        };
        let embedder = SentenceEmbedder::new(embedder);
        let mut made = Vec::new();
        for folder in folders {
            let Some(version) = folder.current()? else { continue };
            let mut passages = passages(&folder.name, &version, &folder.records(&version)?);
            passages.retain(|passage| self.includes(&passage.source));
            let evaluation = VerifierEvaluation::new(
                passages,
                &embedder,
                VerifierSettings {
                    threshold: config.generator.min_sentence_support,
                    by_passage: self.trusted,
                },
                self.seed,
            );
            made.extend(evaluate(&evaluation, self.sentences));
        }
        let report = VerifierReport::new(&made);
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print!("{report}");
        }
        if let (Some(file), Some(path)) = (out, &self.out) {
            let mut file = BufWriter::new(file);
            for made in made.iter().filter(|made| made.right != made.given) {
                serde_json::to_writer(&mut file, made)?;
                file.write_all(b"\n").with_context(|| cannot_write(path))?;
            }
            file.flush().with_context(|| cannot_write(path))?;
        }
        let exceeded = report.exceeded(self.max_false_accepted, self.max_true_rejected);
        if exceeded.is_empty() { Ok(()) } else { bail!("{}", exceeded.join("; ")) }
    }

    /// Whether a document is in the requested half.
    fn includes(&self, source: &str) -> bool {
        let half = u8::from_str_radix(&digest(&[source])[..1], 16).unwrap_or_default() % 2 + 1;
        self.half.is_none_or(|wanted| wanted == half)
    }
}

/// Evaluates a collection on all cores.
fn evaluate(evaluation: &VerifierEvaluation<'_>, most: usize) -> Vec<SyntheticClaim> {
    let chosen = evaluation.sample(most);
    let bar = indicatif::ProgressBar::new(chosen.len() as u64);
    let made = on_all_cores(&chosen, |sentence| {
        let made = evaluation.evaluate(*sentence);
        bar.inc(1);
        made
    });
    bar.finish_and_clear();
    made.into_iter().flatten().collect()
}

/// The results of `work` in the order of the items. A panic of it goes on here.
fn on_all_cores<I: Sync, R: Send>(items: &[I], work: impl Fn(&I) -> R + Sync) -> Vec<R> {
    let (next, cores) = (AtomicUsize::new(0), thread::available_parallelism().map_or(1, usize::from));
    let mut found: Vec<(usize, R)> = thread::scope(|scope| {
        let take_items = || {
            let mut found = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = items.get(at) else { return found };
                found.push((at, work(item)));
            }
        };
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(take_items)).collect();
        let results = workers.into_iter().map(thread::ScopedJoinHandle::join);
        results.flat_map(|result| result.unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, result)| result).collect()
}

/// A version's chunks as passages, without withdrawn documents.
fn passages(collection: &str, version: &str, records: &VersionRecords) -> Vec<Passage> {
    let kept = records.chunks.iter().filter(|chunk| !records.documents[chunk.document].withdrawn);
    kept.map(|chunk| records.passage(chunk, collection, version)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_order_and_a_panic_is_not_lost() {
        let items: Vec<u32> = (0..100).collect();
        assert_eq!(on_all_cores(&items, |item| item * 2), (0..200).step_by(2).collect::<Vec<_>>());
        let panics = |item: &u32| assert_ne!(*item, 7);
        assert!(std::panic::catch_unwind(|| on_all_cores(&items, panics)).is_err());
    }
}
