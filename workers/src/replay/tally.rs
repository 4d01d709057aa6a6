use std::collections::BTreeMap;

use hoidap_shared::events::Rating;
use serde::{Deserialize, Serialize};

use super::{
    compare::Verdict,
    difference::{Aspect, JobReport},
    drive::Item,
    gone,
    labels::Label,
    play::{Compared, Outcome},
    stats::{Counts, Paired},
};

/// Names of one kind that are counted by themselves.
const MOST: usize = 1_000;
/// Jobs of which the report shows everything.
pub(super) const SHOWN: usize = 5_000;

/// What was counted so far. Its size does not grow with the number of jobs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(super) jobs: u64,
    pub(super) incomplete: u64,
    pub(super) stopped: u64,
    pub(super) failed_before: u64,
    pub(super) canary: u64,
    pub(crate) same: u64,
    pub(crate) inside: u64,
    pub(crate) visible: u64,
    pub(crate) needs_model: u64,
    pub(crate) failed: u64,
    pub(super) first: BTreeMap<String, u64>,
    pub(super) aspects: BTreeMap<Aspect, u64>,
    pub(super) overlap: Counts,
    pub(super) meaning: Counts,
    pub(super) answered: Paired,
    pub(super) gone: gone::Tally,
    /// Jobs whose answer was replayed.
    pub(super) answers: u64,
    pub(super) confidence: (f64, f64),
    pub(super) cost: (f64, f64),
    pub(super) cost_known: u64,
    pub(super) worked: BTreeMap<String, (Times, Times)>,
    pub(super) intents: BTreeMap<String, Group>,
    pub(super) products: BTreeMap<String, Group>,
    pub(super) versions: BTreeMap<String, BTreeMap<String, u64>>,
    pub(super) gold: Paired,
    pub(super) up: (u64, u64),
    pub(super) down: (u64, u64),
    pub(super) first_time: Option<jiff::Timestamp>,
    pub(super) last_time: Option<jiff::Timestamp>,
    /// The worst jobs that differ: distance in thousandths, and their place among those that differ.
    pub(super) worst: Vec<(u32, u64)>,
    pub(crate) differing: u64,
}

/// Milliseconds, counted in buckets each a tenth wider than the one before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Times(BTreeMap<u32, u64>);

/// Jobs of one intent or product.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) jobs: u64,
    pub(super) visible: u64,
    pub(super) inside: u64,
    pub(super) overlap: (f64, u64),
}

impl Times {
    fn add(&mut self, ms: u64) {
        let bucket = if ms == 0 { 0 } else { ((ms as f64).ln() / 1.1_f64.ln()).round() as u32 + 1 };
        *self.0.entry(bucket).or_default() += 1;
    }

    /// The time that a share of the values does not exceed, within a tenth.
    pub(super) fn at(&self, share: f64) -> Option<u64> {
        let of: u64 = self.0.values().sum();
        let wanted = (of as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        let bucket = self.0.iter().find(|(_, count)| {
            seen += **count;
            seen >= wanted
        });
        bucket
            .map(|(bucket, _)| if *bucket == 0 { 0 } else { 1.1_f64.powi(*bucket as i32 - 1).round() as u64 })
    }
}

impl Group {
    fn add(&mut self, report: &JobReport) {
        self.jobs += 1;
        self.visible += u64::from(report.verdict() == Verdict::Visible);
        self.inside += u64::from(report.verdict() == Verdict::Inside);
        if let Some(overlap) = report.overlap {
            self.overlap.0 += f64::from(overlap);
            self.overlap.1 += 1;
        }
    }
}

impl Tally {
    /// Jobs that were replayed.
    pub(crate) fn replayed(&self) -> u64 {
        self.same + self.inside + self.visible + self.needs_model + self.failed
    }

    /// Counts what came of a job; its line of the report, where it has one.
    pub(crate) fn take(&mut self, item: &Item<Outcome>) -> serde_json::Result<Option<String>> {
        self.jobs += 1;
        match item {
            Item::Incomplete | Item::Job(Outcome::Outside) => self.incomplete += 1,
            Item::Job(Outcome::Stopped) => self.stopped += 1,
            Item::Job(Outcome::Failed) => self.failed_before += 1,
            Item::Job(Outcome::Canary) => self.canary += 1,
            Item::Job(Outcome::Compared(compared)) => {
                if self.add(compared) {
                    return serde_json::to_string(&compared.report).map(Some);
                }
            }
        }
        Ok(None)
    }

    /// Counts a job; whether the report is to show it.
    fn add(&mut self, Compared { last, versions, report, label }: &Compared) -> bool {
        let verdict = report.verdict();
        *match verdict {
            Verdict::Same => &mut self.same,
            Verdict::Inside => &mut self.inside,
            Verdict::Visible => &mut self.visible,
            Verdict::NeedsModel => &mut self.needs_model,
            Verdict::Failed => &mut self.failed,
        } += 1;
        self.first_time = self.first_time.into_iter().chain([report.time]).min();
        self.last_time = self.last_time.into_iter().chain([*last]).max();
        if !report.first.is_empty() {
            *self.first.entry(report.first.clone()).or_default() += 1;
        }
        for aspect in &report.aspects {
            *self.aspects.entry(*aspect).or_default() += 1;
        }
        report.overlap.into_iter().for_each(|overlap| self.overlap.add(overlap));
        report.meaning.into_iter().for_each(|meaning| self.meaning.add(meaning));
        self.add_answers(report);
        self.gone.add(report);
        for (side, stages) in [(0, &report.before.worked_ms), (1, &report.after.worked_ms)] {
            for (stage, ms) in stages {
                let times = self.worked.entry(stage.clone()).or_default();
                (if side == 0 { &mut times.0 } else { &mut times.1 }).add(*ms);
            }
        }
        let intent = report.before.intent.as_ref().map_or("", |intent| &intent.name);
        group(&mut self.intents, intent).add(report);
        group(&mut self.products, report.before.product.as_deref().unwrap_or_default()).add(report);
        for (stage, version) in versions {
            let known = self.versions.entry(stage.clone()).or_default();
            if known.len() < MOST || known.contains_key(version) {
                *known.entry(version.clone()).or_default() += 1;
            }
        }
        self.add_judgement(report, label.as_ref());
        if verdict == Verdict::Same {
            return false;
        }
        self.add_worst(report.distance);
        true
    }

    fn add_answers(&mut self, report: &JobReport) {
        let (Some(before), Some(after)) = (&report.before.answer, &report.after.answer) else { return };
        self.answers += 1;
        self.answered.add(before.outcome == "answered", after.outcome == "answered");
        self.confidence.0 += f64::from(before.confidence);
        self.confidence.1 += f64::from(after.confidence);
        if let (Some(before), Some(after)) = (before.cost_usd, after.cost_usd) {
            self.cost.0 += before;
            self.cost.1 += after;
            self.cost_known += 1;
        }
    }

    fn add_judgement(&mut self, report: &JobReport, label: Option<&Label>) {
        if let Some((before, after)) = report.reached.filter(|_| report.problem.is_none()) {
            self.gold.add(before, after);
        }
        let counts = match label.and_then(|label| label.rating) {
            Some(Rating::Up) => &mut self.up,
            Some(Rating::Down) => &mut self.down,
            None => return,
        };
        counts.0 += 1;
        counts.1 += u64::from(report.verdict() == Verdict::Visible);
    }

    /// Keeps the places of the worst jobs, and forgets the others now and then.
    fn add_worst(&mut self, distance: f32) {
        self.worst.push(((distance * 1_000.0).round() as u32, self.differing));
        self.differing += 1;
        if self.worst.len() >= 2 * SHOWN {
            self.keep_worst();
        }
    }

    /// Brings the worst jobs into their order, the worst first; among equals the earlier one.
    pub(super) fn keep_worst(&mut self) {
        self.worst.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        self.worst.truncate(SHOWN);
    }
}

fn group<'a>(groups: &'a mut BTreeMap<String, Group>, name: &str) -> &'a mut Group {
    let known = groups.len() < MOST || groups.contains_key(name);
    groups.entry(if known { name } else { "others" }.to_string()).or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_times_is_told_within_a_tenth() {
        let mut times = Times::default();
        (0..=1_000).for_each(|ms| times.add(ms));
        for (share, ms) in [(0.5, 500.0), (0.95, 950.0)] {
            let at = times.at(share).unwrap() as f64;
            assert!((at - ms).abs() <= 0.1 * ms, "{share}: {at}");
        }
        assert_eq!(Times::default().at(0.5), None);
    }
}
