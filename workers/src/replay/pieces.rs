use super::difference::{Piece, PieceSide};

/// Two texts laid over each other, word by word. A blank between two changes belongs to both of them.
pub(super) fn pieces(before: &str, after: &str) -> Vec<Piece> {
    let mut laid = Laid::default();
    for change in similar::TextDiff::from_words(before, after).iter_all_changes() {
        let text = change.value();
        match change.tag() {
            similar::ChangeTag::Delete => laid.changed(PieceSide::Before, text),
            similar::ChangeTag::Insert => laid.changed(PieceSide::After, text),
            similar::ChangeTag::Equal if text.trim().is_empty() => laid.blank.push_str(text),
            similar::ChangeTag::Equal => laid.same(text),
        }
    }
    laid.same("");
    laid.pieces
}

/// Pieces that are done, and the change that is not.
#[derive(Default)]
struct Laid {
    pieces: Vec<Piece>,
    before: String,
    after: String,
    /// Blanks since the last word.
    blank: String,
}

impl Laid {
    fn changed(&mut self, side: PieceSide, text: &str) {
        let blank = std::mem::take(&mut self.blank);
        if self.before.is_empty() && self.after.is_empty() {
            self.push(PieceSide::Both, &blank);
        } else {
            self.before.push_str(&blank);
            self.after.push_str(&blank);
        }
        let changed = if side == PieceSide::Before { &mut self.before } else { &mut self.after };
        changed.push_str(text);
    }

    fn same(&mut self, text: &str) {
        let (before, after) = (std::mem::take(&mut self.before), std::mem::take(&mut self.after));
        self.push(PieceSide::Before, &before);
        self.push(PieceSide::After, &after);
        let blank = std::mem::take(&mut self.blank);
        self.push(PieceSide::Both, &(blank + text));
    }

    fn push(&mut self, side: PieceSide, text: &str) {
        match self.pieces.last_mut().filter(|last| last.side == side) {
            _ if text.is_empty() => {}
            Some(last) => last.text.push_str(text),
            None => self.pieces.push(Piece { side, text: text.into() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_texts_are_laid_over_each_other_by_words() {
        let laid = |before: &str, after: &str| {
            let pieces = pieces(before, after);
            let side = |not: PieceSide| {
                pieces
                    .iter()
                    .filter(|piece| piece.side != not)
                    .map(|piece| piece.text.as_str())
                    .collect::<String>()
            };
            assert_eq!((side(PieceSide::After), side(PieceSide::Before)), (before.into(), after.into()));
            let told = pieces.iter().map(|piece| match piece.side {
                PieceSide::Both => piece.text.clone(),
                PieceSide::Before => format!("[-{}]", piece.text),
                PieceSide::After => format!("[+{}]", piece.text),
            });
            told.collect::<String>()
        };
        assert_eq!(laid("Gói Pro có 20 GB.", "Gói Free có 20 GB."), "Gói [-Pro][+Free] có 20 GB.");
        assert_eq!(laid("một hai ba tư", "một năm sáu tư"), "một [-hai ba][+năm sáu] tư");
        assert_eq!(laid("a b", "a b c d"), "a b[+ c d]");
        assert_eq!(laid("x a b", "a b"), "[-x ]a b");
        assert_eq!(laid("a  b", "c  d"), "[-a  b][+c  d]");
        assert_eq!(laid("", "x y"), "[+x y]");
        assert_eq!(laid("same", "same"), "same");
    }
}
