//! Whether a model's words are an answer.

use crate::generator::{
    Case, Tools,
    passages::segmenter::Kind,
    provider::failover::Written,
    text::{
        cleaning::{Worth, worth},
        content::Content,
        negation::{plain, split},
    },
    verifier::{Cited, Judge},
};

/// The model says that the passages do not answer.
pub(in crate::generator) const REFUSED: &str = "the model says that the passages do not answer";

impl Tools {
    /// Who judges the sentences of an answer.
    pub(in crate::generator) fn judge_of<'a>(&'a self, case: &'a Case) -> Judge<'a> {
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
    pub(in crate::generator) fn judge(&self, case: &Case, written: &Written) -> Result<Cited, &'static str> {
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
        let mut cited = self.judge_of(case).cite(&written.text);
        if written.cut_off && !cited.last_is_left_out {
            cited.pieces.pop();
        }
        if written.cut_off && cited.pieces.is_empty() {
            return Err("the model had no room to end its sentence");
        }
        if cited.share <= 0.0 || cited.share < self.settings.min_supported_share {
            return Err("too little of what the model wrote is supported by the passages");
        }
        Ok(cited)
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
pub(in crate::generator) fn asks_yes_or_no(question: &str) -> bool {
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
