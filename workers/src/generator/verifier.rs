//! Which sentence of an answer rests on which passage. Given by us, not taken on a model's word.
//!
//! A sentence is supported by one fact: a sentence, an item or a row of a passage with its headings (`claim_check`). Its
//! parts may each be supported by a fact of their own, of one passage. Support of a claim by a fact, 0 to 1:
//!
//! - 0 when anything speaks against it (`claim_check::Fault`);
//! - words: the weight of the claim's content words that the fact holds, as a share of the weight of all of them; a
//!   word's weight is ln(1 + N / (n + 0.5)), where n of the N units of all passages hold it;
//! - meaning, where the words do not reach the threshold: the greatest cosine of the sentence with a unit, stretched
//!   from [`SAME`] or, where the passage is in another language than the answer, [`ACROSS`] to 0..1.

pub(super) mod accepted_sentences;
pub(super) mod alignment;
mod alteration;
mod binding;
mod claim;
mod claim_check;
#[cfg(test)]
mod labelled_sentences;
pub(super) mod model_response;

use hoidap_indices::Analyser;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

use hoidap_shared::text::{Language, sentences};

use crate::generator::{
    answer::assembly::Piece,
    passages::{
        passage_set::Material,
        segmenter::{Kind, Unit},
        table::holds_name,
    },
    text::{
        content::Content,
        quantities::Figure,
        sentence_embedder::{Meaning, cosine, language},
    },
    verifier::{
        accepted_sentences::Given,
        claim::{Claim, is_answer},
        claim_check::Facts,
    },
};

/// Cosines (of E5) at which the meaning of two texts of one language supports nothing, and everything: sentences of one
/// page that say other things come near the first.
const SAME: (f32, f32) = (0.90, 0.98);
/// The same across languages: three in four translated sentences lie above the middle, and fewer than one in a hundred of the others of
/// their page (with the adapter, over the sites that it was taught).
const ACROSS: (f32, f32) = (0.75, 0.83);
/// Of two units that are as near as this to a sentence, either may be what it says.
const AS_NEAR: f32 = 0.01;
/// Units of all passages that a sentence's meaning is compared with at most.
const COMPARED: usize = 24;
/// Sentences before a sentence that may hold what it leaves out.
const BEFORE: usize = 2;
/// Sentences of an answer that are judged; what a model writes beyond is not given.
const JUDGED: usize = 60;

/// Words of a sentence that can be told to rest on one fact at most.
const LONGEST: usize = 160;

/// An answer's sentences with what supports them.
#[derive(Debug)]
pub(crate) struct Cited {
    /// The sentences that are given: supported ones, and words that claim nothing.
    pub(crate) pieces: Vec<Piece>,
    /// Whether the last sentence is none of them.
    pub(crate) last_is_left_out: bool,
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
    /// The question: what an answer leaves out stands there.
    pub(crate) question: &'a str,
    /// What was found out of this job's sentences before.
    pub(crate) known: &'a Known,
}

/// What a sentence is to the passages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// It claims nothing.
    NoClaim,
    /// The passage at this place supports it, this strongly.
    Supported(usize, f32),
    /// No passage tells it, or it puts together what does not belong together: not to be given.
    Unsupported,
}

impl Verdict {
    /// The passage to cite.
    pub(crate) fn cite(self) -> Option<(usize, f32)> {
        match self {
            Self::Supported(place, support) => Some((place, support)),
            _ => None,
        }
    }
}

/// The verdicts on a job's sentences: one that is judged while it is written need not be judged again.
#[derive(Default)]
pub(crate) struct Known(Mutex<HashMap<String, Verdict>>);

impl Judge<'_> {
    /// Splits an answer into sentences and finds the passage that supports each best. `text` holds no marks.
    pub(crate) fn cite(&self, text: &str) -> Cited {
        let mut given = Given::default();
        let (mut claims, mut supported, mut sum) = (0_u32, 0_u32, 0.0);
        let mut at = 0;
        for (number, range) in sentences(text).into_iter().enumerate() {
            let (lead, sentence) = (&text[at..range.start], &text[range.clone()]);
            at = range.end;
            let verdict =
                if number < JUDGED { self.judge(&given.said(), sentence) } else { Verdict::Unsupported };
            claims += u32::from(verdict != Verdict::NoClaim);
            if given.take(lead, sentence, verdict) {
                supported += 1;
                sum += verdict.cite().map_or(0.0, |(_, support)| support);
            }
        }
        let of_claims = |value: f32| if claims == 0 { 0.0 } else { value / claims as f32 };
        Cited {
            last_is_left_out: !given.last,
            pieces: given.pieces,
            share: of_claims(supported as f32),
            support: of_claims(sum),
        }
    }

    /// What a sentence is to the passages; `before` are the sentences that stand before it in the answer.
    pub(crate) fn judge(&self, before: &[&str], sentence: &str) -> Verdict {
        let said = before.iter().rev().take(BEFORE).copied().chain([self.question]);
        let said: Vec<&str> = said.filter(|text| !is_answer(text)).collect();
        let key = format!("{sentence}\0{}", said.join("\0"));
        let known = || self.known.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verdict) = known().get(&key) {
            return *verdict;
        }
        let claim = Claim::of(sentence, &said, self.material, self.analyser);
        let leads = sentence.ends_with([':', '?']) && claim.asserts_nothing();
        let verdict = if claim.is_empty() || leads || is_answer(sentence) {
            Verdict::NoClaim
        } else {
            self.verdict(sentence, &claim)
        };
        known().insert(key, verdict);
        verdict
    }

    fn verdict(&self, sentence: &str, claim: &Claim) -> Verdict {
        if claim.terms.len() > LONGEST {
            return Verdict::Unsupported;
        }
        let facts = Facts::new(self.material, self.analyser, claim);
        let found = self.by_words(&facts).or_else(|| self.of_several(claim)).or_else(|| {
            if facts.is_one_altered() {
                return None;
            }
            self.in_parts(claim).or_else(|| self.by_meaning(sentence, claim, &facts))
        });
        found.map_or(Verdict::Unsupported, |(place, support)| Verdict::Supported(place, support))
    }

    /// The passage whose fact holds most of a claim's words, when nothing speaks against it and they are enough.
    fn by_words(&self, facts: &Facts<'_>) -> Option<(usize, f32)> {
        let units = 0..self.material.units.len();
        let mut shares: Vec<(usize, f32)> = units
            .filter(|&unit| facts.is_fact(unit))
            .map(|unit| (unit, facts.share(unit)))
            .filter(|(_, share)| *share >= self.threshold)
            .collect();
        // Of equals, the passage that was ranked first.
        shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let bears = shares.into_iter().find(|(unit, _)| facts.fault(*unit).is_none());
        bears.map(|(unit, share)| (self.material.units[unit].passage, share))
    }

    /// The passage of which each part of a claim has a fact of its own.
    fn in_parts(&self, claim: &Claim) -> Option<(usize, f32)> {
        if claim.clauses.len() < 2 || claim.degree.is_some() {
            return None;
        }
        let mut all: Option<HashMap<usize, f32>> = None;
        for at in 0..claim.clauses.len() {
            let part = claim.part(at, self.material, self.analyser);
            if part.is_empty() {
                continue;
            }
            let facts = Facts::new(self.material, self.analyser, &part);
            let mut bears: HashMap<usize, f32> = HashMap::new();
            for unit in 0..self.material.units.len() {
                let share = facts.share(unit);
                if share >= self.threshold && facts.is_fact(unit) && facts.fault(unit).is_none() {
                    let known = bears.entry(self.material.units[unit].passage).or_default();
                    *known = known.max(share);
                }
            }
            all = Some(match all {
                None => bears,
                Some(all) => {
                    let both = all.into_iter();
                    both.filter_map(|(place, known)| Some((place, known.min(*bears.get(&place)?)))).collect()
                }
            });
        }
        all?.into_iter().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
    }

    /// The passage with the rows of a table that a claim about several of them names, each bearing it by itself.
    fn of_several(&self, claim: &Claim) -> Option<(usize, f32)> {
        let words = claim.words();
        let mut tables: HashMap<(usize, usize), Vec<usize>> = HashMap::new();
        for (at, unit) in self.material.units.iter().enumerate() {
            if let Some(row) = &unit.row
                && holds_name(&words, &claim.figures, &self.material.only_in_row(at, self.analyser))
            {
                tables.entry((unit.passage, row.table)).or_default().push(at);
            }
        }
        let mut found: Vec<(usize, f32)> = Vec::new();
        for ((passage, _), rows) in tables.into_iter().filter(|(_, rows)| rows.len() > 1) {
            let names: Vec<_> =
                rows.iter().map(|&row| self.material.only_in_row(row, self.analyser)).collect();
            let support = rows.iter().enumerate().map(|(i, &row)| {
                let others = names.iter().enumerate().filter(|(other, _)| *other != i);
                let (mut words, mut codes): (BTreeSet<String>, Vec<Figure>) = Default::default();
                for (_, (other, named)) in others {
                    words.extend(other.difference(&names[i].0).cloned());
                    codes.extend(named.iter().filter(|code| !names[i].1.contains(code)).cloned());
                }
                let claim = claim.without(&words, &codes);
                let facts = Facts::new(self.material, self.analyser, &claim);
                if facts.fault(row).is_none() { facts.share(row) } else { 0.0 }
            });
            let least = support.fold(1.0, f32::min);
            if least >= self.threshold {
                found.push((passage, least));
            }
        }
        found.into_iter().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
    }

    /// What each of the likeliest facts comes to, for the one who reads why a verdict is wrong.
    #[cfg(test)]
    pub(crate) fn explain(&self, sentence: &str) -> String {
        let claim = Claim::of(sentence, &[self.question], self.material, self.analyser);
        let facts = Facts::new(self.material, self.analyser, &claim);
        let mut units: Vec<(f32, usize)> =
            (0..self.material.units.len()).map(|unit| (facts.share(unit), unit)).collect();
        units.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut lines: Vec<String> = units
            .iter()
            .take(3)
            .map(|(share, unit)| {
                format!("    {share:.2} {:?} {}", facts.fault(*unit), self.material.units[*unit].text)
            })
            .collect();
        let parts =
            claim.clauses.iter().map(|part| format!("{}{}", if part.denied { "!" } else { "" }, part.text));
        lines.push(format!(
            "    parts {:?} names {:?} figures {:?}",
            parts.collect::<Vec<_>>(),
            claim.names,
            claim.figures
        ));
        lines.join("\n")
    }

    /// The share of a sentence's words, by weight, that one unit holds.
    pub(crate) fn held_by(&self, unit: &Unit, content: &Content) -> f32 {
        let sum = |terms: &mut dyn Iterator<Item = &String>| {
            terms.map(|term| self.material.weight(term)).sum::<f32>()
        };
        let all = sum(&mut content.terms.iter());
        if all > 0.0 { sum(&mut content.terms.intersection(&unit.content.terms)) / all } else { 0.0 }
    }

    /// The passage with the unit that is nearest in meaning, when nothing speaks against that unit.
    fn by_meaning(&self, sentence: &str, claim: &Claim, facts: &Facts<'_>) -> Option<(usize, f32)> {
        if !self.meaning.is_there() || claim.terms.is_empty() {
            return None;
        }
        let vector = self.meaning.claim(sentence)?;
        let places: BTreeSet<usize> = (0..self.material.units.len())
            .filter(|&unit| facts.is_fact(unit) && facts.has_figures(unit))
            .map(|unit| self.material.units[unit].passage)
            .collect();
        let each = (COMPARED / places.len().max(1)).max(4);
        let mut best: Option<(usize, f32)> = None;
        for &place in &places {
            let page = Language::from_locale(&self.material.passages[place].locale).unwrap_or_default();
            let mut near: Vec<(usize, f32)> = Vec::new();
            for unit in self.likeliest(place, claim, each) {
                let text = &self.material.units[unit].text;
                near.push((unit, self.meaning.sentence(text).and_then(|other| cosine(&vector, &other))?));
            }
            let nearest = near.iter().map(|(_, cosine)| *cosine).fold(f32::MIN, f32::max);
            for (unit, cosine) in near {
                let across = language(&self.material.units[unit].text, page) != self.language;
                let bounds = if across { ACROSS } else { SAME };
                let wrong = facts.fault_in_meaning(unit, across).is_some();
                if cosine < nearest - AS_NEAR || wrong {
                    continue;
                }
                let support = ((cosine - bounds.0) / (bounds.1 - bounds.0)).clamp(0.0, 1.0);
                if support >= self.threshold && best.is_none_or(|(_, known)| support > known) {
                    best = Some((place, support));
                }
            }
        }
        best
    }

    /// The units of a passage that share most words and figures with a claim.
    fn likeliest(&self, place: usize, claim: &Claim, count: usize) -> Vec<usize> {
        let (from, units) = self.material.of_passage(place);
        let overlap = |unit: &Unit| {
            let words = claim.terms.iter().filter(|(term, _)| unit.content.terms.contains(term)).count();
            words + 3 * claim.figures.iter().filter(|figure| unit.content.grounds(figure)).count()
        };
        let mut likely: Vec<usize> = (0..units.len()).filter(|&i| units[i].kind != Kind::Label).collect();
        likely.sort_by_key(|&i| std::cmp::Reverse(overlap(&units[i])));
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
        passages::{passage_set::tests::passage, segmenter::Cutter},
        text::cleaning::model_text,
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
            question: "",
            known: &Known::default(),
        };
        judge.cite(text)
    }

    fn place(text: &str) -> Option<usize> {
        let cited = cited(text);
        assert!(cited.len() <= 1, "{cited:?}");
        cited.first().and_then(|(_, place)| *place)
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

    #[test]
    fn hostile_words_are_judged_in_bounded_work() {
        for part in ["Gói Pro 20 GB, ", "gói pro ", "không ", "Gói Pro có 20 GB. ", "[1]", "((((", "1.", ". "]
        {
            let judged = judge(&model_text(&part.repeat(200_000 / part.len())));
            assert!(judged.pieces.iter().filter(|piece| piece.cite.is_some()).count() <= JUDGED, "{part}");
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
            let judged = judge(&model_text(&parts.concat()));
            let done = assembly::assemble(&judged.pieces, &[passage("vi", LIMITS), passage("vi", SHARING)]);
            check(&done);
            prop_assert!((0.0..=1.0).contains(&judged.share) && (0.0..=1.0).contains(&judged.support));
        }
    }
}
