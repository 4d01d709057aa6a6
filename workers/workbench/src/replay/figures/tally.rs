use std::collections::BTreeMap;

use hoidap_shared::events::Rating;
use serde::{Deserialize, Serialize};

use crate::replay::{
    comparison::{
        compare::ReplayVerdict,
        job_report::{Aspect, JobReport},
        labels::Label,
    },
    executor::JobResult,
    figures::{
        removed_documents::RemovedDocumentTally,
        statistics::{Histogram, PairedCounts},
    },
    replay_job::{ComparedJob, ReplayOutcome},
};

/// Distinct names counted per kind; the rest count as `others`.
const MAX_GROUPS: usize = 1_000;
/// Jobs shown in full by the page.
pub(in crate::replay) const MAX_SHOWN_JOBS: usize = 5_000;

/// Counts of a replay. Its size does not grow with the number of jobs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReplayTally {
    pub(in crate::replay) jobs: u64,
    pub(in crate::replay) incomplete: u64,
    pub(in crate::replay) stopped: u64,
    pub(in crate::replay) failed_before: u64,
    pub(in crate::replay) canary: u64,
    pub(crate) same: u64,
    pub(crate) inside: u64,
    pub(crate) visible: u64,
    pub(crate) needs_model: u64,
    pub(crate) failed: u64,
    pub(in crate::replay) first: BTreeMap<String, u64>,
    /// Jobs that differ in an aspect.
    pub(in crate::replay) aspects: BTreeMap<Aspect, u64>,
    /// Jobs in which an aspect was compared.
    pub(in crate::replay) compared: BTreeMap<Aspect, u64>,
    pub(in crate::replay) overlap: Histogram,
    pub(in crate::replay) meaning: Histogram,
    pub(in crate::replay) answered: PairedCounts,
    pub(in crate::replay) gone: RemovedDocumentTally,
    /// Jobs whose answer was replayed.
    pub(in crate::replay) answers: u64,
    pub(in crate::replay) confidence: (f64, f64),
    pub(in crate::replay) cost: (f64, f64),
    pub(in crate::replay) cost_known: u64,
    pub(in crate::replay) worked: BTreeMap<String, (DurationHistogram, DurationHistogram)>,
    pub(in crate::replay) intents: BTreeMap<String, GroupCounts>,
    pub(in crate::replay) products: BTreeMap<String, GroupCounts>,
    pub(in crate::replay) versions: BTreeMap<String, BTreeMap<String, u64>>,
    pub(in crate::replay) gold: PairedCounts,
    pub(in crate::replay) up: (u64, u64),
    pub(in crate::replay) down: (u64, u64),
    pub(in crate::replay) first_time: Option<jiff::Timestamp>,
    pub(in crate::replay) last_time: Option<jiff::Timestamp>,
    /// The worst jobs that differ: distance in thousandths, and index among the jobs that differ.
    pub(in crate::replay) worst: Vec<(u32, u64)>,
    pub(crate) differing: u64,
}

/// A histogram of milliseconds, in buckets that each are a tenth wider than the one before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::replay) struct DurationHistogram(BTreeMap<u32, u64>);

/// Jobs of one intent or product.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::replay) struct GroupCounts {
    pub(in crate::replay) jobs: u64,
    pub(in crate::replay) visible: u64,
    pub(in crate::replay) inside: u64,
    pub(in crate::replay) overlap: (f64, u64),
}

impl DurationHistogram {
    fn add(&mut self, ms: u64) {
        let bucket = if ms == 0 { 0 } else { ((ms as f64).ln() / 1.1_f64.ln()).round() as u32 + 1 };
        *self.0.entry(bucket).or_default() += 1;
    }

    /// The time that this share of the values does not exceed, to within a tenth.
    pub(in crate::replay) fn percentile(&self, share: f64) -> Option<u64> {
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

impl GroupCounts {
    fn add(&mut self, report: &JobReport) {
        self.jobs += 1;
        self.visible += u64::from(report.verdict() == ReplayVerdict::Visible);
        self.inside += u64::from(report.verdict() == ReplayVerdict::Inside);
        if let Some(overlap) = report.overlap {
            self.overlap.0 += f64::from(overlap);
            self.overlap.1 += 1;
        }
    }
}

impl ReplayTally {
    /// Jobs that were replayed.
    pub(crate) fn replayed(&self) -> u64 {
        self.same + self.inside + self.visible + self.needs_model + self.failed
    }

    /// Adds a job's result. Returns its line of the report, if it has one.
    pub(crate) fn add_result(
        &mut self,
        item: &JobResult<ReplayOutcome>,
    ) -> serde_json::Result<Option<String>> {
        self.jobs += 1;
        match item {
            JobResult::Incomplete | JobResult::Job(ReplayOutcome::Outside) => self.incomplete += 1,
            JobResult::Job(ReplayOutcome::Stopped) => self.stopped += 1,
            JobResult::Job(ReplayOutcome::Failed) => self.failed_before += 1,
            JobResult::Job(ReplayOutcome::Canary) => self.canary += 1,
            JobResult::Job(ReplayOutcome::Compared(compared)) => {
                if self.add_compared(compared) {
                    return serde_json::to_string(&compared.report).map(Some);
                }
            }
        }
        Ok(None)
    }

    /// Adds a compared job; returns whether the report lists it.
    fn add_compared(&mut self, ComparedJob { last, versions, report, label }: &ComparedJob) -> bool {
        let verdict = report.verdict();
        *match verdict {
            ReplayVerdict::Same => &mut self.same,
            ReplayVerdict::Inside => &mut self.inside,
            ReplayVerdict::Visible => &mut self.visible,
            ReplayVerdict::NeedsModel => &mut self.needs_model,
            ReplayVerdict::Failed => &mut self.failed,
        } += 1;
        self.first_time = self.first_time.into_iter().chain([report.time]).min();
        self.last_time = self.last_time.into_iter().chain([*last]).max();
        if !report.first.is_empty() {
            *self.first.entry(report.first.clone()).or_default() += 1;
        }
        for (counts, aspects) in
            [(&mut self.aspects, &report.aspects), (&mut self.compared, &report.compared)]
        {
            aspects.iter().for_each(|aspect| *counts.entry(*aspect).or_default() += 1);
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
            if known.len() < MAX_GROUPS || known.contains_key(version) {
                *known.entry(version.clone()).or_default() += 1;
            }
        }
        self.add_judgement(report, label.as_ref());
        if verdict == ReplayVerdict::Same {
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
        counts.1 += u64::from(report.verdict() == ReplayVerdict::Visible);
    }

    /// Adds a job that differs, and drops all but the worst from time to time.
    fn add_worst(&mut self, distance: f32) {
        self.worst.push(((distance * 1_000.0).round() as u32, self.differing));
        self.differing += 1;
        if self.worst.len() >= 2 * MAX_SHOWN_JOBS {
            self.keep_worst();
        }
    }

    /// Sorts the worst jobs, worst first and earlier first among equals, and drops the rest.
    pub(in crate::replay) fn keep_worst(&mut self) {
        self.worst.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        self.worst.truncate(MAX_SHOWN_JOBS);
    }
}

fn group<'a>(groups: &'a mut BTreeMap<String, GroupCounts>, name: &str) -> &'a mut GroupCounts {
    let known = groups.len() < MAX_GROUPS || groups.contains_key(name);
    groups.entry(if known { name } else { "others" }.to_string()).or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_right_within_a_tenth() {
        let mut times = DurationHistogram::default();
        (0..=1_000).for_each(|ms| times.add(ms));
        for (share, ms) in [(0.5, 500.0), (0.95, 950.0)] {
            let at = times.percentile(share).unwrap() as f64;
            assert!((at - ms).abs() <= 0.1 * ms, "{share}: {at}");
        }
        assert_eq!(DurationHistogram::default().percentile(0.5), None);
    }
}
