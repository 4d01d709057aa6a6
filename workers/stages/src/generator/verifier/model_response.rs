//! Decides whether a model's response is accepted as the answer.

use crate::generator::{
    AnswerContext, AnswerEngine,
    passages::segmenter::SegmentKind,
    provider::failover::ModelResponse,
    text::{
        cleaning::{ResponseKind, classify_response},
        content::TextContent,
        negation::{canonical_form, split_words},
    },
    verifier::{VerifiedAnswer, Verifier},
};

/// The reason for a rejected response: the model refused.
pub(in crate::generator) const MODEL_REFUSED: &str = "the model says that the passages do not answer";

impl AnswerEngine {
    /// The verifier of a provider's sentences for a question's passages.
    pub(in crate::generator) fn verifier<'a>(
        &'a self,
        context: &'a AnswerContext,
        provider: &str,
    ) -> Verifier<'a> {
        Verifier {
            passage_set: &context.passage_set,
            embedder: &self.embedder,
            analyser: &self.segmenter.analyser,
            threshold: self.settings.min_sentence_support,
            language: context.parsed.language,
            question: &context.parsed.text,
            by_passage: self.trust.is_trusted(provider),
            cache: &context.verdicts,
        }
    }

    /// The response's accepted sentences with citations, or the reason why it is rejected.
    pub(in crate::generator) fn verify_response(
        &self,
        context: &AnswerContext,
        response: &ModelResponse,
    ) -> Result<VerifiedAnswer, &'static str> {
        let answers_yes_or_no = asks_yes_or_no(&context.parsed.text) && !response.text.ends_with('?');
        match classify_response(&response.text, &context.parsed.text) {
            // A yes-or-no answer may repeat the question's words.
            ResponseKind::Echo if answers_yes_or_no => {}
            ResponseKind::Candidate => {}
            ResponseKind::Empty => return Err("the model wrote no words"),
            ResponseKind::Refusal => return Err(MODEL_REFUSED),
            ResponseKind::Echo => return Err("the model only repeated the question or a heading"),
        }
        if !answers_yes_or_no && self.repeats_known_text(context, &response.text) {
            return Err("the model only repeated the question or a heading");
        }
        let mut cited = self.verifier(context, &response.provider).verify_answer(&response.text);
        if response.cut_off && !cited.last_is_rejected {
            cited.sentences.pop();
        }
        if response.cut_off && cited.sentences.is_empty() {
            return Err("the model had no room to end its sentence");
        }
        if cited.share <= 0.0 || cited.share < self.settings.min_supported_share {
            return Err("too little of what the model wrote is supported by the passages");
        }
        Ok(cited)
    }

    /// Whether the response contains only terms from the question and the passages' headings.
    fn repeats_known_text(&self, context: &AnswerContext, text: &str) -> bool {
        let said = TextContent::parse(text, &self.segmenter.analyser);
        let parsed = &context.parsed.content;
        let known =
            |term: &String| {
                parsed.terms.contains(term)
                    || context.passage_set.segmented.iter().any(|cut| cut.headings.terms.contains(term))
                    || context.passage_set.segments.iter().any(|segment| {
                        segment.kind == SegmentKind::Label && segment.content.terms.contains(term)
                    })
            };
        said.quantities.iter().all(|quantity| parsed.has_quantity(quantity)) && said.terms.iter().all(known)
    }
}

/// Whether a question expects a yes or no.
pub(in crate::generator) fn asks_yes_or_no(question: &str) -> bool {
    const YES_NO_FIRST_WORDS: [&str; 24] = [
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
    const YES_NO_LAST_WORDS: [&str; 11] =
        ["không", "khong", "ko", "k", "chưa", "chua", "hả", "à", "nhỉ", "hông", "hok"];
    let low = canonical_form(question);
    let words: Vec<&str> = split_words(&low).collect();
    words.first().is_some_and(|first| YES_NO_FIRST_WORDS.contains(first))
        || words.last().is_some_and(|last| YES_NO_LAST_WORDS.contains(last))
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
