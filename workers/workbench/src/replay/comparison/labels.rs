use std::{collections::HashMap, io::BufRead as _, path::Path};

use anyhow::Context as _;
use hoidap_shared::{events::Rating, text::normalise};
use serde::Deserialize;

use crate::{
    eval::is_gold,
    recording::{JobMessages, feedback_path},
    replay::comparison::{
        job_report::LabelVerdict,
        job_snapshot::{FoundPassage, JobSnapshot},
    },
};

/// Human labels of jobs: pages that answer a question, and ratings of answers.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    jobs: HashMap<String, Label>,
    questions: HashMap<String, Label>,
}

/// The label of one job.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Label {
    /// Ends of the paths or addresses of pages that answer the question.
    #[serde(default)]
    pub(in crate::replay) gold: Vec<String>,
    /// The visitor's rating of the answer.
    #[serde(default)]
    pub(in crate::replay) rating: Option<Rating>,
}

/// One line of a label file.
#[derive(Debug, Deserialize)]
struct LabelLine {
    /// The job's id; without it, the label applies to every job with this question.
    #[serde(default)]
    job_id: Option<String>,
    #[serde(default)]
    question: Option<String>,
    #[serde(flatten)]
    label: Label,
}

impl Labels {
    /// Adds the labels of a file: JSON Lines with `job_id` or `question`, and `gold` or `rating`.
    pub(in crate::replay) fn read(&mut self, path: &Path) -> anyhow::Result<()> {
        let file =
            std::fs::File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
        for (number, line) in std::io::BufReader::new(file).lines().enumerate() {
            let at = || format!("{}:{}", path.display(), number + 1);
            let line = line.with_context(|| format!("{} cannot be read", at()))?;
            if line.trim().is_empty() {
                continue;
            }
            let LabelLine { job_id, question, label } = serde_json::from_str(&line).with_context(|| {
                format!("{} is not a label: it needs `job_id` or `question`, and `gold` or `rating`", at())
            })?;
            let known = match (job_id, question) {
                (Some(job), _) => self.jobs.entry(job).or_default(),
                (None, Some(question)) => self.questions.entry(normalise(&question)).or_default(),
                (None, None) => anyhow::bail!("{} names neither `job_id` nor `question`", at()),
            };
            known.gold.extend(label.gold);
            known.rating = label.rating.or(known.rating);
        }
        Ok(())
    }

    /// Adds the feedback file of a recording, or of each recording in a folder.
    pub(in crate::replay) fn read_feedback(&mut self, recording: &Path) -> anyhow::Result<()> {
        let mut recordings = vec![recording.to_path_buf()];
        if recording.is_dir() {
            recordings = std::fs::read_dir(recording)?
                .map(|entry| Ok(entry?.path()))
                .collect::<anyhow::Result<_>>()?;
        }
        let files = recordings.iter().map(|recording| feedback_path(recording));
        files.filter(|file| file.is_file()).try_for_each(|file| self.read(&file))
    }

    /// The label of a job: what is said of its id, and else what is said of its question.
    pub(in crate::replay) fn find(&self, messages: &JobMessages) -> Option<Label> {
        let answer = &messages.answer;
        self.merged(answer.job_id.as_str(), &answer.body.question)
    }

    fn merged(&self, job: &str, question: &str) -> Option<Label> {
        let (job, question) = (self.jobs.get(job), self.questions.get(question));
        let mut label = job.or(question)?.clone();
        if let Some(question) = question {
            if label.gold.is_empty() {
                label.gold.clone_from(&question.gold);
            }
            label.rating = label.rating.or(question.rating);
        }
        Some(label)
    }
}

impl Label {
    /// Whether a gold page is reached, as recorded and as replayed: cited, or found if the replay has no answer.
    pub(in crate::replay) fn reached(
        &self,
        before: &JobSnapshot,
        after: &JobSnapshot,
    ) -> Option<(bool, bool)> {
        if self.gold.is_empty() {
            return None;
        }
        let answered = after.answer.is_some();
        let reaches = |side: &JobSnapshot| {
            let is_gold =
                |found: &&FoundPassage| is_gold(&self.gold, &found.source) || is_gold(&self.gold, &found.url);
            let mut pages = side.passages.iter().filter(is_gold);
            match side.answer.as_ref().filter(|_| answered) {
                Some(answer) => pages.any(|found| answer.cited.contains(&found.chunk)),
                None => pages.next().is_some(),
            }
        };
        Some((reaches(before), reaches(after)))
    }
}

impl LabelVerdict {
    /// The verdict from whether a gold page is reached before and after.
    pub(in crate::replay) fn of((before, after): (bool, bool)) -> Self {
        match (before, after) {
            (false, true) => Self::Better,
            (true, false) => Self::Worse,
            _ => Self::Same,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_keeps_its_questions_gold_pages_beside_a_visitors_rating() {
        let folder = tempfile::tempdir().unwrap();
        let recording = folder.path().join("november.jsonl.zst");
        std::fs::write(feedback_path(&recording), "{\"job_id\": \"rated\", \"rating\": \"down\"}\n").unwrap();
        let file = folder.path().join("labels.jsonl");
        let lines = [
            r#"{"question": "Giá?", "gold": ["price.html"], "rating": "up"}"#,
            r#"{"job_id": "told", "gold": ["told.html"]}"#,
        ];
        std::fs::write(&file, lines.join("\n")).unwrap();
        let mut labels = Labels::default();
        labels.read_feedback(&recording).unwrap();
        labels.read(&file).unwrap();
        let question = normalise("Giá?");
        let label = |gold: &str, rating| Label { gold: vec![gold.into()], rating: Some(rating) };
        for (job, merged) in [
            ("rated", label("price.html", Rating::Down)),
            ("told", label("told.html", Rating::Up)),
            ("other", label("price.html", Rating::Up)),
        ] {
            assert_eq!(labels.merged(job, &question), Some(merged), "{job}");
        }
        assert_eq!(labels.merged("rated", "q"), Some(Label { gold: vec![], rating: Some(Rating::Down) }));
        assert_eq!(labels.merged("other", "q"), None);
    }
}
