//! Whether the passages tell a sentence after all, whatever was exchanged in it.

use std::collections::BTreeSet;

use hoidap_indices::Analyser;
use hoidap_shared::text::fold;

use crate::generator::passages::passage_set::Material;

/// What a text says: its content words and its numbers.
fn said(text: &str, analyser: &Analyser) -> BTreeSet<String> {
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

/// What each unit of some passages says in its place.
pub(super) struct Told {
    units: Vec<(String, BTreeSet<String>)>,
}

impl Told {
    /// Reads the units.
    pub(super) fn of(material: &Material, analyser: &Analyser) -> Self {
        let unit = |at: usize| {
            let unit = &material.units[at];
            let passage = &material.passages[unit.passage];
            let names = unit.row.as_ref().and_then(|row| row.names.as_ref());
            let place = format!(
                "{}. {}. {}. {}. {}",
                unit.text,
                passage.title,
                passage.heading_path.join(". "),
                material.heading(unit).unwrap_or_default(),
                names.map(|names| names.join(". ")).unwrap_or_default()
            );
            (fold(&unit.text), said(&place, analyser))
        };
        Self { units: (0..material.units.len()).map(unit).collect() }
    }

    /// Whether a unit holds all that a sentence says; those that read like `own` are left out.
    pub(super) fn tells(&self, sentence: &str, own: Option<&str>, analyser: &Analyser) -> bool {
        let said = said(sentence, analyser);
        let own = own.map(fold);
        self.units
            .iter()
            .filter(|(text, _)| own.as_ref() != Some(text))
            .any(|(_, has)| said.iter().all(|word| has.contains(word)))
    }
}
