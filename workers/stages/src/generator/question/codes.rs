//! The codes that a question names, and passages about another code of the same series.

use hoidap_indices::text::identifiers::{TextIdentifier, find_identifiers};

use crate::generator::passages::passage_set::PassageSet;

/// The codes of a question that belong to a series: `K-405` of the codes `K-` and three digits.
pub(crate) struct QuestionCodes(Vec<TextIdentifier>);

impl QuestionCodes {
    /// The codes in a question's text.
    pub(crate) fn find(text: &str) -> Self {
        Self(find_identifiers(text).into_iter().filter(names_thing).collect())
    }

    /// Whether a segment is about another thing with a code: its heading or its row names one, or its text one of the same
    /// series, and none that the question names stands in them or in the titles above.
    pub(crate) fn is_about_another(&self, passage_set: &PassageSet, segment: usize) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let segment = &passage_set.segments[segment];
        let passage = &passage_set.passages[segment.passage];
        let is_asked = |code: &TextIdentifier| self.0.iter().any(|asked| asked.key == code.key);
        let is_of_series = |code: &TextIdentifier| self.0.iter().any(|asked| asked.series() == code.series());
        let in_heading = find_identifiers(passage_set.heading(segment).unwrap_or_default());
        let in_text = find_identifiers(&segment.text);
        let is_another = in_heading.iter().any(names_thing)
            || in_text.iter().any(|code| is_of_series(code) || segment.row.is_some() && names_thing(code));
        let above = passage.heading_path.iter().chain([&passage.title]);
        is_another
            && !in_heading.iter().chain(&in_text).any(is_asked)
            && !above.flat_map(|text| find_identifiers(text)).any(|code| is_asked(&code))
    }
}

/// Whether a code can only be the name of a thing of a series.
fn names_thing(code: &TextIdentifier) -> bool {
    code.is_unambiguous() && code.series().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::passages::{passage_set::tests::passage, segmenter::Segmenter};

    #[test]
    fn a_segment_about_a_sibling_is_about_another_code() {
        let text = "Drawer K-410: 12 months. The drawers K-405 and K-410 lock. Drawer P-100: 6 months. It is made of steel.";
        let passage_set = PassageSet::new(vec![passage("en", text)], &Segmenter::default());
        let codes = QuestionCodes::find("How long is the warranty of the K405?");
        let about_another: Vec<bool> =
            (0..passage_set.segments.len()).map(|at| codes.is_about_another(&passage_set, at)).collect();
        assert_eq!(about_another, [true, false, false, false]);
        let none = QuestionCodes::find("How long is the warranty?");
        assert!(!none.is_about_another(&passage_set, 0));
    }
}
