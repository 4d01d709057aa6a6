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
    polarity::{plain, split},
    wanted::Wanted,
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
            question: &case.asked.text,
            known: &case.known,
        }
    }

    /// The words with their citations, or why they are no answer.
    pub(super) fn judge(&self, case: &Case, written: &Written) -> Result<Cited, &'static str> {
        let answers_yes_or_no = asks_yes_or_no(&case.asked.text) && !written.text.ends_with('?');
        match worth(&written.text, &case.asked.text) {
            // The words of the question with a yes or no are the answer.
            Worth::Echo if answers_yes_or_no => {}
            Worth::Words => {}
            Worth::Empty => return Err("the model wrote no words"),
            Worth::Refusal => return Err(REFUSED),
            Worth::Echo => return Err("the model only repeated the question or a heading"),
        }
        if !answers_yes_or_no && self.says_nothing_new(case, &written.text) {
            return Err("the model only repeated the question or a heading");
        }
        let judge = self.judge_of(case);
        let mut cited = judge.cite(&written.text);
        if written.cut_off && !cited.last_is_left_out {
            cited.pieces.pop();
        }
        if written.cut_off && cited.pieces.is_empty() {
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
            if piece.cite.is_none() {
                return false;
            }
            let content = Content::of(&piece.text, &self.cutter.analyser);
            let has_all = |unit: &Unit| content.figures.iter().all(|f| grounded(f, &unit.content.figures));
            let quoted = content.terms.len() >= QUOTED_TERMS
                && case
                    .material
                    .units
                    .iter()
                    .any(|unit| has_all(unit) && judge.held_by(unit, &content) >= QUOTED);
            let says_of_what = content.terms.iter().any(|term| case.asked.content.terms.contains(term));
            let number = case.asked.wanted.is_some_and(Wanted::is_figure)
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
        said.figures.iter().all(|figure| asked.grounds(figure)) && said.terms.iter().all(known)
    }
}

/// Whether a question asks for a yes or a no.
pub(super) fn asks_yes_or_no(question: &str) -> bool {
    const FIRST: [&str; 24] = [
        "do",
        "does",
        "did",
        "can",
        "could",
        "is",
        "are",
        "was",
        "were",
        "will",
        "would",
        "has",
        "have",
        "may",
        "should",
        "am",
        "don't",
        "doesn't",
        "can't",
        "isn't",
        "aren't",
        "won't",
        "có phải",
        "liệu",
    ];
    const LAST: [&str; 11] = ["không", "khong", "ko", "k", "chưa", "chua", "hả", "à", "nhỉ", "hông", "hok"];
    let low = plain(question);
    let words: Vec<&str> = split(&low).collect();
    words.first().is_some_and(|first| FIRST.contains(first))
        || words.last().is_some_and(|last| LAST.contains(last))
        || low.contains("có phải")
        || low.contains("phải không")
}

#[cfg(test)]
mod tests {
    use super::asks_yes_or_no;

    #[test]
    fn a_question_for_yes_or_no_is_seen() {
        for text in ["Do you deliver on Sunday?", "Thẻ nội địa có trả góp được không?", "Hàng đổi được ko?"]
        {
            assert!(asks_yes_or_no(text), "{text}");
        }
        assert!(!asks_yes_or_no("Gói Pro có bao nhiêu dung lượng?") && !asks_yes_or_no("What is included?"));
    }
}
