//! Evaluates the verifier on claims generated from the sample site.

use std::{
    fs,
    path::{Path, PathBuf},
};

use hoidap_indices::{
    chunk,
    document::{Limits, extract},
};
use hoidap_shared::{config::Chunking, job::Passage};

use super::{SentenceEmbedder, SyntheticClaim, VerifierEvaluation};
use crate::generator::passages::passage_set::tests::passage;

/// Most false claims that may be accepted, and most true ones that may be rejected, by language: a third more than
/// there are.
const MAX_WRONG: [(&str, usize, usize); 2] = [("vi", 12, 4), ("en", 8, 7)];

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    found.sort();
    found
}

/// The pages of a language, chunked as for an index; a word counts as two tokens.
fn passages(locale: &str) -> Vec<Passage> {
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/site").join(locale);
    let settings = Chunking { max_tokens: 200, overlap_tokens: 30 };
    let limits = Limits { bytes: 1 << 20, seconds: 60, chars: 1 << 20 };
    let mut found = Vec::new();
    for file in files(&site) {
        let document = extract(&file, fs::read(&file).unwrap(), limits).unwrap();
        let (spans, whole) =
            chunk::cut(&document, &settings, 1_000, &|text: &str| 2 * text.split_whitespace().count());
        assert!(whole);
        let chars: Vec<char> = document.text.chars().collect();
        found.extend(spans.into_iter().map(|span| Passage {
            source: file.display().to_string(),
            title: document.title.clone(),
            heading_path: span.heading_path,
            ..passage(locale, &chars[span.start..span.end].iter().collect::<String>())
        }));
    }
    found
}

#[test]
fn sentences_made_from_the_sample_site_are_judged_by_what_it_says() {
    let embedder = SentenceEmbedder::new(None);
    let mut worse = Vec::new();
    for (locale, may_be_given, may_be_thrown_away) in MAX_WRONG {
        let evaluation = VerifierEvaluation::new(passages(locale), &embedder, 0.5, 1);
        let made: Vec<SyntheticClaim> =
            evaluation.sample(400).into_iter().flat_map(|sentence| evaluation.evaluate(sentence)).collect();
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
        if given > may_be_given || thrown_away > may_be_thrown_away {
            worse.push(figures);
        }
    }
    assert!(worse.is_empty(), "{worse:?}");
}
