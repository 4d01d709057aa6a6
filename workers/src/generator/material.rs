//! The passages of a job and their units, and how rare each word is among them.

use std::sync::Arc;

use hoidap_shared::job::Passage;

use super::cut::{Cut, Cutter, Unit};

/// The passages of a job and their units.
pub(crate) struct Material {
    /// The passages, best first.
    pub(crate) passages: Vec<Passage>,
    /// Their units, passage by passage, in the order of the text.
    pub(crate) units: Vec<Unit>,
    /// Each passage, cut.
    pub(crate) cuts: Vec<Arc<Cut>>,
}

impl Material {
    /// Cuts the passages.
    pub(crate) fn new(passages: Vec<Passage>, cutter: &Cutter) -> Self {
        let cuts: Vec<_> = passages.iter().map(|passage| cutter.cut(passage)).collect();
        let mut units = Vec::new();
        for (passage, cut) in cuts.iter().enumerate() {
            let before = units.len();
            let placed = cut.units.iter().cloned();
            units.extend(placed.map(|unit| Unit {
                passage,
                label: unit.label.map(|label| before + label),
                ..unit
            }));
        }
        Self { passages, units, cuts }
    }

    /// How much a term tells: ln(1 + units / (units that hold it + 0.5)).
    pub(crate) fn weight(&self, term: &str) -> f32 {
        let all = self.units.len() as f32;
        let with: u32 = self.cuts.iter().filter_map(|cut| cut.frequency.get(term)).sum();
        (all / (with as f32 + 0.5)).ln_1p()
    }

    /// The heading a unit stands under: the nearest in its passage, else the last above it.
    pub(crate) fn heading(&self, unit: &Unit) -> Option<&str> {
        let near = unit.label.and_then(|label| self.units.get(label)).map(|label| &*label.text);
        near.or_else(|| self.passages[unit.passage].heading_path.last().map(String::as_str))
    }

    /// The units of one passage, and where they begin among all.
    pub(crate) fn of_passage(&self, passage: usize) -> (usize, &[Unit]) {
        let from = self.units.partition_point(|unit| unit.passage < passage);
        let to = self.units.partition_point(|unit| unit.passage <= passage);
        (from, &self.units[from..to])
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use hoidap_shared::job::Ranks;

    use super::*;

    /// A passage with the given locale and text.
    pub(crate) fn passage(locale: &str, text: &str) -> Passage {
        Passage {
            chunk_id: format!("chunk-{}", text.len()),
            collection: "docs".into(),
            version: "v1".into(),
            text: text.into(),
            score: 0.8,
            similarity: Some(0.9),
            ranks: Ranks { dense: Some(1), lexical: Some(1), fused: Some(1) },
            url: "https://www.example.com/page".into(),
            source: "page.html".into(),
            title: "Page".into(),
            heading_path: vec!["Section".into()],
            start: 0,
            end: text.chars().count(),
            locale: locale.into(),
            product: None,
            section: None,
            document_hash: "00".into(),
        }
    }
}
