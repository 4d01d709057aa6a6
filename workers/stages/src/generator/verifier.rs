//! Verifies each sentence of an answer and finds the passage that supports it. The model's own citations are not
//! trusted.
//!
//! A sentence is supported by one fact: a sentence, item or table row of a passage, with its headings
//! (`claim_check`). Alternatively each of its clauses is supported by a fact of the same passage. The support of a
//! claim by a fact, 0 to 1:
//!
//! - 0 if the fact contradicts or does not match the claim (`claim_check::Mismatch`);
//! - by terms: the share of the claim's content terms, by weight, that the fact contains. A term's weight is ln(1 +
//!   N / (n + 0.5)), where n of all N segments contain it;
//! - by meaning, where the terms do not reach the threshold: the highest cosine of the sentence with a segment,
//!   scaled from [`SAME_LANGUAGE_COSINES`], or [`CROSS_LANGUAGE_COSINES`] where the languages differ, to 0..1.

pub(super) mod accepted_sentences;
pub(super) mod alignment;
mod alteration;
mod binding;
pub(super) mod claim;
mod claim_check;
#[cfg(test)]
mod labelled_sentences;
pub(super) mod model_response;
mod passage_support;
mod several_facts;
mod table_binding;

use hoidap_indices::Analyser;
use std::{
    cell::LazyCell,
    collections::{BTreeSet, HashMap},
    ops::Deref,
    sync::{Mutex, PoisonError},
};

use hoidap_shared::text::{Language, sentences};

use crate::generator::{
    answer::assembly::AnswerSentence,
    passages::{
        passage_set::PassageSet,
        segmenter::{Segment, SegmentKind},
    },
    text::{
        content::TextContent,
        sentence_embedder::{SentenceEmbedder, Vector, cosine, sentence_language},
    },
    verifier::{
        accepted_sentences::AcceptedSentences,
        claim::{Claim, is_bare_yes_no},
        claim_check::ClaimCheck,
    },
};

/// Cosines (of E5) that mean no support and full support in one language. Unrelated sentences of one page come
/// close to the first.
const SAME_LANGUAGE_COSINES: (f32, f32) = (0.90, 0.98);
/// The same across languages. Three in four translated sentences lie above the middle, and fewer than one in a
/// hundred of the other sentences of their page (with the adapter, on its training sites).
const CROSS_LANGUAGE_COSINES: (f32, f32) = (0.75, 0.83);
/// Segments within this cosine of the nearest one are considered, too.
const MAX_COSINE_GAP: f32 = 0.01;
/// Most segments whose meaning is compared, over all passages.
const MAX_COMPARED_SEGMENTS: usize = 24;
/// Preceding sentences that a sentence may depend on.
const MAX_PRECEDING_SENTENCES: usize = 2;
/// Most sentences that are verified; later ones are rejected.
const MAX_VERIFIED_SENTENCES: usize = 60;

/// Most terms of a claim that can rest on one fact.
const MAX_CLAIM_TERMS: usize = 160;

#[derive(Debug)]
pub(crate) struct VerifiedAnswer {
    /// The accepted sentences: supported ones, and ones without a claim.
    pub(crate) sentences: Vec<AnswerSentence>,
    /// Whether the last sentence was rejected.
    pub(crate) last_is_rejected: bool,
    /// The share of the claims that are supported; 0 without claims.
    pub(crate) share: f32,
}

/// Verifies sentences against a job's passages.
pub(crate) struct Verifier<'a> {
    /// The passages.
    pub(crate) passage_set: &'a PassageSet,
    /// The embedding model.
    pub(crate) embedder: &'a SentenceEmbedder,
    /// The word analyser.
    pub(crate) analyser: &'a Analyser,
    /// Lowest support of a cited sentence.
    pub(crate) threshold: f32,
    /// The language of the answer.
    pub(crate) language: Language,
    /// The question, which an answer may refer to.
    pub(crate) question: &'a str,
    /// Whether a whole passage may support a sentence, and not only one fact: for models that are trusted.
    pub(crate) by_passage: bool,
    /// The verdicts so far.
    pub(crate) cache: &'a VerdictCache,
}

/// The result of verifying a sentence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum SentenceVerdict {
    /// It makes no claim.
    NoClaim,
    /// The passage with this index supports it, to this degree.
    Supported(usize, f32),
    /// No passage supports it. It must not be shown.
    Unsupported,
}

impl SentenceVerdict {
    /// The index of the passage to cite, with the support.
    pub(crate) fn cite(self) -> Option<(usize, f32)> {
        match self {
            Self::Supported(passage, support) => Some((passage, support)),
            _ => None,
        }
    }
}

/// A cache of verdicts, so that sentences verified while streaming are not verified again.
#[derive(Default)]
pub(crate) struct VerdictCache(Mutex<HashMap<String, SentenceVerdict>>);

impl Verifier<'_> {
    /// Splits an answer into sentences and verifies each. `text` has no citation marks.
    pub(crate) fn verify_answer(&self, text: &str) -> VerifiedAnswer {
        let mut accepted = AcceptedSentences::default();
        let (mut claims, mut supported) = (0_u32, 0_u32);
        let mut at = 0;
        for (number, range) in sentences(text).into_iter().enumerate() {
            let (lead, sentence) = (&text[at..range.start], &text[range.clone()]);
            at = range.end;
            let verdict = if number < MAX_VERIFIED_SENTENCES {
                self.verify(&accepted.preceding(), sentence)
            } else {
                SentenceVerdict::Unsupported
            };
            claims += u32::from(verdict != SentenceVerdict::NoClaim);
            supported += u32::from(accepted.push(lead, sentence, verdict));
        }
        VerifiedAnswer {
            last_is_rejected: !accepted.last_accepted,
            sentences: accepted.sentences,
            share: if claims == 0 { 0.0 } else { supported as f32 / claims as f32 },
        }
    }

    /// Verifies a sentence; `before` are the preceding sentences.
    pub(crate) fn verify(&self, before: &[&str], sentence: &str) -> SentenceVerdict {
        let said = before.iter().rev().take(MAX_PRECEDING_SENTENCES).copied().chain([self.question]);
        let said: Vec<&str> = said.filter(|text| !is_bare_yes_no(text)).collect();
        let key = format!("{sentence}\0{}\0{}", self.by_passage, said.join("\0"));
        let known = || self.cache.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verdict) = known().get(&key) {
            return *verdict;
        }
        let claim = Claim::parse(sentence, &said, self.passage_set, self.analyser);
        let leads = sentence.ends_with([':', '?']) && claim.asserts_nothing();
        let verdict = if claim.is_empty() || leads || is_bare_yes_no(sentence) {
            SentenceVerdict::NoClaim
        } else {
            self.verdict(sentence, &claim)
        };
        known().insert(key, verdict);
        verdict
    }

    fn verdict(&self, sentence: &str, claim: &Claim) -> SentenceVerdict {
        if claim.terms.len() > MAX_CLAIM_TERMS {
            return SentenceVerdict::Unsupported;
        }
        let facts = ClaimCheck::new(self.passage_set, self.analyser, claim);
        let vector = LazyCell::new(|| self.embedder.embed_claim(sentence));
        let found = self.supported_by_terms(&facts).or_else(|| self.supported_by_rows(claim)).or_else(|| {
            if facts.is_altered_copy() {
                return None;
            }
            self.supported_by_clauses(claim).or_else(|| self.supported_by_meaning(&vector, claim, &facts))
        });
        let found = found.or_else(|| {
            let may_support = self.by_passage && !facts.alters_a_fact();
            may_support.then(|| self.supported_by_passage(&vector, claim)).flatten()
        });
        found.map_or(SentenceVerdict::Unsupported, |(passage, support)| {
            SentenceVerdict::Supported(passage, support)
        })
    }

    /// The passage whose fact contains most of the claim's terms, without a mismatch.
    fn supported_by_terms(&self, facts: &ClaimCheck<'_>) -> Option<(usize, f32)> {
        let segments = 0..self.passage_set.segments.len();
        let mut shares: Vec<(usize, f32)> = segments
            .filter(|&segment| facts.can_support(segment))
            .map(|segment| (segment, facts.coverage(segment)))
            .filter(|(_, share)| *share >= self.threshold)
            .collect();
        // Among equals, the passage with the better rank.
        shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let bears = shares.into_iter().find(|(segment, _)| facts.mismatch(*segment).is_none());
        bears.map(|(segment, share)| (self.passage_set.segments[segment].passage, share))
    }

    /// Explains a verdict: the best facts with their mismatches.
    #[cfg(test)]
    pub(crate) fn explain(&self, sentence: &str) -> String {
        let claim = Claim::parse(sentence, &[self.question], self.passage_set, self.analyser);
        let facts = ClaimCheck::new(self.passage_set, self.analyser, &claim);
        let mut segments: Vec<(f32, usize)> =
            (0..self.passage_set.segments.len()).map(|segment| (facts.coverage(segment), segment)).collect();
        segments.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut lines: Vec<String> = segments
            .iter()
            .take(3)
            .map(|(share, segment)| {
                format!(
                    "    {share:.2} {:?} {}",
                    facts.mismatch(*segment),
                    self.passage_set.segments[*segment].text
                )
            })
            .collect();
        let parts =
            claim.clauses.iter().map(|part| format!("{}{}", if part.negated { "!" } else { "" }, part.text));
        lines.push(format!(
            "    parts {:?} names {:?} figures {:?}",
            parts.collect::<Vec<_>>(),
            claim.names,
            claim.quantities
        ));
        lines.join("\n")
    }

    /// The share of a text's terms, by weight, that a segment contains.
    pub(crate) fn term_coverage(&self, segment: &Segment, content: &TextContent) -> f32 {
        let sum = |terms: &mut dyn Iterator<Item = &String>| {
            terms.map(|term| self.passage_set.term_weight(term)).sum::<f32>()
        };
        let all = sum(&mut content.terms.iter());
        if all > 0.0 { sum(&mut content.terms.intersection(&segment.content.terms)) / all } else { 0.0 }
    }

    /// The passage with the segment of nearest meaning, without a mismatch.
    fn supported_by_meaning(
        &self,
        vector: &impl Deref<Target = Option<Vector>>,
        claim: &Claim,
        facts: &ClaimCheck<'_>,
    ) -> Option<(usize, f32)> {
        if !self.embedder.is_loaded() || claim.terms.is_empty() {
            return None;
        }
        let vector = vector.as_ref()?;
        let passages: BTreeSet<usize> = (0..self.passage_set.segments.len())
            .filter(|&segment| facts.can_support(segment) && facts.has_quantities(segment))
            .map(|segment| self.passage_set.segments[segment].passage)
            .collect();
        let each = (MAX_COMPARED_SEGMENTS / passages.len().max(1)).max(4);
        let mut best: Option<(usize, f32)> = None;
        for &passage in &passages {
            let page = Language::from_locale(&self.passage_set.passages[passage].locale).unwrap_or_default();
            let mut near: Vec<(usize, f32)> = Vec::new();
            for segment in self.most_overlapping(passage, claim, each) {
                let text = &self.passage_set.segments[segment].text;
                near.push((
                    segment,
                    self.embedder.embed_sentence(text).and_then(|other| cosine(vector, &other))?,
                ));
            }
            let nearest = near.iter().map(|(_, cosine)| *cosine).fold(f32::MIN, f32::max);
            for (segment, cosine) in near {
                let across =
                    sentence_language(&self.passage_set.segments[segment].text, page) != self.language;
                let bounds = if across { CROSS_LANGUAGE_COSINES } else { SAME_LANGUAGE_COSINES };
                let wrong = facts.mismatch_by_meaning(segment, across).is_some();
                if cosine < nearest - MAX_COSINE_GAP || wrong {
                    continue;
                }
                let support = ((cosine - bounds.0) / (bounds.1 - bounds.0)).clamp(0.0, 1.0);
                if support >= self.threshold && best.is_none_or(|(_, known)| support > known) {
                    best = Some((passage, support));
                }
            }
        }
        best
    }

    /// The segments of a passage that share most terms and quantities with a claim.
    fn most_overlapping(&self, passage: usize, claim: &Claim, count: usize) -> Vec<usize> {
        let (from, segments) = self.passage_set.segments_of_passage(passage);
        let overlap = |segment: &Segment| {
            let words = claim.terms.iter().filter(|(term, _)| segment.content.terms.contains(term)).count();
            words
                + 3 * claim
                    .quantities
                    .iter()
                    .filter(|quantity| segment.content.has_quantity(quantity))
                    .count()
        };
        let mut likely: Vec<usize> =
            (0..segments.len()).filter(|&i| segments[i].kind != SegmentKind::Label).collect();
        likely.sort_by_key(|&i| std::cmp::Reverse(overlap(&segments[i])));
        likely.truncate(count);
        likely.into_iter().map(|i| from + i).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::generator::{
        answer::assembly::{self, tests::check},
        passages::{passage_set::tests::passage, segmenter::Segmenter},
        text::cleaning::clean_model_text,
    };

    const LIMITS: &str = "Hạn mức | Free | Pro\nKích thước một tệp | 2 GB | 20 GB\nThiết bị đồng bộ | 2 | 10";
    const SHARING: &str = "Bấm Lấy liên kết để chia sẻ tệp. Liên kết không hết hạn ở gói Business. Gói Free có liên kết \
        hết hạn sau 7 ngày.";

    fn cited(text: &str) -> Vec<(String, Option<usize>)> {
        let cited = judge(text);
        cited
            .sentences
            .into_iter()
            .map(|sentence| (sentence.text, sentence.cite.map(|(passage, _)| passage)))
            .collect()
    }

    fn judge(text: &str) -> VerifiedAnswer {
        judge_by(text, false)
    }

    fn judge_by(text: &str, by_passage: bool) -> VerifiedAnswer {
        let segmenter = Segmenter::default();
        let passage_set = PassageSet::new(vec![passage("vi", LIMITS), passage("vi", SHARING)], &segmenter);
        let embedder = SentenceEmbedder::new(None);
        let verifier = Verifier {
            passage_set: &passage_set,
            embedder: &embedder,
            analyser: &segmenter.analyser,
            threshold: 0.5,
            language: Language::Vi,
            question: "",
            by_passage,
            cache: &VerdictCache::default(),
        };
        verifier.verify_answer(text)
    }

    fn cited_passage(text: &str) -> Option<usize> {
        let cited = cited(text);
        assert!(cited.len() <= 1, "{cited:?}");
        cited.first().and_then(|(_, passage)| *passage)
    }

    #[test]
    fn the_passage_that_supports_is_cited() {
        assert_eq!(cited_passage("Gói Pro cho kích thước một tệp đến 20 GB."), Some(0));
        assert_eq!(
            cited_passage("Goi Free co lien ket het han sau 7 ngay."),
            Some(1),
            "diacritics do not count"
        );
        assert_eq!(cited_passage("Hãy bấm Lấy liên kết để chia sẻ."), Some(1));
    }

    #[test]
    fn another_number_unit_or_meaning_is_not_supported() {
        for wrong in [
            "Gói Pro cho kích thước một tệp đến 25 GB.",
            "Gói Pro cho kích thước một tệp đến 20 TB.",
            "Gói Free có liên kết hết hạn sau 7 giờ.",
            "Liên kết hết hạn ở gói Business.",
            "Bạn được tặng một chuyến du lịch.",
        ] {
            assert_eq!(cited_passage(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_claims_nothing_is_not_counted() {
        let judged = judge("Bạn làm như sau:\n- Bấm Lấy liên kết để chia sẻ tệp.");
        assert_eq!(judged.sentences.len(), 2);
        assert_eq!(judged.sentences[0].cite, None);
        assert!((judged.share - 1.0).abs() < 1e-6);
        assert_eq!(judge("").share, 0.0);
    }

    #[test]
    fn hostile_words_are_judged_in_bounded_work() {
        for part in ["Gói Pro 20 GB, ", "gói pro ", "không ", "Gói Pro có 20 GB. ", "[1]", "((((", "1.", ". "]
        {
            let text = clean_model_text(&part.repeat(200_000 / part.len()));
            for by_passage in [false, true] {
                let sentences = judge_by(&text, by_passage).sentences;
                let cited = sentences.iter().filter(|sentence| sentence.cite.is_some()).count();
                assert!(cited <= MAX_VERIFIED_SENTENCES, "{part}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_mark_resolves_whatever_a_model_writes(
            parts in prop::collection::vec(
                prop_oneof![
                    Just("Gói Pro cho kích thước một tệp đến 20 GB.".to_string()),
                    Just("Bấm Lấy liên kết để chia sẻ tệp.".to_string()),
                    "[ -~à-ỹ\\[\\]【】0-9\n.!?]{0,40}",
                    any::<String>(),
                    Just("[1]".to_string()), Just("[".to_string()), Just("2]".to_string()), Just("\n- ".to_string()),
                ],
                0..12,
            )
        ) {
            for by_passage in [false, true] {
                let judged = judge_by(&clean_model_text(&parts.concat()), by_passage);
                let passages = [passage("vi", LIMITS), passage("vi", SHARING)];
                check(&assembly::assemble(&judged.sentences, &passages));
                prop_assert!((0.0..=1.0).contains(&judged.share));
            }
        }
    }
}
