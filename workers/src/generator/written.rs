//! Whether a model's words are an answer.

use hoidap_shared::config::PromptStyle;

use super::{
    Case, Tools,
    citations::{Cited, Judge},
    clean::{Worth, worth},
    content::Content,
    cut::{Kind, Unit},
    failover::Written,
    figures::grounded,
};

/// A small base model's sentence is a quotation when one unit holds this share of its words.
const QUOTED: f32 = 0.85;
/// The same of a short answer that is a number of the best unit and says, in words of the question, of what.
const NUMBER: f32 = 0.5;
/// Content words that make a quotation; fewer say too little by themselves.
const QUOTED_TERMS: usize = 5;

/// The model says that the passages do not answer.
pub(super) const REFUSED: &str = "the model says that the passages do not answer";

impl Tools {
    /// Who judges the sentences of an answer.
    pub(super) fn judge_of<'a>(&'a self, case: &'a Case) -> Judge<'a> {
        Judge {
            material: &case.material,
            meaning: &self.meaning,
            analyser: &self.cutter.analyser,
            threshold: self.settings.min_sentence_support,
            language: case.asked.language,
            known: &case.known,
        }
    }

    /// The words with their citations, or why they are no answer.
    pub(super) fn judge(&self, case: &Case, written: &Written) -> Result<Cited, &'static str> {
        match worth(&written.text, &case.asked.text) {
            Worth::Words => {}
            Worth::Empty => return Err("the model wrote no words"),
            Worth::Refusal => return Err(REFUSED),
            Worth::Echo => return Err("the model only repeated the question or a heading"),
        }
        if self.says_nothing_new(case, &written.text) {
            return Err("the model only repeated the question or a heading");
        }
        let judge = self.judge_of(case);
        let mut cited = judge.cite(&written.text);
        if written.cut_off && cited.pieces.pop().is_none_or(|_| cited.pieces.is_empty()) {
            return Err("the model had no room to end its sentence");
        }
        if cited.share <= 0.0 || cited.share < self.settings.min_supported_share {
            return Err("too little of what the model wrote is supported by the passages");
        }
        if written.style == PromptStyle::Completion && !self.may_be_trusted(case, &judge, &cited) {
            return Err("the small model's words are neither a quotation nor the number that was asked for");
        }
        Ok(cited)
    }

    /// A small base model strings true words together to false sentences, so each must be a quotation, or hold only
    /// figures of the best unit where a number was asked for.
    fn may_be_trusted(&self, case: &Case, judge: &Judge<'_>, cited: &Cited) -> bool {
        let Some(best) = case.ranked.first().map(|best| &case.material.units[best.unit]) else {
            return false;
        };
        cited.pieces.iter().all(|piece| {
            let content = Content::of(&piece.text, &self.cutter.analyser);
            let has_all = |unit: &Unit| content.figures.iter().all(|f| grounded(f, &unit.content.figures));
            let quoted = content.terms.len() >= QUOTED_TERMS
                && case.material.units.iter().any(|unit| {
                    has_all(unit)
                        && unit.content.negated == content.negated
                        && judge.held_by(unit, &content) >= QUOTED
                });
            let says_of_what = content.terms.iter().any(|term| case.asked.content.terms.contains(term));
            let number = case.asked.number
                && !content.figures.is_empty()
                && says_of_what
                && has_all(best)
                && judge.held_by(best, &content) >= NUMBER;
            quoted || number
        })
    }

    /// Whether the words hold nothing but what the question and the headings of the passages say.
    fn says_nothing_new(&self, case: &Case, text: &str) -> bool {
        let said = Content::of(text, &self.cutter.analyser);
        let asked = &case.asked.content;
        let known = |term: &String| {
            asked.terms.contains(term)
                || case.material.cuts.iter().any(|cut| cut.headings.terms.contains(term))
                || case
                    .material
                    .units
                    .iter()
                    .any(|unit| unit.kind == Kind::Label && unit.content.terms.contains(term))
        };
        said.figures.is_subset(&asked.figures) && said.terms.iter().all(known)
    }
}
