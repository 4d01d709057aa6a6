//! Tests the verifier on labelled sentences over invented sites.
//!
//! Format of `labelled_sentences/*.txt`: `#` starts a site, `@ locale | title | heading` one of its passages, a
//! leading space the passage's text, `?` a question for the sentences below it. `+` marks a sentence that must be
//! cited, `-` one that must not.

use hoidap_shared::{job::Passage, text::Language};

use crate::generator::{
    passages::{
        passage_set::{PassageSet, tests::passage},
        segmenter::Segmenter,
    },
    text::sentence_embedder::SentenceEmbedder,
    verifier::{SentenceVerdict, VerdictCache, Verifier},
};

/// A site with its labelled sentences.
struct LabelledSite {
    name: String,
    language: Language,
    passages: Vec<Passage>,
    sentences: Vec<(bool, String, String)>,
}

fn sites(text: &str) -> Vec<LabelledSite> {
    let mut sites: Vec<LabelledSite> = Vec::new();
    let mut question = String::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let mark = &line[..1];
        let said = line[1..].trim().to_string();
        if mark == "#" {
            question.clear();
            sites.push(LabelledSite {
                name: said,
                language: Language::Vi,
                passages: Vec::new(),
                sentences: Vec::new(),
            });
            continue;
        }
        let site = sites.last_mut().unwrap();
        match mark {
            "@" => {
                let parts: Vec<&str> = said.split(" | ").collect();
                site.language = Language::from_locale(parts[0]).unwrap();
                site.passages.push(Passage {
                    title: parts[1].into(),
                    heading_path: vec![parts[2].into()],
                    ..passage(parts[0], "")
                });
            }
            "?" => question = said,
            "+" | "-" => site.sentences.push((mark == "+", question.clone(), said)),
            _ => {
                let passage = site.passages.last_mut().unwrap();
                let between = if passage.text.is_empty() { "" } else { "\n" };
                passage.text += &format!("{between}{said}");
            }
        }
    }
    sites
}

/// The false accepts and false rejects, with the number of sentences of each label.
fn wrong(text: &str) -> ([Vec<String>; 2], [usize; 2]) {
    let (mut wrong, mut all) = ([Vec::new(), Vec::new()], [0, 0]);
    let segmenter = Segmenter::default();
    for site in sites(text) {
        let passage_set = PassageSet::new(site.passages, &segmenter);
        for (right, question, sentence) in &site.sentences {
            let verifier = Verifier {
                passage_set: &passage_set,
                embedder: &SentenceEmbedder::new(None),
                analyser: &segmenter.analyser,
                threshold: 0.5,
                language: site.language,
                question,
                by_passage: false,
                cache: &VerdictCache::default(),
            };
            let verdict = verifier.verify(&[], sentence);
            let label = usize::from(*right);
            all[label] += 1;
            if matches!(verdict, SentenceVerdict::Supported(..)) != *right {
                let why = verifier.explain(sentence);
                wrong[label].push(format!("{}: {question} {sentence} ({verdict:?})\n{why}", site.name));
            }
        }
    }
    (wrong, all)
}

/// The rules were developed on the first three sets. `last` was written later and changed no rule; its errors are
/// counted and must not increase.
#[test]
fn sentences_over_invented_sites_are_judged_by_one_fact() {
    let sets = [
        ("vi", include_str!("labelled_sentences/vi.txt"), (0, 0)),
        ("en", include_str!("labelled_sentences/en.txt"), (0, 0)),
        ("more", include_str!("labelled_sentences/more.txt"), (0, 0)),
        ("last", include_str!("labelled_sentences/last.txt"), (1, 3)),
    ];
    let mut worse = Vec::new();
    for (set, text, (may_be_accepted, may_be_rejected)) in sets {
        let ([accepted, rejected], [false_ones, true_ones]) = wrong(text);
        accepted.iter().for_each(|line| eprintln!("no fact supports, but cited: {line}"));
        rejected.iter().for_each(|line| eprintln!("true, but not cited: {line}"));
        let (false_accepts, false_rejects) = (accepted.len(), rejected.len());
        eprintln!(
            "{set}: {false_accepts} of {false_ones} cited wrongly, {false_rejects} of {true_ones} thrown away"
        );
        if false_accepts > may_be_accepted || false_rejects > may_be_rejected {
            worse.push(set);
        }
    }
    assert!(worse.is_empty(), "{worse:?}");
}
