//! Classifies the visitor's intent, trained on labelled examples in every language.

use std::{io::Write as _, path::Path};

use anyhow::Context as _;
use hoidap_indices::Embedder;
use hoidap_shared::{config::IntentExamples, digest::digest, job::ScoredLabel, text::normalise};
use serde::Deserialize;
use tracing::info;

use super::linear_probe::{self, LabelledExample, LinearProbe};

/// Greetings, thanks, chatter.
pub const SMALL_TALK: &str = "small_talk";
/// Questions that the site does not answer.
pub const OUT_OF_SCOPE: &str = "out_of_scope";
/// A request for a person.
pub const HUMAN_AGENT: &str = "human_agent";

const BUILT_IN_INTENTS: &str = include_str!("intents.toml");

#[derive(Deserialize)]
struct IntentsFile {
    intents: Vec<IntentExamples>,
}

/// The intents, and the probe that classifies them.
#[derive(Clone, Debug)]
pub struct Intents {
    names: Vec<String>,
    probe: LinearProbe,
    /// A digest of everything that the probe depends on.
    pub(super) training_digest: String,
}

impl Intents {
    /// Trains the probe on the built-in examples and the site's own. The first time this blocks for some seconds;
    /// the result is cached in the given folder, named by its digest.
    ///
    /// # Errors
    /// When the site names an unknown intent, or the model fails.
    pub fn train(
        embedder: &dyn Embedder,
        of_site: &[IntentExamples],
        cache_dir: &Path,
    ) -> anyhow::Result<Self> {
        let mut known: Vec<IntentExamples> = parse_intents(BUILT_IN_INTENTS)?.intents;
        for more in of_site {
            let Some(intent) = known.iter_mut().find(|intent| intent.name == more.name) else {
                let names: Vec<_> = known.iter().map(|intent| intent.name.as_str()).collect();
                anyhow::bail!(
                    "[[intents]]: `{}` is not a known intent: choose from {}",
                    more.name,
                    names.join(", ")
                );
            };
            intent.examples.extend(more.examples.iter().cloned());
        }
        let labelled: Vec<(String, usize)> = known
            .iter()
            .enumerate()
            .flat_map(|(class, intent)| {
                intent.examples.iter().map(move |example| (normalise(example), class))
            })
            .collect();
        let names: Vec<String> = known.into_iter().map(|intent| intent.name).collect();
        let training_digest = digest(&[
            &format!("{labelled:?} {names:?}"),
            &embedder.model().sha256,
            linear_probe::PROBE_VERSION,
        ]);
        let cached = cache_dir.join(format!("intents-{training_digest}.probe"));
        if let Some(probe) = load_cached(&cached) {
            return Ok(Self { names, probe, training_digest });
        }
        let texts: Vec<String> = labelled.iter().map(|(text, _)| text.clone()).collect();
        info!(examples = texts.len(), "training the intent probe; later starts load the cached result");
        let embeddings = embedder.embed_queries(&texts).context("the intent examples cannot be embedded")?;
        let examples: Vec<LabelledExample> = labelled
            .into_iter()
            .zip(embeddings)
            .map(|((text, class), embedding)| LabelledExample { text, embedding, class })
            .collect();
        let probe = LinearProbe::fit(&examples, names.len());
        if let Err(error) = save_cached(&probe, &cached) {
            info!(%error, path = %cached.display(), "the intent probe cannot be cached; the next start trains it again");
        }
        Ok(Self { names, probe, training_digest })
    }

    /// Every intent with its probability, most likely first.
    pub fn rank(&self, text: &str, embedding: &[f32]) -> Vec<ScoredLabel> {
        let probabilities = self.probe.probabilities(text, embedding);
        let scored = |(name, confidence): (&String, f32)| ScoredLabel { name: name.clone(), confidence };
        let mut ranked: Vec<ScoredLabel> = self.names.iter().zip(probabilities).map(scored).collect();
        ranked.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        ranked
    }
}

fn parse_intents(text: &str) -> anyhow::Result<IntentsFile> {
    toml::from_str(text).context("the built-in intents cannot be read")
}

/// Loads a cached probe; an invalid file is ignored.
fn load_cached(path: &Path) -> Option<LinearProbe> {
    let bytes = std::fs::read(path).ok()?;
    rmp_serde::from_slice(&bytes).ok().filter(LinearProbe::is_complete)
}

/// Writes to a temporary file first, so that no other process reads a partial one.
fn save_cached(probe: &LinearProbe, path: &Path) -> anyhow::Result<()> {
    let folder = path.parent().context("no folder")?;
    std::fs::create_dir_all(folder)?;
    let unfinished = path.with_extension(format!("{}.part", std::process::id()));
    std::fs::File::create(&unfinished)?.write_all(&rmp_serde::to_vec(probe)?)?;
    Ok(std::fs::rename(unfinished, path)?)
}
