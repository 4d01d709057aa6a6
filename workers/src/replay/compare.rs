use std::collections::HashSet;

use hoidap_shared::{
    job::{Answer, Classified, Retrieved},
    stage::STAGES,
};

use super::{
    difference::{Aspect, JobReport, Judged},
    labels::Label,
    made::{Made, Step},
    messages::Messages,
    pieces::pieces,
    side::Side,
};

/// Differences of confidence, or of a search's support, up to this much count as none.
pub(super) const CONFIDENCE: f32 = 0.005;
/// Passages that are compared.
const DEPTH: usize = 8;

/// What became of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing that is compared differs.
    Same,
    /// Something differs, but nothing that the visitor sees.
    Inside,
    /// The visitor would see it.
    Visible,
    /// No recorded words of a model fit.
    NeedsModel,
    /// A stage failed.
    Failed,
}

impl JobReport {
    /// What became of the job.
    pub(super) fn verdict(&self) -> Verdict {
        match &self.problem {
            Some(problem) if problem.code == crate::generator::NEEDS_MODEL => Verdict::NeedsModel,
            Some(_) => Verdict::Failed,
            None if self.visible => Verdict::Visible,
            None if self.first.is_empty() => Verdict::Same,
            None => Verdict::Inside,
        }
    }

    /// Lays what was replayed over what was recorded. `gone`, `meaning` and `distance` are still to be told.
    pub(super) fn of(messages: &Messages, steps: &[Step], label: Option<&Label>) -> Self {
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
            visible: false,
            problem: None,
            overlap: None,
            meaning: None,
            distance: 0.0,
            text: Vec::new(),
            gone: Vec::new(),
            judged: None,
            reached: None,
            before: before(messages),
            after: after(messages, steps),
        };
        for step in steps {
            let aspects = match &step.after {
                Ok(after) => differing(&step.before, after, &answer.body),
                Err(problem) => {
                    report.problem = Some(problem.clone());
                    Vec::new()
                }
            };
            if report.first.is_empty() && (step.after.is_err() || !aspects.is_empty()) {
                report.first = step.stage.into();
            }
            report.aspects.extend(aspects);
        }
        // It goes on where it had ended, and how it ends now is not replayed.
        if let Some(Step {
            before: Made::Answer(_),
            after: Ok(Made::Classified(_) | Made::Retrieved(_)),
            ..
        }) = steps.last()
        {
            report.aspects.push(Aspect::Outcome);
        }
        report.overlap = overlap(&report, steps);
        if report.overlap.is_some() && loses_cited(&report.before, &report.after) {
            report.aspects.push(Aspect::CitedLost);
        }
        report.aspects.sort();
        report.aspects.dedup();
        report.visible = [Aspect::Outcome, Aspect::Citations, Aspect::Answer]
            .iter()
            .any(|aspect| report.aspects.contains(aspect));
        report.reached = label.and_then(|label| label.reached(&report.before, &report.after));
        report.judged = report.reached.map(Judged::of);
        if let (true, Some(before), Some(after)) =
            (report.aspects.contains(&Aspect::Answer), &report.before.answer, &report.after.answer)
        {
            report.text = pieces(&before.text, &after.text);
        }
        report
    }

    /// How far apart the two are: 2 for another outcome, 1 more for an answer lost, and the shares of passages, citations
    /// and meaning that went, each 0 to 1.
    pub(super) fn far(&self) -> f32 {
        let mut distance = 1.0 - self.overlap.unwrap_or(1.0);
        let (Some(before), Some(after)) = (&self.before.answer, &self.after.answer) else {
            return distance + f32::from(u8::from(self.problem.is_some()));
        };
        if before.outcome != after.outcome {
            distance += 2.0 + f32::from(u8::from(before.outcome == "answered"));
        }
        distance += 1.0 - kept(before.cited.iter(), &after.cited).unwrap_or(1.0);
        distance + (1.0 - self.meaning.unwrap_or(1.0)).max(0.0)
    }
}

fn before(messages: &Messages) -> Side {
    let mut side = Side::default();
    let known = messages.retrieved.as_ref().map(|job| &job.body.classified);
    if let Some(classified) = messages.classified.as_ref().map(|job| &job.body).or(known) {
        side.classified(classified);
    }
    if let Some(job) = &messages.retrieved {
        side.retrieved(&job.body);
    }
    side.answered(&messages.answer.body);
    side.worked_ms = messages.answer.hops.iter().map(|hop| (hop.stage.clone(), hop.worked_ms)).collect();
    side
}

/// What was recorded up to the first stage that was replayed, and what the replay made from there.
fn after(messages: &Messages, steps: &[Step]) -> Side {
    let mut side = Side::default();
    let first = steps.first().map_or("", |step| step.stage);
    if let Some(job) = messages.classified.as_ref().filter(|_| first != STAGES[0]) {
        side.classified(&job.body);
    }
    if let Some(job) = messages.retrieved.as_ref().filter(|_| first == STAGES[2]) {
        side.retrieved(&job.body);
    }
    for step in steps {
        match &step.after {
            Ok(Made::Classified(body)) => side.classified(body),
            Ok(Made::Retrieved(body)) => side.retrieved(body),
            Ok(Made::Answer(body)) => side.answered(body),
            Err(_) => {}
        }
        side.worked_ms.push((step.stage.into(), step.worked_ms));
    }
    side
}

fn differing(before: &Made, after: &Made, recorded: &Answer) -> Vec<Aspect> {
    match (before, after) {
        (Made::Classified(before), Made::Classified(after)) => of_classified(before, after),
        (Made::Retrieved(before), Made::Retrieved(after)) => of_retrieved(before, after),
        (Made::Answer(before), Made::Answer(after)) => of_answer(before, after),
        // The job ended later, and ends here now: with that answer or with another.
        (_, Made::Answer(after)) => [vec![Aspect::Queries], of_answer(recorded, after)].concat(),
        // The job ended here, and goes on now; what the visitor sees of it is seen where it ends.
        _ => vec![Aspect::Queries],
    }
}

fn found(differs: impl IntoIterator<Item = (Aspect, bool)>) -> Vec<Aspect> {
    differs.into_iter().filter_map(|(aspect, differs)| differs.then_some(aspect)).collect()
}

fn of_classified(before: &Classified, after: &Classified) -> Vec<Aspect> {
    let product = |job: &Classified| job.product.as_ref().map(|product| product.name.clone());
    let wordings = |job: &Classified| {
        job.queries.iter().map(|query| (query.kind, query.text.clone())).collect::<Vec<_>>()
    };
    let queries = wordings(before) != wordings(after)
        || (&before.collections, &before.section, before.language)
            != (&after.collections, &after.section, after.language);
    found([
        (Aspect::Intent, before.intent.name != after.intent.name),
        (Aspect::Product, product(before) != product(after)),
        (Aspect::Queries, queries),
    ])
}

fn of_retrieved(before: &Retrieved, after: &Retrieved) -> Vec<Aspect> {
    let passages = |job: &Retrieved| {
        let name =
            |passage: &hoidap_shared::job::Passage| (passage.collection.clone(), passage.chunk_id.clone());
        job.passages.iter().map(name).collect::<Vec<_>>()
    };
    found([
        (Aspect::Passages, passages(before) != passages(after)),
        (Aspect::Confidence, (before.support - after.support).abs() > CONFIDENCE),
    ])
}

fn of_answer(before: &Answer, after: &Answer) -> Vec<Aspect> {
    let cited = |answer: &Answer| {
        answer.sources.iter().map(|source| source.metadata.chunk_id.clone()).collect::<Vec<_>>()
    };
    found([
        (Aspect::Intent, before.intent.name != after.intent.name),
        (Aspect::Product, before.product != after.product),
        (Aspect::Outcome, before.outcome != after.outcome),
        (Aspect::Citations, cited(before) != cited(after)),
        (Aspect::Answer, (&before.text, &before.choices) != (&after.text, &after.choices)),
        (Aspect::Confidence, (before.confidence - after.confidence).abs() > CONFIDENCE),
    ])
}

/// Share of the recorded passages that are found again, where something was looked for once more.
fn overlap(report: &JobReport, steps: &[Step]) -> Option<f32> {
    let looked = steps.iter().any(|step| step.stage == STAGES[1] && step.after.is_ok());
    let ended_before =
        matches!(steps.last(), Some(Step { stage, after: Ok(Made::Answer(_)), .. }) if *stage == STAGES[0]);
    if !looked && !ended_before {
        return None;
    }
    let chunks = |side: &Side| -> Vec<(String, String)> {
        let name = |found: &super::side::Found| (found.collection.clone(), found.chunk.clone());
        side.passages.iter().take(DEPTH).map(name).collect()
    };
    kept(chunks(&report.before).iter(), &chunks(&report.after))
}

/// Whether a passage that the recorded answer cites is not among those found now.
fn loses_cited(before: &Side, after: &Side) -> bool {
    let found: HashSet<&str> = after.passages.iter().map(|found| found.chunk.as_str()).collect();
    let cited = before.answer.as_ref().map(|answer| answer.cited.as_slice()).unwrap_or_default();
    cited.iter().any(|chunk| !found.contains(chunk.as_str()))
}

/// Share of the items that are among the others; none where there is no item.
fn kept<'a, T: Eq + std::hash::Hash + 'a>(
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

    /// An answer that declines, as it travels.
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
    fn where_a_job_ends_differs_inside_and_how_it_ends_for_the_visitor() {
        let classified = || crate::generator::classified("q", hoidap_shared::text::Language::Vi).into();
        let recorded = declined("no");
        let goes_on = differing(&recorded.clone().into(), &classified(), &recorded);
        assert_eq!(goes_on, [Aspect::Queries]);
        let ends_now = |text: &str| differing(&classified(), &declined(text).into(), &recorded);
        assert_eq!(ends_now("no"), [Aspect::Queries]);
        assert_eq!(ends_now("sorry"), [Aspect::Queries, Aspect::Answer]);
    }

    #[test]
    fn what_is_kept_is_a_share_of_what_was() {
        assert_eq!(kept([1, 2, 3, 4].iter(), &[4, 3, 9]), Some(0.5));
        assert_eq!(kept([0; 0].iter(), &[1]), None);
    }
}
