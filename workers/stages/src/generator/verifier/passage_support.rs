//! Support of a sentence by a whole passage, for models that are trusted to read: what they write may combine sentences and
//! rows, but no number, code or name may be their own.

use std::{cell::LazyCell, collections::BTreeSet, ops::Deref};

use hoidap_shared::{
    job::Passage,
    text::{Language, fold},
};

use super::{CROSS_LANGUAGE_COSINES, Verifier};
use crate::generator::{
    passages::segmenter::Segment,
    text::{
        negation::canonical_form,
        quantities::{self, Quantity},
        sentence_embedder::{Vector, cosine},
    },
    verifier::claim::Claim,
};

/// The share of a claim's terms, by weight, that may be neither in the passage nor in the question, whatever the others are.
const MAX_FREE_SHARE: f32 = 0.34;
/// Segments of a passage whose meaning is compared with a sentence in another language.
const MAX_COMPARED_SEGMENTS: usize = 6;

impl Verifier<'_> {
    /// The passage that says most of a sentence. Each quantity must be in it or in the question, or, where the passage has at
    /// least half of them, in another one. The names and most of the words must be in it or in the question. Where passage and
    /// sentence are in different languages, a segment of the sentence's meaning may stand for the words.
    pub(super) fn supported_by_passage(
        &self,
        vector: &impl Deref<Target = Option<Vector>>,
        claim: &Claim,
    ) -> Option<(usize, f32)> {
        let asked: BTreeSet<Quantity> = quantities::extract(&canonical_form(self.question)).all().collect();
        let question = words(self.question);
        let count = self.passage_set.passages.len();
        let has_quantity = |passage: usize, quantity: &Quantity| {
            let (_, segments) = self.passage_set.segments_of_passage(passage);
            segments.iter().any(|segment| {
                self.passage_set.segment_has_quantity(segment, quantity)
                    || segment.content.quantities.iter().any(|known| is_value(known, quantity))
            })
        };
        let unasked: Vec<&Quantity> = claim
            .quantities
            .iter()
            .filter(|quantity| !asked.iter().any(|known| is_value(known, quantity)))
            .collect();
        let is_known = |quantity: &&Quantity| (0..count).any(|passage| has_quantity(passage, quantity));
        if !unasked.iter().all(is_known) || self.contradicts_tables(claim) {
            return None;
        }
        let words_of = |passage: &Passage| {
            let above = passage.heading_path.iter().chain([&passage.title]);
            let all: Vec<&str> = above.chain([&passage.text, &passage.url]).map(String::as_str).collect();
            words(&all.join(" "))
        };
        // Only names ask for them.
        let texts: LazyCell<Vec<BTreeSet<String>>, _> =
            LazyCell::new(|| self.passage_set.passages.iter().map(words_of).collect());
        let mut best: Option<(usize, f32)> = None;
        for (at, passage) in self.passage_set.passages.iter().enumerate() {
            let held: Vec<&&Quantity> =
                unasked.iter().filter(|quantity| has_quantity(at, quantity)).collect();
            if held.len() * 2 < unasked.len()
                || held.iter().any(|value| self.is_of_other_cell(at, claim, value))
            {
                continue;
            }
            let is_across = Language::from_locale(&passage.locale) != Some(self.language);
            // A name may be a translation that the pages of the sentence's own language have.
            let is_said = |word: &String| {
                texts[at].contains(word)
                    || question.contains(word)
                    || is_across && texts.iter().any(|text| text.contains(word))
            };
            if !claim.names.iter().flat_map(|name| words(name)).all(|word| is_said(&word)) {
                continue;
            }
            let (_, segments) = self.passage_set.segments_of_passage(at);
            let by_words = self.share_of_words(claim, segments);
            let support = if is_across { by_words.max(self.meaning_in(at, claim, vector)) } else { by_words };
            if support >= self.threshold && best.is_none_or(|(_, known)| support > known) {
                best = Some((at, support));
            }
        }
        best
    }

    /// The share of a claim's terms that some segments or the question have, by weight; 0 where much is new in it and most of
    /// that is not in the segments.
    fn share_of_words(&self, claim: &Claim, segments: &[Segment]) -> f32 {
        let is_here =
            |term: &str| segments.iter().any(|segment| self.passage_set.segment_has_term(segment, term));
        let asked = claim.context_terms();
        let (mut all, mut held, mut new, mut new_held) = (0.0, 0.0, 0.0, 0.0);
        for (term, weight) in &claim.terms {
            let (is_asked, is_here) = (asked.contains(term), is_here(term));
            all += weight;
            held += if is_asked || is_here { *weight } else { 0.0 };
            new += if is_asked { 0.0 } else { *weight };
            new_held += if !is_asked && is_here { *weight } else { 0.0 };
        }
        if all == 0.0 {
            return 1.0;
        }
        if new > all * MAX_FREE_SHARE && new_held * 2.0 < new { 0.0 } else { held / all }
    }

    /// How near the nearest of the segments is in meaning to a sentence in another language, 0 to 1.
    fn meaning_in(&self, passage: usize, claim: &Claim, vector: &impl Deref<Target = Option<Vector>>) -> f32 {
        let Some(vector) = vector.as_ref() else { return 0.0 };
        let likely = self.most_overlapping(passage, claim, MAX_COMPARED_SEGMENTS);
        let nearest = likely
            .into_iter()
            .filter_map(|segment| {
                cosine(vector, &self.embedder.embed_sentence(&self.passage_set.segments[segment].text)?)
            })
            .fold(f32::MIN, f32::max);
        let (none, full) = CROSS_LANGUAGE_COSINES;
        ((nearest - none) / (full - none)).clamp(0.0, 1.0)
    }
}

pub(super) fn is_value(known: &Quantity, value: &Quantity) -> bool {
    known.equals(value) || known.has_number_of(value)
}

/// The words of a text, folded.
fn words(text: &str) -> BTreeSet<String> {
    fold(text)
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_string)
        .collect()
}

#[cfg(test)]
mod tests {
    use hoidap_shared::text::Language;

    use crate::generator::{
        passages::{
            passage_set::{PassageSet, tests::passage},
            segmenter::Segmenter,
        },
        text::sentence_embedder::SentenceEmbedder,
        verifier::{VerdictCache, Verifier},
    };

    const SHOP: &str = "The repair centre is at 87 Mill Road. It is open from 7:30 to 17:30 and closed on Sunday. Repairs of \
        machines from other shops cost 20% more. Machines that nobody fetches within 30 days cost 2 euros a day.";
    const FEES: &str = "Service | At home | In the centre\nCleaning a washer | 40 euros | 25 euros\nA new pump | 70 euros | 55 euros";
    const MODELS: &str = "Model | Colour | Steam\nWX-20 | white | no\nWX-30 | silver grey | yes";

    /// The passages that support a sentence of a trusted model, and of another one.
    fn support(question: &str, sentence: &str) -> [Option<usize>; 2] {
        let segmenter = Segmenter::default();
        let passages = [SHOP, FEES, MODELS].map(|text| passage("en", text)).to_vec();
        let passage_set = PassageSet::new(passages, &segmenter);
        let embedder = SentenceEmbedder::new(None);
        [true, false].map(|by_passage| {
            let verifier = Verifier {
                passage_set: &passage_set,
                embedder: &embedder,
                analyser: &segmenter.analyser,
                threshold: 0.5,
                language: Language::En,
                question,
                by_passage,
                cache: &VerdictCache::default(),
            };
            verifier.verify(&[], sentence).cite().map(|(passage, _)| passage)
        })
    }

    #[test]
    fn a_trusted_model_may_combine_what_a_passage_says() {
        let question = "How much is it when I fetch my washer after 6 weeks?";
        let sentence =
            "A washer that nobody fetches for 6 weeks costs 2 euros a day after the first 30 days.";
        assert_eq!(support(question, sentence), [Some(0), None]);
        let both = "Cleaning a washer costs 40 euros at home, while a new pump costs 55 euros in the centre.";
        assert_eq!(support("cleaning at home or a new pump in the centre?", both)[0], Some(1));
    }

    #[test]
    fn no_number_name_row_column_or_denial_is_a_models_own() {
        for wrong in [
            "The repair centre is at 89 Mill Road.",
            "The repair centre in Oakham is at 87 Mill Road.",
            "Cleaning a washer costs 70 euros at home.",
            "Cleaning a washer costs 25 euros at home.",
            "Repairs of machines from other shops do not cost 20% more.",
            "Repairs of dryers from other shops cost 20% more.",
            "Machines that nobody fetches within 90 days cost 2 euros a day.",
            "The colour of the WX-20 is silver grey.",
            "The WX-20 has steam.",
            "Washers with a scratched door are repaired for free by the neighbours.",
        ] {
            assert_eq!(support("", wrong), [None, None], "{wrong}");
        }
    }
}
