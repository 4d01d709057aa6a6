//! Detects generated claims that the passages state after all.

use std::collections::BTreeSet;

use hoidap_indices::Analyser;
use hoidap_shared::text::fold;

use crate::generator::passages::passage_set::PassageSet;

/// A text's content words and numbers.
fn content_of(text: &str, analyser: &Analyser) -> BTreeSet<String> {
    let analysed = analyser.content(text);
    let numbers = fold(text);
    let numbers = numbers.split(|c: char| !c.is_alphanumeric() && !".,".contains(c));
    let numbers = numbers
        .filter(|word| word.contains(|c: char| c.is_ascii_digit()))
        .map(|word| word.chars().filter(|c| c.is_alphanumeric()).collect());
    analysed
        .folded
        .into_iter()
        .filter(|word| !word.contains(|c: char| c.is_ascii_digit()))
        .chain(numbers)
        .collect()
}

/// The content of each segment with its surroundings.
pub(super) struct StatementIndex {
    segments: Vec<(String, BTreeSet<String>)>,
}

impl StatementIndex {
    /// Indexes the segments.
    pub(super) fn build(passage_set: &PassageSet, analyser: &Analyser) -> Self {
        let segment = |at: usize| {
            let segment = &passage_set.segments[at];
            let passage = &passage_set.passages[segment.passage];
            let names = segment.row.as_ref().and_then(|row| row.column_names.as_ref());
            let with_context = format!(
                "{}. {}. {}. {}. {}",
                segment.text,
                passage.title,
                passage.heading_path.join(". "),
                passage_set.heading(segment).unwrap_or_default(),
                names.map(|names| names.join(". ")).unwrap_or_default()
            );
            (fold(&segment.text), content_of(&with_context, analyser))
        };
        Self { segments: (0..passage_set.segments.len()).map(segment).collect() }
    }

    /// Whether a segment contains everything that a sentence says; segments with the text `own` are ignored.
    pub(super) fn is_stated(&self, sentence: &str, own: Option<&str>, analyser: &Analyser) -> bool {
        let said = content_of(sentence, analyser);
        let own = own.map(fold);
        self.segments
            .iter()
            .filter(|(text, _)| own.as_ref() != Some(text))
            .any(|(_, has)| said.iter().all(|word| has.contains(word)))
    }
}
