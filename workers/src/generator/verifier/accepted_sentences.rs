//! Which sentences of a model's answer the visitor is given: those that a passage supports, and words that claim nothing.

use crate::generator::{
    answer::assembly::Piece,
    passages::segmenter::points_back,
    verifier::{Verdict, claim::is_answer},
};

/// The sentences that are given, as they are judged one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    /// Those that are given for sure.
    pub(crate) pieces: Vec<Piece>,
    /// A lead or a bare yes or no that says nothing without what follows it.
    waiting: Vec<Piece>,
    /// Whether the last claim was left out.
    lost: bool,
    /// Whether the last sentence was given.
    pub(crate) last: bool,
}

impl Given {
    /// What was said before the sentence that comes next.
    pub(crate) fn said(&self) -> Vec<&str> {
        self.pieces.iter().chain(&self.waiting).map(|piece| piece.text.as_str()).collect()
    }

    /// Takes a sentence with its verdict and what stands before it; says whether it is a claim that is given.
    pub(crate) fn take(&mut self, lead: &str, sentence: &str, verdict: Verdict) -> bool {
        let piece = Piece { lead: lead.into(), text: sentence.into(), cite: verdict.cite() };
        self.last = false;
        match verdict {
            Verdict::NoClaim
                if is_answer(sentence) || sentence.ends_with(':') || !self.waiting.is_empty() =>
            {
                self.waiting.push(piece);
                false
            }
            Verdict::NoClaim => {
                self.pieces.push(piece);
                self.last = true;
                false
            }
            // "It costs $5" would be said of something else than the sentence that was left out.
            Verdict::Supported(..) if !(self.lost && points_back(sentence)) => {
                self.pieces.append(&mut self.waiting);
                self.pieces.push(piece);
                (self.lost, self.last) = (false, true);
                true
            }
            Verdict::Supported(..) | Verdict::Unsupported => {
                // A yes or no was answered by what is not given.
                self.waiting.retain(|waiting| !is_answer(&waiting.text));
                self.lost = true;
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(sentences: &[(&str, Verdict)]) -> String {
        let mut given = Given::default();
        for (sentence, verdict) in sentences {
            given.take(" ", sentence, *verdict);
        }
        given.pieces.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    const YES: Verdict = Verdict::Supported(0, 1.0);

    #[test]
    fn what_no_passage_supports_is_not_given() {
        assert_eq!(given(&[("A.", YES), ("B.", Verdict::Unsupported), ("C.", YES)]), "A. C.");
        assert_eq!(given(&[("Xin chào!", Verdict::NoClaim), ("A.", YES)]), "Xin chào! A.");
    }

    #[test]
    fn what_leads_to_nothing_is_not_given() {
        assert_eq!(given(&[("Có.", Verdict::NoClaim), ("A.", YES)]), "Có. A.");
        assert_eq!(given(&[("Có.", Verdict::NoClaim), ("A.", Verdict::Unsupported), ("B.", YES)]), "B.");
        assert_eq!(given(&[("A.", YES), ("Như sau:", Verdict::NoClaim), ("B.", Verdict::Unsupported)]), "A.");
        let steps = [("Như sau:", Verdict::NoClaim), ("A.", Verdict::Unsupported), ("B.", YES)];
        assert_eq!(given(&steps), "Như sau: B.");
    }

    #[test]
    fn what_points_at_a_sentence_that_is_not_given_is_not_given() {
        let sentences = [("A.", YES), ("The Pro plan is free.", Verdict::Unsupported), ("It has 5 GB.", YES)];
        assert_eq!(given(&sentences), "A.");
    }
}
