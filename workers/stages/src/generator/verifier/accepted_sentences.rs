//! Collects the sentences of a response that the visitor may see: supported ones, and ones without a claim.

use crate::generator::{
    answer::assembly::AnswerSentence,
    text::back_references::refers_back,
    verifier::{SentenceVerdict, claim::is_bare_yes_no},
};

/// The accepted sentences, collected in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct AcceptedSentences {
    /// Sentences that are accepted for sure.
    pub(crate) sentences: Vec<AnswerSentence>,
    /// A lead or a bare yes or no, which needs a following sentence.
    pending: Vec<AnswerSentence>,
    /// Whether the last claim was rejected.
    last_claim_rejected: bool,
    /// Whether the last sentence was accepted.
    pub(crate) last_accepted: bool,
}

impl AcceptedSentences {
    /// The text before the next sentence.
    pub(crate) fn preceding(&self) -> Vec<&str> {
        self.sentences.iter().chain(&self.pending).map(|sentence| sentence.text.as_str()).collect()
    }

    /// Adds a sentence with its verdict; returns whether it is an accepted claim.
    pub(crate) fn push(&mut self, lead: &str, sentence: &str, verdict: SentenceVerdict) -> bool {
        let answer_sentence =
            AnswerSentence { lead: lead.into(), text: sentence.into(), cite: verdict.cite() };
        self.last_accepted = false;
        match verdict {
            SentenceVerdict::NoClaim
                if is_bare_yes_no(sentence) || sentence.ends_with(':') || !self.pending.is_empty() =>
            {
                self.pending.push(answer_sentence);
                false
            }
            SentenceVerdict::NoClaim => {
                self.sentences.push(answer_sentence);
                self.last_accepted = true;
                false
            }
            // After a rejected sentence, "It costs $5" would be about something else.
            SentenceVerdict::Supported(..) if !(self.last_claim_rejected && refers_back(sentence)) => {
                self.sentences.append(&mut self.pending);
                self.sentences.push(answer_sentence);
                (self.last_claim_rejected, self.last_accepted) = (false, true);
                true
            }
            SentenceVerdict::Supported(..) | SentenceVerdict::Unsupported => {
                // The yes or no belonged to the rejected sentence.
                self.pending.retain(|pending| !is_bare_yes_no(&pending.text));
                self.last_claim_rejected = true;
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(sentences: &[(&str, SentenceVerdict)]) -> String {
        let mut accepted = AcceptedSentences::default();
        for (sentence, verdict) in sentences {
            accepted.push(" ", sentence, *verdict);
        }
        accepted.sentences.iter().map(|sentence| sentence.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    const YES: SentenceVerdict = SentenceVerdict::Supported(0, 1.0);

    #[test]
    fn what_no_passage_supports_is_not_given() {
        assert_eq!(accepted(&[("A.", YES), ("B.", SentenceVerdict::Unsupported), ("C.", YES)]), "A. C.");
        assert_eq!(accepted(&[("Xin chào!", SentenceVerdict::NoClaim), ("A.", YES)]), "Xin chào! A.");
    }

    #[test]
    fn what_leads_to_nothing_is_not_given() {
        assert_eq!(accepted(&[("Có.", SentenceVerdict::NoClaim), ("A.", YES)]), "Có. A.");
        assert_eq!(
            accepted(&[("Có.", SentenceVerdict::NoClaim), ("A.", SentenceVerdict::Unsupported), ("B.", YES)]),
            "B."
        );
        assert_eq!(
            accepted(&[
                ("A.", YES),
                ("Như sau:", SentenceVerdict::NoClaim),
                ("B.", SentenceVerdict::Unsupported)
            ]),
            "A."
        );
        let steps =
            [("Như sau:", SentenceVerdict::NoClaim), ("A.", SentenceVerdict::Unsupported), ("B.", YES)];
        assert_eq!(accepted(&steps), "Như sau: B.");
    }

    #[test]
    fn what_points_at_a_sentence_that_is_not_given_is_not_given() {
        let sentences =
            [("A.", YES), ("The Pro plan is free.", SentenceVerdict::Unsupported), ("It has 5 GB.", YES)];
        assert_eq!(accepted(&sentences), "A.");
    }
}
