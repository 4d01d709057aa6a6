//! Evaluates the verifier on claims generated from the sample site.

use std::{
    fs,
    path::{Path, PathBuf},
};

use hoidap_indices::{
    chunk,
    document::{Limits, extract},
};
use hoidap_shared::{config::ChunkingConfig, job::Passage};

use super::{SentenceEmbedder, SyntheticClaim, VerifierEvaluation, VerifierSettings};
use crate::generator::passages::passage_set::tests::passage;

/// The share of false claims that may be accepted, and of true ones that may be rejected. Over the whole site it is
/// .009 and .005 in Vietnamese, .007 and .003 in English.
const MAX_FALSE_ACCEPTED: f32 = 0.015;
const MAX_TRUE_REJECTED: f32 = 0.01;

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    found.sort();
    found
}

/// The pages of a language, chunked as for an index; a word counts as two tokens.
fn passages(locale: &str) -> Vec<Passage> {
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/site").join(locale);
    let settings = ChunkingConfig { max_tokens: 200, overlap_tokens: 30 };
    let limits = Limits { bytes: 1 << 20, seconds: 60, chars: 1 << 20 };
    let mut found = Vec::new();
    for file in files(&site) {
        let document = extract(&file, fs::read(&file).unwrap(), limits).unwrap();
        let chunks = chunk::split_document(&document, &settings, 1_000, &|text: &str| {
            2 * text.split_whitespace().count()
        });
        assert!(chunks.complete);
        let chars: Vec<char> = document.text.chars().collect();
        found.extend(chunks.spans.into_iter().map(|span| Passage {
            // Seeds the random choices, so it must not depend on where the checkout is.
            source: file.strip_prefix(&site).unwrap().display().to_string(),
            title: document.title.clone(),
            heading_path: span.heading_path,
            lines: span.lines,
            ..passage(locale, &chars[span.start..span.end].iter().collect::<String>())
        }));
    }
    found
}

#[test]
fn sentences_made_from_the_sample_site_are_judged_by_what_it_says() {
    let embedder = SentenceEmbedder::new(None);
    let mut worse = Vec::new();
    for locale in ["vi", "en"] {
        let settings = VerifierSettings { threshold: 0.5, by_passage: false };
        let evaluation = VerifierEvaluation::new(passages(locale), &embedder, settings, 1);
        let made: Vec<SyntheticClaim> = evaluation
            .sample(usize::MAX)
            .into_iter()
            .flat_map(|sentence| evaluation.evaluate(sentence))
            .collect();
        let wrong = |right: bool| {
            let of_side = made.iter().filter(|made| made.right == right);
            let wrong = of_side.clone().filter(|made| made.given != right);
            wrong.clone().for_each(|made| {
                eprintln!("{locale} {right} {}: {} ← {}", made.kind, made.sentence, made.made_from);
            });
            (wrong.count(), of_side.count())
        };
        let ((given, all_false), (thrown_away, all_true)) = (wrong(false), wrong(true));
        let figures = format!(
            "{locale}: {given} of {all_false} false sentences given, {thrown_away} of {all_true} true ones thrown away"
        );
        eprintln!("{figures}");
        assert!(all_false > 400 && all_true > 400, "{figures}");
        let share = |wrong: usize, all: usize| wrong as f32 / all as f32;
        if share(given, all_false) > MAX_FALSE_ACCEPTED || share(thrown_away, all_true) > MAX_TRUE_REJECTED {
            worse.push(figures);
        }
    }
    assert!(worse.is_empty(), "{worse:?}");
}
