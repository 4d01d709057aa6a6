use std::collections::BTreeMap;

use hoidap_shared::stage::STAGES;
use serde::Serialize;

use crate::replay::{
    comparison::job_report::Aspect,
    figures::{
        removed_documents::RemovedDocumentFigures,
        statistics::Estimate,
        tally::{DurationHistogram, GroupCounts, ReplayTally},
    },
};

/// Intents and products listed in the report.
const MAX_LISTED_GROUPS: usize = 50;

/// The report's figures. `docs/replay.md` explains each one.
#[derive(Debug, Serialize)]
pub(crate) struct ReplaySummary {
    jobs: u64,
    replayed: u64,
    incomplete: u64,
    stopped: u64,
    failed_before: u64,
    /// Jobs not compared because a canary worked on them.
    canary: u64,
    same: u64,
    inside: u64,
    visible: u64,
    needs_model: u64,
    failed: u64,
    first: BTreeMap<&'static str, u64>,
    aspects: BTreeMap<&'static str, u64>,
    overlap_at_8: Option<Estimate>,
    meaning: Option<Estimate>,
    /// Of the jobs in which an aspect was compared, the share that agrees in it; absent where it was compared in none.
    agreement: BTreeMap<&'static str, f64>,
    answered: AnsweredFigures,
    confidence: BeforeAfter<f64>,
    cost_usd: CostFigures,
    worked_ms: BTreeMap<String, BeforeAfter<Percentiles>>,
    /// Documents that recorded jobs had found and that were removed since.
    gone: Option<RemovedDocumentFigures>,
    overlaps: Vec<(f64, u64)>,
    intents: Vec<GroupFigures>,
    products: Vec<GroupFigures>,
    gold: Option<GoldFigures>,
    feedback: Option<FeedbackFigures>,
}

#[derive(Debug, Serialize)]
pub(in crate::replay) struct BeforeAfter<T> {
    before: T,
    after: T,
}

#[derive(Debug, Serialize)]
struct AnsweredFigures {
    before: f64,
    after: f64,
    gained: u64,
    lost: u64,
    difference: Estimate,
    p: f64,
}

#[derive(Debug, Serialize)]
struct CostFigures {
    before: f64,
    after: f64,
    known: u64,
}

#[derive(Debug, Serialize)]
struct Percentiles {
    p50: u64,
    p95: u64,
}

#[derive(Debug, Serialize)]
struct GroupFigures {
    name: String,
    jobs: u64,
    visible: u64,
    inside: u64,
    overlap: Option<f64>,
}

#[derive(Debug, Serialize)]
struct GoldFigures {
    jobs: u64,
    better: u64,
    worse: u64,
    same: u64,
    before: f64,
    after: f64,
    difference: Estimate,
    p: f64,
}

#[derive(Debug, Serialize)]
struct FeedbackFigures {
    up: ChangedCount,
    down: ChangedCount,
}

#[derive(Debug, Serialize)]
struct ChangedCount {
    jobs: u64,
    changed: u64,
}

/// The aspects' names in the report and in `--fail-if`.
const ASPECT_NAMES: [(Aspect, &str); 9] = [
    (Aspect::Intent, "intent"),
    (Aspect::Product, "product"),
    (Aspect::Queries, "queries"),
    (Aspect::Passages, "passages"),
    (Aspect::Outcome, "outcome"),
    (Aspect::CitedLost, "cited_lost"),
    (Aspect::Citations, "citations"),
    (Aspect::Answer, "answer"),
    (Aspect::Confidence, "confidence"),
];

/// The figures that `--fail-if` can name.
pub(in crate::replay) const RULE_FIGURES: [&str; 15] = [
    "overlap@8",
    "meaning",
    "answered",
    "gold",
    "same",
    "visible",
    "needs_model",
    "failed",
    "intent",
    "product",
    "passages",
    "outcome",
    "cited_lost",
    "citations",
    "answer",
];

impl ReplaySummary {
    pub(crate) fn of(tally: &ReplayTally) -> Self {
        let count = |aspect: &Aspect| tally.aspects.get(aspect).copied().unwrap_or(0);
        let replayed = tally.replayed();
        let agreement = |aspect: &Aspect| {
            let compared = *tally.compared.get(aspect)?;
            Some(1.0 - count(aspect) as f64 / compared as f64)
        };
        let mean = |sum: f64| sum / tally.answers.max(1) as f64;
        let (before, after) = tally.answered.shares();
        let answered = AnsweredFigures {
            before,
            after,
            gained: tally.answered.after,
            lost: tally.answered.before,
            difference: tally.answered.difference(),
            p: tally.answered.p(),
        };
        Self {
            jobs: tally.jobs,
            replayed,
            incomplete: tally.incomplete,
            stopped: tally.stopped,
            failed_before: tally.failed_before,
            canary: tally.canary,
            same: tally.same,
            inside: tally.inside,
            visible: tally.visible,
            needs_model: tally.needs_model,
            failed: tally.failed,
            first: STAGES
                .into_iter()
                .map(|name| (name, tally.first.get(name).copied().unwrap_or(0)))
                .collect(),
            aspects: ASPECT_NAMES.into_iter().map(|(aspect, name)| (name, count(&aspect))).collect(),
            overlap_at_8: tally.overlap.estimate(),
            meaning: tally.meaning.estimate(),
            agreement: ASPECT_NAMES
                .into_iter()
                .filter(|(aspect, _)| *aspect != Aspect::Confidence)
                .filter_map(|(aspect, name)| Some((name, agreement(&aspect)?)))
                .collect(),
            answered,
            confidence: BeforeAfter { before: mean(tally.confidence.0), after: mean(tally.confidence.1) },
            cost_usd: CostFigures { before: tally.cost.0, after: tally.cost.1, known: tally.cost_known },
            worked_ms: tally
                .worked
                .iter()
                .filter_map(|(stage, (before, after))| {
                    Some((
                        stage.clone(),
                        BeforeAfter { before: percentiles(before)?, after: percentiles(after)? },
                    ))
                })
                .collect(),
            gone: RemovedDocumentFigures::of(&tally.gone),
            overlaps: tally
                .overlap
                .0
                .iter()
                .map(|(value, count)| (f64::from(*value) / 1_000.0, *count))
                .collect(),
            intents: group_figures(&tally.intents),
            products: group_figures(&tally.products),
            gold: gold_figures(tally),
            feedback: (tally.up.0 + tally.down.0 > 0).then_some(FeedbackFigures {
                up: ChangedCount { jobs: tally.up.0, changed: tally.up.1 },
                down: ChangedCount { jobs: tally.down.0, changed: tally.down.1 },
            }),
        }
    }

    /// A figure by its name; `None` if nothing was measured.
    pub(in crate::replay) fn figure(&self, name: &str) -> Option<f64> {
        let share = |count: u64| (self.replayed > 0).then(|| count as f64 / self.replayed as f64);
        match name {
            "overlap@8" => self.overlap_at_8.map(|estimate| estimate.mean),
            "meaning" => self.meaning.map(|estimate| estimate.mean),
            "answered" => Some(self.answered.after).filter(|_| self.answered.difference.of > 0),
            "gold" => self.gold.as_ref().map(|gold| gold.after),
            "same" => share(self.same),
            // Without a second answer nothing can be seen to change.
            "visible" => share(self.visible).filter(|_| self.agreement.contains_key("outcome")),
            "needs_model" => share(self.needs_model),
            "failed" => share(self.failed),
            aspect => self.agreement.get(aspect).copied(),
        }
    }

    /// Prints the main figures.
    pub(crate) fn print(&self) {
        let Self { jobs, replayed, incomplete, stopped, failed_before, canary, .. } = self;
        println!(
            "{replayed} of {jobs} jobs were replayed ({incomplete} incomplete, {stopped} stopped by visitors, {failed_before} had \
             failed, {canary} served by a canary)"
        );
        for (what, count) in [
            ("same", self.same),
            ("changed inside, not for the visitor", self.inside),
            ("changed for the visitor", self.visible),
            ("need a model", self.needs_model),
            ("failed", self.failed),
        ] {
            println!("  {count:>9}  {what}");
        }
        println!("first difference");
        for name in STAGES {
            println!("  {:>9}  {name}", self.first.get(name).copied().unwrap_or(0));
        }
        println!(
            "  {:>9}  jobs lose a passage that they cite",
            self.aspects.get("cited_lost").copied().unwrap_or(0)
        );
        self.gone.iter().for_each(RemovedDocumentFigures::print);
        let estimate = |name: &str, estimate: &Option<Estimate>| {
            if let Some(Estimate { mean, low, high, of }) = estimate {
                println!("{name:<12} {mean:.4}  ({low:.4} to {high:.4}, {of} jobs)");
            }
        };
        estimate("overlap@8", &self.overlap_at_8);
        estimate("meaning", &self.meaning);
        let AnsweredFigures { before, after, gained, lost, difference, p } = &self.answered;
        if difference.of > 0 {
            println!(
                "answered     {before:.4} before, {after:.4} after ({gained} gained, {lost} lost, p = {p:.3})"
            );
        }
        if let Some(GoldFigures { jobs, better, worse, p, .. }) = &self.gold {
            println!("gold pages   {better} better, {worse} worse of {jobs} (p = {p:.3})");
        }
        if let Some(FeedbackFigures { up, down }) = &self.feedback {
            println!(
                "feedback     {} of {} liked answers change, {} of {} disliked",
                up.changed, up.jobs, down.changed, down.jobs
            );
        }
    }
}

fn percentiles(times: &DurationHistogram) -> Option<Percentiles> {
    Some(Percentiles { p50: times.percentile(0.5)?, p95: times.percentile(0.95)? })
}

fn group_figures(groups: &BTreeMap<String, GroupCounts>) -> Vec<GroupFigures> {
    let mut all: Vec<_> = groups
        .iter()
        .map(|(name, group)| GroupFigures {
            name: name.clone(),
            jobs: group.jobs,
            visible: group.visible,
            inside: group.inside,
            overlap: (group.overlap.1 > 0).then(|| group.overlap.0 / group.overlap.1 as f64),
        })
        .collect();
    all.sort_by(|a, b| (b.visible, b.inside).cmp(&(a.visible, a.inside)).then(a.name.cmp(&b.name)));
    all.truncate(MAX_LISTED_GROUPS);
    all
}

fn gold_figures(tally: &ReplayTally) -> Option<GoldFigures> {
    let paired = &tally.gold;
    let (before, after) = paired.shares();
    (paired.of() > 0).then(|| GoldFigures {
        jobs: paired.of(),
        better: paired.after,
        worse: paired.before,
        same: paired.both + paired.neither,
        before,
        after,
        difference: paired.difference(),
        p: paired.p(),
    })
}

#[cfg(test)]
mod tests {
    use hoidap_shared::{
        job::{Classified, Envelope, Message, MessageBody},
        text::Language,
    };
    use hoidap_stages::generator::NEEDS_MODEL;
    use hoidap_testing::jobs;
    use serde_json::json;

    use super::*;
    use crate::{
        recording::{DONE, JobMessages, RecordedJob, RecordedMessage},
        replay::{
            comparison::job_report::{JobReport, ReplayFailure},
            executor::JobResult,
            replay_job::{ComparedJob, ReplayOutcome},
            replayed_stage::ReplayedStage,
        },
    };

    fn recorded<T: Message>(stage: &str, envelope: &Envelope<T>) -> RecordedMessage {
        let message = json!({
            "seq": 1, "subject": format!("hoidap.jobs.{stage}"), "time": "2026-11-25T11:14:03Z", "body": envelope,
        });
        serde_json::from_value(message).unwrap()
    }

    /// The figures of one recorded job: the classifier finds this intent again, and the retriever, whose replayed
    /// result `end` is, answered that there is nothing.
    fn figures(intent: &str, end: Result<&str, &str>) -> ReplaySummary {
        let asked = jobs::question("q");
        let answer = jobs::answer(&asked.body, "Nothing.");
        let done = recorded(DONE, &asked.clone().map(answer.clone()));
        let job = RecordedJob { inputs: vec![("classifier".into(), recorded("classifier", &asked))], done };
        let messages = JobMessages::decode(&job, 0).unwrap();
        let classified = jobs::classified("q", Language::En);
        let mut found = Classified { version: "w".into(), ..classified.clone() };
        found.intent.name = intent.into();
        let after = match end {
            Ok(text) => Ok(MessageBody::from(jobs::answer(&asked.body, text))),
            Err(code) => Err(ReplayFailure { code: code.into(), what: String::new() }),
        };
        let stage = |stage, before, after| ReplayedStage { stage, before, after, worked_ms: 0 };
        let steps = [
            stage("classifier", classified.into(), Ok(found.into())),
            stage("retriever", answer.into(), after),
        ];
        let report = JobReport::of(&messages, &steps, None);
        let compared = ComparedJob { last: messages.last, versions: BTreeMap::new(), report, label: None };
        let mut tally = ReplayTally::default();
        tally.add_result(&JobResult::Job(ReplayOutcome::Compared(Box::new(compared)))).unwrap();
        ReplaySummary::of(&tally)
    }

    #[test]
    fn what_was_not_compared_is_no_figure() {
        for code in [NEEDS_MODEL, "failed"] {
            let summary = figures("how_to", Err(code));
            for figure in ["answer", "citations", "outcome", "passages", "cited_lost", "visible", "answered"]
            {
                assert_eq!(summary.figure(figure), None, "{code}: {figure}");
            }
            assert_eq!(summary.figure("intent"), Some(1.0), "{code}");
            assert_eq!(figures("billing", Err(code)).figure("intent"), Some(0.0), "{code}");
        }
        let same = figures("how_to", Ok("Nothing."));
        let other = figures("how_to", Ok("Something."));
        for (figure, before, after) in [("answer", 1.0, 0.0), ("outcome", 1.0, 1.0), ("visible", 0.0, 1.0)] {
            assert_eq!((same.figure(figure), other.figure(figure)), (Some(before), Some(after)), "{figure}");
        }
        assert_eq!(same.figure("passages"), None);
    }
}
