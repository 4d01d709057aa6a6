use crate::replay::comparison::job_report::{DiffOrigin, DiffSegment};

/// The word diff of two texts. A blank between two changes belongs to both of them.
pub(in crate::replay) fn word_diff(before: &str, after: &str) -> Vec<DiffSegment> {
    let mut builder = DiffBuilder::default();
    for change in similar::TextDiff::from_words(before, after).iter_all_changes() {
        let text = change.value();
        match change.tag() {
            similar::ChangeTag::Delete => builder.push_change(DiffOrigin::Before, text),
            similar::ChangeTag::Insert => builder.push_change(DiffOrigin::After, text),
            similar::ChangeTag::Equal if text.trim().is_empty() => builder.blank.push_str(text),
            similar::ChangeTag::Equal => builder.push_equal(text),
        }
    }
    builder.push_equal("");
    builder.segments
}

/// The finished segments and the pending change.
#[derive(Default)]
struct DiffBuilder {
    segments: Vec<DiffSegment>,
    before: String,
    after: String,
    /// White space since the last word.
    blank: String,
}

impl DiffBuilder {
    fn push_change(&mut self, side: DiffOrigin, text: &str) {
        let blank = std::mem::take(&mut self.blank);
        if self.before.is_empty() && self.after.is_empty() {
            self.push(DiffOrigin::Both, &blank);
        } else {
            self.before.push_str(&blank);
            self.after.push_str(&blank);
        }
        let changed = if side == DiffOrigin::Before { &mut self.before } else { &mut self.after };
        changed.push_str(text);
    }

    fn push_equal(&mut self, text: &str) {
        let (before, after) = (std::mem::take(&mut self.before), std::mem::take(&mut self.after));
        self.push(DiffOrigin::Before, &before);
        self.push(DiffOrigin::After, &after);
        let blank = std::mem::take(&mut self.blank);
        self.push(DiffOrigin::Both, &(blank + text));
    }

    fn push(&mut self, side: DiffOrigin, text: &str) {
        match self.segments.last_mut().filter(|last| last.side == side) {
            _ if text.is_empty() => {}
            Some(last) => last.text.push_str(text),
            None => self.segments.push(DiffSegment { side, text: text.into() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_texts_are_compared_word_by_word() {
        let laid = |before: &str, after: &str| {
            let segments = word_diff(before, after);
            let side = |not: DiffOrigin| {
                segments
                    .iter()
                    .filter(|segment| segment.side != not)
                    .map(|segment| segment.text.as_str())
                    .collect::<String>()
            };
            assert_eq!((side(DiffOrigin::After), side(DiffOrigin::Before)), (before.into(), after.into()));
            let told = segments.iter().map(|segment| match segment.side {
                DiffOrigin::Both => segment.text.clone(),
                DiffOrigin::Before => format!("[-{}]", segment.text),
                DiffOrigin::After => format!("[+{}]", segment.text),
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
