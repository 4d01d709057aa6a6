use std::collections::HashSet;

use hoidap_shared::{
    job::{Answer, Classified, MessageBody, MessageKind, Retrieved},
    stage::{STAGES, input_of},
};
use hoidap_stages::generator::NEEDS_MODEL;

use crate::{
    recording::JobMessages,
    replay::{
        comparison::{
            job_report::{Aspect, JobReport, LabelVerdict},
            job_snapshot::JobSnapshot,
            labels::Label,
            word_diff::word_diff,
        },
        replayed_stage::ReplayedStage,
    },
};

/// Differences of confidence or support up to this much are ignored.
pub(in crate::replay) const CONFIDENCE_TOLERANCE: f32 = 0.005;
/// Passages compared for the overlap.
const OVERLAP_DEPTH: usize = 8;

/// The result of comparing a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::replay) enum ReplayVerdict {
    /// Nothing differs.
    Same,
    /// Something differs, but not for the visitor.
    Inside,
    /// The visitor would see a difference.
    Visible,
    /// A model would have to be called: no recorded call fits.
    NeedsModel,
    /// A stage failed.
    Failed,
}

impl JobReport {
    /// The verdict on the job.
    pub(in crate::replay) fn verdict(&self) -> ReplayVerdict {
        match &self.problem {
            Some(problem) if problem.code == NEEDS_MODEL => ReplayVerdict::NeedsModel,
            Some(_) => ReplayVerdict::Failed,
            None if self.visible => ReplayVerdict::Visible,
            None if self.first.is_empty() => ReplayVerdict::Same,
            None => ReplayVerdict::Inside,
        }
    }

    /// Compares the replayed stages with the recorded job. `gone`, `meaning` and `distance` are set later.
    pub(in crate::replay) fn of(
        messages: &JobMessages,
        steps: &[ReplayedStage],
        label: Option<&Label>,
    ) -> Self {
        let answer = &messages.answer;
        let mut report = Self {
            job: answer.job_id.to_string(),
            time: messages.first,
            question: answer.body.question.clone(),
            page: answer.body.page.clone(),
            session: answer.body.session_id.clone(),
            language: answer.body.language.code().into(),
            first: String::new(),
            aspects: Vec::new(),
            compared: Vec::new(),
            visible: false,
            problem: None,
            overlap: None,
            meaning: None,
            distance: 0.0,
            text: Vec::new(),
            gone: Vec::new(),
            judged: None,
            reached: None,
            before: recorded_snapshot(messages),
            after: replayed_snapshot(messages, steps),
        };
        for step in steps {
            let compared = match &step.after {
                Ok(after) => compare_bodies(&step.before, after, &answer.body),
                Err(problem) => {
                    report.problem = Some(problem.clone());
                    Vec::new()
                }
            };
            let differs = report.add_compared(compared);
            if report.first.is_empty() && (step.after.is_err() || differs) {
                report.first = step.stage.into();
            }
        }
        // The recorded job ended here and the replayed one continues, but its end is not replayed.
        if let Some(ReplayedStage {
            before: MessageBody::Answer(_),
            after: Ok(MessageBody::Classified(_) | MessageBody::Retrieved(_)),
            ..
        }) = steps.last()
        {
            report.add_compared(vec![(Aspect::Outcome, true)]);
        }
        report.overlap = overlap(&report, steps);
        if report.overlap.is_some() {
            let lost = loses_cited_passage(&report.before, &report.after);
            report.add_compared(vec![(Aspect::CitedLost, lost)]);
        }
        for aspects in [&mut report.aspects, &mut report.compared] {
            aspects.sort();
            aspects.dedup();
        }
        report.visible = [Aspect::Outcome, Aspect::Citations, Aspect::Answer]
            .iter()
            .any(|aspect| report.aspects.contains(aspect));
        report.reached = label.and_then(|label| label.reached(&report.before, &report.after));
        report.judged = report.reached.map(LabelVerdict::of);
        if let (true, Some(before), Some(after)) =
            (report.aspects.contains(&Aspect::Answer), &report.before.answer, &report.after.answer)
        {
            report.text = word_diff(&before.text, &after.text);
        }
        report
    }

    /// Adds aspects that were compared, each with whether it differs; returns whether any does.
    fn add_compared(&mut self, compared: Vec<(Aspect, bool)>) -> bool {
        let before = self.aspects.len();
        self.aspects.extend(compared.iter().filter(|(_, differs)| *differs).map(|(aspect, _)| *aspect));
        self.compared.extend(compared.into_iter().map(|(aspect, _)| aspect));
        self.aspects.len() > before
    }

    /// The distance of the two: 2 for another outcome, 1 more for a lost answer, plus the shares (0 to 1 each) of
    /// lost passages, citations and meaning.
    pub(in crate::replay) fn compute_distance(&self) -> f32 {
        let mut distance = 1.0 - self.overlap.unwrap_or(1.0);
        let (Some(before), Some(after)) = (&self.before.answer, &self.after.answer) else {
            return distance + f32::from(u8::from(self.problem.is_some()));
        };
        if before.outcome != after.outcome {
            distance += 2.0 + f32::from(u8::from(before.outcome == "answered"));
        }
        distance += 1.0 - share_retained(before.cited.iter(), &after.cited).unwrap_or(1.0);
        distance + (1.0 - self.meaning.unwrap_or(1.0)).max(0.0)
    }
}

fn recorded_snapshot(messages: &JobMessages) -> JobSnapshot {
    let mut snapshot = JobSnapshot::default();
    if let Some(classified) = messages.classified() {
        snapshot.add_classified(classified);
    }
    if let Some(retrieved) = messages.retrieved() {
        snapshot.add_retrieved(retrieved);
    }
    snapshot.add_answer(&messages.answer.body);
    snapshot.worked_ms = messages.answer.hops.iter().map(|hop| (hop.stage.clone(), hop.worked_ms)).collect();
    snapshot
}

/// The recorded outputs before the first replayed stage, then the replayed outputs.
fn replayed_snapshot(messages: &JobMessages, steps: &[ReplayedStage]) -> JobSnapshot {
    let mut snapshot = JobSnapshot::default();
    let first = steps.first().and_then(|step| STAGES.iter().position(|stage| *stage == step.stage));
    let input = first.and_then(|first| messages.input(first)).map(|input| &input.body);
    if let Some(classified) = input.and_then(MessageBody::classified) {
        snapshot.add_classified(classified);
    }
    if let Some(MessageBody::Retrieved(retrieved)) = input {
        snapshot.add_retrieved(retrieved);
    }
    for step in steps {
        match &step.after {
            Ok(MessageBody::Classified(body)) => snapshot.add_classified(body),
            Ok(MessageBody::Retrieved(body)) => snapshot.add_retrieved(body),
            Ok(MessageBody::Answer(body)) => snapshot.add_answer(body),
            Ok(MessageBody::Question(_)) | Err(_) => {}
        }
        snapshot.worked_ms.push((step.stage.into(), step.worked_ms));
    }
    snapshot
}

/// The aspects that two outputs of a stage have in common, each with whether it differs.
fn compare_bodies(before: &MessageBody, after: &MessageBody, recorded: &Answer) -> Vec<(Aspect, bool)> {
    match (before, after) {
        (MessageBody::Classified(before), MessageBody::Classified(after)) => {
            compare_classified(before, after)
        }
        (MessageBody::Retrieved(before), MessageBody::Retrieved(after)) => compare_retrieved(before, after),
        (MessageBody::Answer(before), MessageBody::Answer(after)) => compare_answers(before, after),
        // The recorded job ended at a later stage. The replayed one ends here, with the same or another answer.
        (_, MessageBody::Answer(after)) => {
            [vec![(Aspect::Queries, true)], compare_answers(recorded, after)].concat()
        }
        // The recorded job ended here and the replayed one continues. Its end shows what the visitor sees.
        _ => vec![(Aspect::Queries, true)],
    }
}

fn compare_classified(before: &Classified, after: &Classified) -> Vec<(Aspect, bool)> {
    let product = |job: &Classified| job.product.as_ref().map(|product| product.name.clone());
    let wordings = |job: &Classified| {
        job.queries.iter().map(|query| (query.kind, query.text.clone())).collect::<Vec<_>>()
    };
    let queries = wordings(before) != wordings(after)
        || (&before.collections, &before.section, before.language)
            != (&after.collections, &after.section, after.language);
    vec![
        (Aspect::Intent, before.intent.name != after.intent.name),
        (Aspect::Product, product(before) != product(after)),
        (Aspect::Queries, queries),
    ]
}

fn compare_retrieved(before: &Retrieved, after: &Retrieved) -> Vec<(Aspect, bool)> {
    let passages = |job: &Retrieved| {
        let name =
            |passage: &hoidap_shared::job::Passage| (passage.collection.clone(), passage.chunk_id.clone());
        job.passages.iter().map(name).collect::<Vec<_>>()
    };
    vec![
        (Aspect::Passages, passages(before) != passages(after)),
        (Aspect::Confidence, (before.support - after.support).abs() > CONFIDENCE_TOLERANCE),
    ]
}

fn compare_answers(before: &Answer, after: &Answer) -> Vec<(Aspect, bool)> {
    let shown = |answer: &Answer| (answer.text.clone(), answer.choices.clone());
    let cited = |answer: &Answer| {
        answer.sources.iter().map(|source| source.metadata.chunk_id.clone()).collect::<Vec<_>>()
    };
    vec![
        (Aspect::Intent, before.intent.name != after.intent.name),
        (Aspect::Product, before.product != after.product),
        (Aspect::Outcome, before.outcome != after.outcome),
        (Aspect::Citations, cited(before) != cited(after)),
        (Aspect::Answer, shown(before) != shown(after)),
        (Aspect::Confidence, (before.confidence - after.confidence).abs() > CONFIDENCE_TOLERANCE),
    ]
}

/// Share of the recorded passages that are found again; `None` if no search was replayed.
fn overlap(report: &JobReport, steps: &[ReplayedStage]) -> Option<f32> {
    let looked = steps.iter().any(|step| matches!(step.after, Ok(MessageBody::Retrieved(_))));
    let ended_before = steps.last().is_some_and(|step| {
        matches!(step.after, Ok(MessageBody::Answer(_)))
            && input_of(step.stage) != Some(MessageKind::Retrieved)
    });
    if !looked && !ended_before {
        return None;
    }
    let chunks = |snapshot: &JobSnapshot| -> Vec<(String, String)> {
        let name = |found: &crate::replay::comparison::job_snapshot::FoundPassage| {
            (found.collection.clone(), found.chunk.clone())
        };
        snapshot.passages.iter().take(OVERLAP_DEPTH).map(name).collect()
    };
    share_retained(chunks(&report.before).iter(), &chunks(&report.after))
}

/// Whether the recorded answer cites a passage that is not found any more.
fn loses_cited_passage(before: &JobSnapshot, after: &JobSnapshot) -> bool {
    let found: HashSet<&str> = after.passages.iter().map(|found| found.chunk.as_str()).collect();
    let cited = before.answer.as_ref().map(|answer| answer.cited.as_slice()).unwrap_or_default();
    cited.iter().any(|chunk| !found.contains(chunk.as_str()))
}

/// Share of the items that are among the others; `None` without items.
fn share_retained<'a, T: Eq + std::hash::Hash + 'a>(
    items: impl ExactSizeIterator<Item = &'a T>,
    others: &[T],
) -> Option<f32> {
    let count = items.len();
    let others: HashSet<&T> = others.iter().collect();
    let found = items.filter(|item| others.contains(item)).count();
    (count > 0).then(|| found as f32 / count as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A declining answer, built from its JSON form.
    fn declined(text: &str) -> Answer {
        serde_json::from_value(serde_json::json!({
            "session_id": "s", "user_id": null, "client": "c", "question": "q", "page": "", "outcome": "out_of_scope",
            "problem": null, "text": text, "sources": [], "citations": [], "confidence": 0.0,
            "intent": {"name": "out_of_scope", "confidence": 0.9}, "product": null, "language": "vi", "provider": null,
            "model": null, "attempts": [], "usage": {"prompt_tokens": 0, "completion_tokens": 0, "cost_usd": null},
            "versions": {},
        }))
        .unwrap()
    }

    #[test]
    fn an_earlier_or_later_end_is_an_inner_difference() {
        let classified = || hoidap_testing::jobs::classified("q", hoidap_shared::text::Language::Vi).into();
        let recorded = declined("no");
        let differing = |before: &MessageBody, after: &MessageBody| {
            let compared = compare_bodies(before, after, &recorded).into_iter();
            compared.filter_map(|(aspect, differs)| differs.then_some(aspect)).collect::<Vec<_>>()
        };
        assert_eq!(differing(&recorded.clone().into(), &classified()), [Aspect::Queries]);
        let ends_now = |text: &str| differing(&classified(), &declined(text).into());
        assert_eq!(ends_now("no"), [Aspect::Queries]);
        assert_eq!(ends_now("sorry"), [Aspect::Queries, Aspect::Answer]);
    }

    #[test]
    fn the_retained_share_counts_common_items() {
        assert_eq!(share_retained([1, 2, 3, 4].iter(), &[4, 3, 9]), Some(0.5));
        assert_eq!(share_retained([0; 0].iter(), &[1]), None);
    }
}
