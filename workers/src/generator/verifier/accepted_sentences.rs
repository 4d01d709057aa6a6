//! Collects the sentences of a response that the visitor may see: supported ones, and ones without a claim.

use crate::generator::{
    answer::assembly::AnswerSentence,
    passages::segmenter::refers_back,
    verifier::{Verdict, claim::is_bare_yes_no},
};

/// The accepted sentences, collected in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct AcceptedSentences {
    /// Sentences that are accepted for sure.
    pub(crate) pieces: Vec<AnswerSentence>,
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
        self.pieces.iter().chain(&self.pending).map(|piece| piece.text.as_str()).collect()
    }

    /// Adds a sentence with its verdict; returns whether it is an accepted claim.
    pub(crate) fn push(&mut self, lead: &str, sentence: &str, verdict: Verdict) -> bool {
        let piece = AnswerSentence { lead: lead.into(), text: sentence.into(), cite: verdict.cite() };
        self.last_accepted = false;
        match verdict {
            Verdict::NoClaim
                if is_bare_yes_no(sentence) || sentence.ends_with(':') || !self.pending.is_empty() =>
            {
                self.pending.push(piece);
                false
            }
            Verdict::NoClaim => {
                self.pieces.push(piece);
                self.last_accepted = true;
                false
            }
            // After a rejected sentence, "It costs $5" would be about something else.
            Verdict::Supported(..) if !(self.last_claim_rejected && refers_back(sentence)) => {
                self.pieces.append(&mut self.pending);
                self.pieces.push(piece);
                (self.last_claim_rejected, self.last_accepted) = (false, true);
                true
            }
            Verdict::Supported(..) | Verdict::Unsupported => {
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

    fn accepted(sentences: &[(&str, Verdict)]) -> String {
        let mut accepted = AcceptedSentences::default();
        for (sentence, verdict) in sentences {
            accepted.push(" ", sentence, *verdict);
        }
        accepted.pieces.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    const YES: Verdict = Verdict::Supported(0, 1.0);

    #[test]
    fn what_no_passage_supports_is_not_given() {
        assert_eq!(accepted(&[("A.", YES), ("B.", Verdict::Unsupported), ("C.", YES)]), "A. C.");
        assert_eq!(accepted(&[("Xin chào!", Verdict::NoClaim), ("A.", YES)]), "Xin chào! A.");
    }

    #[test]
    fn what_leads_to_nothing_is_not_given() {
        assert_eq!(accepted(&[("Có.", Verdict::NoClaim), ("A.", YES)]), "Có. A.");
        assert_eq!(accepted(&[("Có.", Verdict::NoClaim), ("A.", Verdict::Unsupported), ("B.", YES)]), "B.");
        assert_eq!(
            accepted(&[("A.", YES), ("Như sau:", Verdict::NoClaim), ("B.", Verdict::Unsupported)]),
            "A."
        );
        let steps = [("Như sau:", Verdict::NoClaim), ("A.", Verdict::Unsupported), ("B.", YES)];
        assert_eq!(accepted(&steps), "Như sau: B.");
    }

    #[test]
    fn what_points_at_a_sentence_that_is_not_given_is_not_given() {
        let sentences = [("A.", YES), ("The Pro plan is free.", Verdict::Unsupported), ("It has 5 GB.", YES)];
        assert_eq!(accepted(&sentences), "A.");
    }
}
