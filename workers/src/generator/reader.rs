//! Which unit of the passages answers the question, and how likely it is that an answer made of some is right: two linear models over
//! what is known of units.
//!
//! The weights (`reader.json`) are learnt from labelled questions by `local/reader/learn.py`; `docs/answers.md` has the figures.

mod features;

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::Deserialize;

use crate::collections::digest;
use crate::generator::{
    passages::{
        passage_set::{Material, SURE},
        segmenter::Kind,
    },
    question::Asked,
};

pub(crate) use features::{Features, NAMES};
use features::{Terms, features};

const WEIGHTS: &str = include_str!("reader/reader.json");

/// What the weights are, for the version of an answer.
pub(crate) fn version() -> String {
    digest(&[WEIGHTS])
}

/// The weights, learnt.
pub(crate) struct Reader {
    read: Weights,
    met: Weights,
    words: Weights,
}

/// The weights for passages that were read with the question, for those whose sentences have a score by late interaction alone, or for
/// those that have none.
struct Weights {
    units: Features,
    confidence: Confidence,
}

/// A logistic regression.
#[derive(Deserialize)]
struct Confidence {
    /// Of the log odds of the support, where the first quoted unit is in the language of the question, and where it is not.
    support: f32,
    support_across: f32,
    /// Of how likely the question is out of scope by its words, as far as the support does not outweigh it; across languages the support
    /// is too weak to be asked.
    out_of_scope: f32,
    /// Of the log odds of the chance.
    chance: f32,
    /// Of the score of the first quoted unit.
    score: f32,
    /// Of the log odds that a sentence of its passage answers.
    answers: f32,
    /// Where it is in the language of the question.
    own_language: f32,
    bias: f32,
}

/// A unit and how likely it is what answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ranked {
    /// Its place among the material's units.
    pub(crate) unit: usize,
    /// The weighted sum of what is known of it.
    pub(crate) score: f32,
    /// How likely it is that it answers, if one of the units does. All of them add up to 1.
    pub(crate) chance: f32,
}

/// What the confidence of an answer rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Signs {
    /// The retriever's word that the passages hold an answer, 0 to 1.
    pub(crate) support: f32,
    /// How likely the question is out of scope by its words, 0 to 1.
    pub(crate) out_of_scope: f32,
    /// How likely it is that what is quoted or cited answers, if the passages do.
    pub(crate) chance: f32,
    /// The likeliest of the units that are quoted, or of those of the passages that are cited.
    pub(crate) best: Ranked,
}

/// From this support on the documents begin to outweigh a question's words, and from the second one on they do so wholly.
const OUTWEIGHS: (f32, f32) = (0.9, 0.95);
/// Probabilities beyond this one count as this one.
const CERTAIN: f32 = 0.999;
/// Highest confidence of a text that says that nothing was found, and its part of the support.
const UNANSWERED: (f32, f32) = (0.2, 0.5);

/// The weights as `local/reader/learn.py` writes them.
#[derive(Deserialize)]
struct File {
    read: Part,
    met: Part,
    words: Part,
}

#[derive(Deserialize)]
struct Part {
    units: BTreeMap<String, f32>,
    confidence: Confidence,
}

impl Part {
    fn weights(self) -> anyhow::Result<Weights> {
        let mut units = Features::default();
        for (weight, name) in units.iter_mut().zip(NAMES) {
            *weight = *self.units.get(name).with_context(|| format!("reader.json has no weight `{name}`"))?;
        }
        Ok(Weights { units, confidence: self.confidence })
    }
}

impl Reader {
    /// The weights that come with Hoidap.
    ///
    /// # Errors
    /// When the file does not name every weight.
    pub(crate) fn built_in() -> anyhow::Result<Self> {
        let file: File = serde_json::from_str(WEIGHTS).context("reader.json")?;
        Ok(Self { read: file.read.weights()?, met: file.met.weights()?, words: file.words.weights()? })
    }

    fn weights(&self, material: &Material) -> &Weights {
        let mut known = material.met.iter().flatten();
        if known.clone().any(|met| met.answers.is_some()) {
            &self.read
        } else if known.next().is_some() {
            &self.met
        } else {
            &self.words
        }
    }

    /// What is known of each unit.
    pub(crate) fn features(&self, material: &Material, asked: &Asked) -> Vec<Features> {
        let (terms, before) = (Terms::of(&asked.content, material), Terms::of(&asked.before, material));
        (0..material.units.len()).map(|unit| features(material, unit, asked, &terms, &before)).collect()
    }

    /// The units of all passages, the likeliest first. Headings are left out.
    pub(crate) fn rank(&self, material: &Material, asked: &Asked) -> Vec<Ranked> {
        let weights = &self.weights(material).units;
        let units = self.features(material, asked).into_iter().enumerate();
        let mut ranked: Vec<Ranked> = units
            .filter(|(unit, _)| material.units[*unit].kind != Kind::Label)
            .map(|(unit, features)| Ranked { unit, score: score(&features, weights), chance: 0.0 })
            .collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.unit.cmp(&b.unit)));
        let highest = ranked.first().map_or(0.0, |best| best.score);
        ranked.iter_mut().for_each(|unit| unit.chance = (unit.score - highest).exp());
        let all: f32 = ranked.iter().map(|unit| unit.chance).sum();
        ranked.iter_mut().for_each(|unit| unit.chance /= all);
        ranked
    }

    /// How likely it is that an answer is right, 0 to 1.
    pub(crate) fn confidence(&self, material: &Material, asked: &Asked, signs: Signs) -> f32 {
        let weights = &self.weights(material).confidence;
        let own = f32::from(u8::from(material.is_in(signs.best.unit, asked.language)));
        let passage = material.units[signs.best.unit].passage;
        let (from, wholly) = OUTWEIGHS;
        let outweighed = ((probability(signs.support) - from) / (wholly - from)).clamp(0.0, 1.0);
        let x = weights.bias
            + (own * weights.support + (1.0 - own) * weights.support_across) * log_odds(signs.support)
            + own * weights.out_of_scope * probability(signs.out_of_scope) * (1.0 - outweighed)
            + weights.chance * log_odds(signs.chance)
            + weights.score * signs.best.score
            + weights.answers * material.answers(passage).unwrap_or_default().clamp(-SURE, SURE)
            + weights.own_language * own;
        probability(1.0 / (1.0 + (-x).exp()))
    }
}

fn score(features: &Features, weights: &Features) -> f32 {
    features.iter().zip(weights).map(|(known, weight)| known * weight).sum()
}

/// `0.5 support`, at most 0.2, for a text that says that nothing was found.
pub(crate) fn confidence_of_no_answer(support: f32) -> f32 {
    (probability(support) * UNANSWERED.1).min(UNANSWERED.0)
}

fn log_odds(chance: f32) -> f32 {
    let p = probability(chance).clamp(1.0 - CERTAIN, CERTAIN);
    (p / (1.0 - p)).ln()
}

/// A number within 0..1; what is no number is 0.
fn probability(value: f32) -> f32 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}

#[cfg(test)]
pub(crate) mod tests {
    use hoidap_indices::Analyser;
    use hoidap_shared::{job::SentenceScore, text::Language};
    use proptest::{num::f32::ANY, prelude::*};

    use super::*;
    use crate::generator::{
        passages::{passage_set::tests::passage, segmenter::Cutter},
        question::tests::{asked, classified},
    };

    /// The units of a material by the weights that come with Hoidap.
    pub(crate) fn rank(material: &Material, asked: &Asked) -> Vec<Ranked> {
        Reader::built_in().unwrap().rank(material, asked)
    }

    fn best(question: &str, language: Language, passages: &[(&str, &str)]) -> String {
        let passages = passages.iter().map(|(locale, text)| passage(locale, text)).collect();
        let material = Material::new(passages, &Cutter::default());
        let ranked = rank(&material, &asked(question, language));
        material.units[ranked[0].unit].text.to_string()
    }

    #[test]
    fn the_sentence_that_shares_the_rare_words_is_best() {
        let text = "Gói Free có 10 GB. Mật khẩu của liên kết có 6 đến 32 ký tự. Gói Pro có 500 GB.";
        assert_eq!(
            best("mật khẩu liên kết dài bao nhiêu ký tự", Language::Vi, &[("vi", text)]),
            "Mật khẩu của liên kết có 6 đến 32 ký tự."
        );
    }

    #[test]
    fn a_code_decides() {
        let text = "Code | What to do\nDX-M101 | Enter the full address\nDX-M203 | Make room in the mailbox";
        assert_eq!(
            best("what is DX-M203?", Language::En, &[("en", text)]),
            "DX-M203: Make room in the mailbox"
        );
    }

    #[test]
    fn of_two_languages_the_visitors_own_is_first() {
        let passages = [("en", "The limit is 20 GB."), ("vi", "Giới hạn là 20 GB.")];
        assert_eq!(best("20 GB?", Language::Vi, &passages), "Giới hạn là 20 GB.");
    }

    #[test]
    fn the_page_that_is_read_comes_first() {
        let mut passages =
            vec![passage("en", "The office is open on Monday."), passage("en", "The shop is open daily.")];
        passages[1].url = "https://www.example.com/shop".into();
        let material = Material::new(passages, &Cutter::default());
        let mut job = classified("When are you open?", Language::En);
        job.question.context.url = "https://www.example.com/shop?from=mail".into();
        let ranked = rank(&material, &Asked::of(&job, &Analyser::default()));
        assert_eq!(material.units[ranked[0].unit].passage, 1);
    }

    #[test]
    fn the_sentence_whose_tokens_meet_the_question_is_best() {
        let mut found = passage("en", "The mill was built in stone. Its wheel turns at dawn.");
        let scores = [(0, 28, 0.2), (29, 53, 0.6)];
        found.sentences = scores
            .map(|(start, end, late)| SentenceScore { start, end, late, in_place: late, answers: None })
            .to_vec();
        let material = Material::new(vec![found], &Cutter::default());
        let ranked = rank(&material, &asked("when does it go round?", Language::En));
        assert_eq!(&*material.units[ranked[0].unit].text, "Its wheel turns at dawn.");
        assert!((ranked.iter().map(|unit| unit.chance).sum::<f32>() - 1.0).abs() < 1e-5);
    }

    fn confidence(support: f32, out_of_scope: f32, chance: f32) -> f32 {
        let material = Material::new(vec![passage("en", "The mill turns at dawn.")], &Cutter::default());
        let asked = asked("When does the mill turn?", Language::En);
        let best = rank(&material, &asked)[0];
        let signs = Signs { support, out_of_scope, chance, best };
        Reader::built_in().unwrap().confidence(&material, &asked, signs)
    }

    #[test]
    fn what_says_that_nothing_was_found_is_never_sure() {
        assert!((confidence_of_no_answer(0.3) - 0.15).abs() < 1e-6);
        assert!((confidence_of_no_answer(1.0) - 0.2).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn a_confidence_is_always_a_number_from_0_to_1(support in ANY, out_of_scope in ANY, chance in ANY) {
            for value in [confidence(support, out_of_scope, chance), confidence_of_no_answer(support)] {
                prop_assert!((0.0..=1.0).contains(&value), "{value}");
            }
        }

        #[test]
        fn more_evidence_is_never_less_sure(low in 0.0_f32..1.0, more in 0.0_f32..1.0, other in 0.0_f32..1.0) {
            let high = (low + more).min(1.0);
            prop_assert!(confidence(high, 0.1, other) >= confidence(low, 0.1, other));
            prop_assert!(confidence(other, 0.1, high) >= confidence(other, 0.1, low));
            prop_assert!(confidence(other, high, 0.5) <= confidence(other, low, 0.5));
        }
    }
}
