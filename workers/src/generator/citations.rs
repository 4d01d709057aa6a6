//! Which sentence of an answer rests on which passage. Given by us, not taken on a model's word.
//!
//! Support of a sentence s by a passage p, 0 to 1:
//!
//! - 0 when p lacks a number, amount or code of s;
//! - words: over every window of three neighbouring units of p that holds the figures of s, the weight of those content words of s that the window
//!   or the headings above it hold, as a share of the weight of all of them; a word's weight is
//!   ln(1 + N / (n + 0.5)), where n of the N units of all passages hold it. Times 0.4 when one of s and the unit of p
//!   that shares its rarest words holds a negation and the other does not;
//! - meaning, where the words do not reach the threshold: the greatest cosine of s with a unit of p, stretched from
//!   [`SAME`] or, where p is in another language than the answer, [`ACROSS`] to 0..1; turned in the same way within a
//!   language.

use hoidap_indices::Analyser;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use hoidap_shared::text::Language;

use super::{
    content::Content,
    cut::{Kind, Unit},
    draft::Piece,
    figures::grounded,
    material::Material,
    meaning::{Meaning, cosine},
    sentences::sentences,
};

/// Neighbouring units that may support a sentence together.
const WINDOW: usize = 3;
/// Cosines (of E5) at which the meaning of two texts of one language supports nothing, and everything: sentences of one
/// page that say other things come near the first.
const SAME: (f32, f32) = (0.90, 0.98);
/// The same across languages: two in three translated sentences lie above the middle, few others of their page do.
const ACROSS: (f32, f32) = (0.815, 0.895);
/// What is left of the support when only one of the two holds a negation.
const TURNED: f32 = 0.4;
/// Units of all passages that a sentence's meaning is compared with at most.
const COMPARED: usize = 24;

/// An answer's sentences with what supports them.
#[derive(Debug)]
pub(crate) struct Cited {
    /// The sentences.
    pub(crate) pieces: Vec<Piece>,
    /// The share of the sentences that claim something and are supported; 0 when none claims anything.
    pub(crate) share: f32,
    /// The mean support of those that claim something; what is not cited counts as 0.
    pub(crate) support: f32,
}

/// What sentences are judged by.
pub(crate) struct Judge<'a> {
    /// The passages.
    pub(crate) material: &'a Material,
    /// The embedding model.
    pub(crate) meaning: &'a Meaning,
    /// The rules of words.
    pub(crate) analyser: &'a Analyser,
    /// Below this support, a sentence is not cited.
    pub(crate) threshold: f32,
    /// The language of the answer.
    pub(crate) language: Language,
    /// What was found out of this job's sentences before.
    pub(crate) known: &'a Known,
}

/// The passage that supports a sentence best, and how strongly; `None` when its figures stand in no passage.
type Support = Option<(usize, f32)>;

/// The supports of a job's sentences: one that is judged while it is written need not be judged again.
#[derive(Default)]
pub(crate) struct Known(Mutex<HashMap<String, Support>>);

impl Judge<'_> {
    /// Splits an answer into sentences and finds the passage that supports each best. `text` holds no marks.
    pub(crate) fn cite(&self, text: &str) -> Cited {
        let mut pieces = Vec::new();
        let (mut claims, mut supported, mut sum) = (0_u32, 0_u32, 0.0);
        let mut at = 0;
        for range in sentences(text) {
            let (lead, sentence) = (&text[at..range.start], &text[range.clone()]);
            at = range.end;
            let (claims_something, cite) = self.judge(sentence);
            claims += u32::from(claims_something);
            supported += u32::from(cite.is_some());
            sum += cite.map_or(0.0, |(_, support)| support);
            pieces.push(Piece { lead: lead.into(), text: sentence.into(), cite });
        }
        let of_claims = |value: f32| if claims == 0 { 0.0 } else { value / claims as f32 };
        Cited { pieces, share: of_claims(supported as f32), support: of_claims(sum) }
    }

    /// Whether a sentence claims something, and the passage that supports it well enough.
    pub(crate) fn judge(&self, sentence: &str) -> (bool, Support) {
        let content = Content::of(sentence, self.analyser);
        if content.terms.is_empty() || sentence.ends_with([':', '?']) {
            return (false, None);
        }
        let known = || self.known.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known().get(sentence).copied();
        let best = before.unwrap_or_else(|| {
            let found = self.support(sentence, &content);
            known().insert(sentence.to_string(), found);
            found
        });
        (true, best.filter(|(_, support)| *support >= self.threshold))
    }

    fn support(&self, sentence: &str, content: &Content) -> Support {
        let places: Vec<usize> =
            (0..self.material.passages.len()).filter(|&place| self.holds(place, content)).collect();
        let by_words = places.iter().map(|&place| (place, self.words(place, content)));
        // Of equals, the passage that was ranked first.
        let best = by_words.fold(None, |best: Option<(usize, f32)>, new| match best {
            Some(known) if known.1 >= new.1 => best,
            _ => Some(new),
        })?;
        if best.1 >= self.threshold {
            return Some(best);
        }
        let by_meaning = self.by_meaning(sentence, content, &places);
        Some(by_meaning.filter(|found| found.1 > best.1).unwrap_or(best))
    }

    /// Whether a passage and its headings hold every number and code.
    fn holds(&self, place: usize, content: &Content) -> bool {
        let (_, units) = self.material.of_passage(place);
        content.figures.iter().all(|figure| {
            units.iter().any(|unit| grounded(figure, &unit.content.figures))
                || grounded(figure, &self.material.cuts[place].headings.figures)
        })
    }

    fn words(&self, place: usize, content: &Content) -> f32 {
        let (_, units) = self.material.of_passage(place);
        let headings = &self.material.cuts[place].headings.terms;
        let all: f32 = content.terms.iter().map(|term| self.material.weight(term)).sum();
        let mut best = 0.0_f32;
        for from in 0..units.len() {
            let window = &units[from..units.len().min(from + WINDOW)];
            let figures = |figure| window.iter().any(|unit| grounded(figure, &unit.content.figures));
            if !content
                .figures
                .iter()
                .all(|f| figures(f) || grounded(f, &self.material.cuts[place].headings.figures))
            {
                continue;
            }
            let have: f32 = content
                .terms
                .iter()
                .filter(|term| {
                    headings.contains(*term) || window.iter().any(|unit| unit.content.terms.contains(*term))
                })
                .map(|term| self.material.weight(term))
                .sum();
            let share = if all > 0.0 { have / all } else { 0.0 };
            best = best.max(share);
        }
        if turned(self.nearest(units, content), content) { best * TURNED } else { best }
    }

    /// The share of a sentence's words, by weight, that one unit holds.
    pub(crate) fn held_by(&self, unit: &Unit, content: &Content) -> f32 {
        let sum = |terms: &mut dyn Iterator<Item = &String>| {
            terms.map(|term| self.material.weight(term)).sum::<f32>()
        };
        let all = sum(&mut content.terms.iter());
        if all > 0.0 { sum(&mut content.terms.intersection(&unit.content.terms)) / all } else { 0.0 }
    }

    fn by_meaning(&self, sentence: &str, content: &Content, places: &[usize]) -> Option<(usize, f32)> {
        if !self.meaning.is_there() {
            return None;
        }
        let claim = self.meaning.claim(sentence)?;
        let each = (COMPARED / places.len().max(1)).max(4);
        let mut best: Option<(usize, f32)> = None;
        for &place in places {
            let across = Language::from_locale(&self.material.passages[place].locale) != Some(self.language);
            let bounds = if across { ACROSS } else { SAME };
            for unit in self.likeliest(place, content, each) {
                let cosine = self.meaning.sentence(&unit.text).and_then(|vector| cosine(&claim, &vector))?;
                let near = ((cosine - bounds.0) / (bounds.1 - bounds.0)).clamp(0.0, 1.0);
                let near = if !across && turned(Some(unit), content) { near * TURNED } else { near };
                if best.is_none_or(|(_, known)| near > known) {
                    best = Some((place, near));
                }
            }
        }
        best
    }

    /// The unit that a sentence speaks of: the one that shares its rarest words. Pairs of syllables are left
    /// out, since a negation parts them.
    fn nearest<'a>(&self, units: &'a [Unit], content: &Content) -> Option<&'a Unit> {
        let shared = |unit: &Unit| -> f32 {
            let terms = unit.content.terms.intersection(&content.terms).filter(|term| !term.contains(' '));
            terms.map(|term| self.material.weight(term)).sum()
        };
        units.iter().max_by(|a, b| shared(a).total_cmp(&shared(b)))
    }

    /// The units of a passage that share most words and figures with a sentence.
    fn likeliest(&self, place: usize, content: &Content, count: usize) -> Vec<&Unit> {
        let (_, units) = self.material.of_passage(place);
        let mut units: Vec<&Unit> = units.iter().filter(|unit| unit.kind != Kind::Label).collect();
        units.sort_by_key(|unit| std::cmp::Reverse(overlap(unit, content)));
        units.truncate(count);
        units
    }
}

fn overlap(unit: &Unit, content: &Content) -> usize {
    let figures = content.figures.iter().filter(|figure| grounded(figure, &unit.content.figures)).count();
    unit.content.terms.intersection(&content.terms).count() + 3 * figures
}

/// Whether exactly one of the two holds a negation.
fn turned(unit: Option<&Unit>, content: &Content) -> bool {
    unit.is_some_and(|unit| unit.content.negated != content.negated)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::{clean::model_text, cut::Cutter, draft, draft::tests::check, material::tests::passage},
        *,
    };

    const LIMITS: &str = "Hạn mức | Free | Pro\nKích thước một tệp | 2 GB | 20 GB\nThiết bị đồng bộ | 2 | 10";
    const SHARING: &str = "Bấm Lấy liên kết để chia sẻ tệp. Liên kết không hết hạn ở gói Business. Gói Free có liên kết \
        hết hạn sau 7 ngày.";

    fn cited(text: &str) -> Vec<(String, Option<usize>)> {
        let cited = judge(text);
        cited.pieces.into_iter().map(|piece| (piece.text, piece.cite.map(|(place, _)| place))).collect()
    }

    fn judge(text: &str) -> Cited {
        let cutter = Cutter::default();
        let material = Material::new(vec![passage("vi", LIMITS), passage("vi", SHARING)], &cutter);
        let meaning = Meaning::new(None);
        let judge = Judge {
            material: &material,
            meaning: &meaning,
            analyser: &cutter.analyser,
            threshold: 0.5,
            language: Language::Vi,
            known: &Known::default(),
        };
        judge.cite(text)
    }

    fn place(text: &str) -> Option<usize> {
        let cited = cited(text);
        assert_eq!(cited.len(), 1, "{cited:?}");
        cited[0].1
    }

    #[test]
    fn the_passage_that_supports_is_cited() {
        assert_eq!(place("Gói Pro cho kích thước một tệp đến 20 GB."), Some(0));
        assert_eq!(place("Goi Free co lien ket het han sau 7 ngay."), Some(1), "diacritics do not count");
        assert_eq!(place("Hãy bấm Lấy liên kết để chia sẻ."), Some(1));
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
            assert_eq!(place(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_claims_nothing_is_not_counted() {
        let judged = judge("Bạn làm như sau:\n- Bấm Lấy liên kết để chia sẻ tệp.");
        assert_eq!(judged.pieces.len(), 2);
        assert_eq!(judged.pieces[0].cite, None);
        assert!((judged.share - 1.0).abs() < 1e-6);
        assert_eq!(judge("").share, 0.0);
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
            let judged = judge(&model_text(&parts.concat()));
            let done = draft::assemble(&judged.pieces, &[passage("vi", LIMITS), passage("vi", SHARING)]);
            check(&done);
            prop_assert!((0.0..=1.0).contains(&judged.share) && (0.0..=1.0).contains(&judged.support));
        }
    }
}
