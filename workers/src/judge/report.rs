use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use crate::generator::eval_claims::Made;

/// Sentences of one kind, and those of them that are judged wrongly.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Count {
    wrong: usize,
    of: usize,
}

impl Count {
    fn share(self) -> f64 {
        if self.of == 0 { 0.0 } else { self.wrong as f64 / self.of as f64 }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6.1} %  {:>5} of {:<6}", 100.0 * self.share(), self.wrong, self.of)
    }
}

/// Wrong verdicts by language, by whether the sentences are true, and by how they were made.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    languages: BTreeMap<&'static str, Sides>,
}

#[derive(Debug, Default, Serialize)]
struct Sides {
    false_accepted: Count,
    true_rejected: Count,
    accepted_by_kind: BTreeMap<&'static str, Count>,
    rejected_by_kind: BTreeMap<&'static str, Count>,
}

impl Report {
    /// Counts.
    pub(super) fn of(made: &[Made]) -> Self {
        let mut report = Self::default();
        for made in made {
            let sides = report.languages.entry(made.language.code()).or_default();
            let (all, kinds) = if made.right {
                (&mut sides.true_rejected, &mut sides.rejected_by_kind)
            } else {
                (&mut sides.false_accepted, &mut sides.accepted_by_kind)
            };
            for count in [all, kinds.entry(made.kind).or_default()] {
                count.of += 1;
                count.wrong += usize::from(made.right != made.given);
            }
        }
        report
    }

    /// What is larger than it may be, a sentence each.
    pub(super) fn broken(&self, accepted: Option<f64>, rejected: Option<f64>) -> Vec<String> {
        let mut broken = Vec::new();
        for (language, sides) in &self.languages {
            let both = [
                ("false sentences are given", sides.false_accepted, accepted),
                ("true sentences are thrown away", sides.true_rejected, rejected),
            ];
            for (what, count, most) in both {
                if let Some(most) = most.filter(|most| count.share() > *most) {
                    broken.push(format!(
                        "{language}: {} of {} {what}, more than {most}",
                        count.wrong, count.of
                    ));
                }
            }
        }
        broken
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (language, sides) in &self.languages {
            let halves = [
                ("false accepted", sides.false_accepted, &sides.accepted_by_kind),
                ("true rejected", sides.true_rejected, &sides.rejected_by_kind),
            ];
            for (what, all, kinds) in halves {
                writeln!(f, "{language} {what:<20} {all}")?;
                for (kind, count) in kinds {
                    writeln!(f, "   {kind:<20} {count}")?;
                }
            }
        }
        Ok(())
    }
}
