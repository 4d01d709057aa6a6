use std::{collections::HashMap, io::BufRead as _, path::Path};

use anyhow::Context as _;
use hoidap_shared::{events::Rating, text::normalise};
use serde::Deserialize;

use super::{
    difference::Judged,
    messages::Messages,
    side::{Found, Side},
};
use crate::{eval::is_gold, recording::feedback_of};

/// What people said of jobs: the pages that answer a question, and how an answer was received.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    jobs: HashMap<String, Label>,
    questions: HashMap<String, Label>,
}

/// What is known of one job.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Label {
    /// Endings of the paths or addresses of pages that answer it.
    #[serde(default)]
    pub(super) gold: Vec<String>,
    /// The visitor's word on the answer.
    #[serde(default)]
    pub(super) rating: Option<Rating>,
}

/// One line of a file of labels.
#[derive(Debug, Deserialize)]
struct Line {
    /// The job; without it, every job with this question is meant.
    #[serde(default)]
    job_id: Option<String>,
    #[serde(default)]
    question: Option<String>,
    #[serde(flatten)]
    label: Label,
}

impl Labels {
    /// Adds the labels of a file: JSON Lines with `job_id` or `question`, and `gold` or `rating`.
    pub(super) fn read(&mut self, path: &Path) -> anyhow::Result<()> {
        let file =
            std::fs::File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
        for (number, line) in std::io::BufReader::new(file).lines().enumerate() {
            let at = || format!("{}:{}", path.display(), number + 1);
            let line = line.with_context(|| format!("{} cannot be read", at()))?;
            if line.trim().is_empty() {
                continue;
            }
            let Line { job_id, question, label } = serde_json::from_str(&line).with_context(|| {
                format!("{} is no label: it has `job_id` or `question`, and `gold` or `rating`", at())
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

    /// Adds what visitors said, which stands beside a recording, or beside each one of a folder.
    pub(super) fn read_feedback(&mut self, recording: &Path) -> anyhow::Result<()> {
        let mut recordings = vec![recording.to_path_buf()];
        if recording.is_dir() {
            recordings = std::fs::read_dir(recording)?
                .map(|entry| Ok(entry?.path()))
                .collect::<anyhow::Result<_>>()?;
        }
        let files = recordings.iter().map(|recording| feedback_of(recording));
        files.filter(|file| file.is_file()).try_for_each(|file| self.read(&file))
    }

    /// What is known of a job.
    pub(super) fn of(&self, messages: &Messages) -> Option<&Label> {
        let answer = &messages.answer;
        self.jobs.get(answer.job_id.as_str()).or_else(|| self.questions.get(&answer.body.question))
    }
}

impl Label {
    /// Whether a gold page is reached, as it was recorded and as it was replayed: cited or, where the replay went no further
    /// than the search, found.
    pub(super) fn reached(&self, before: &Side, after: &Side) -> Option<(bool, bool)> {
        if self.gold.is_empty() {
            return None;
        }
        let answered = after.answer.is_some();
        let reaches = |side: &Side| {
            let is_gold =
                |found: &&Found| is_gold(&self.gold, &found.source) || is_gold(&self.gold, &found.url);
            let mut pages = side.passages.iter().filter(is_gold);
            match side.answer.as_ref().filter(|_| answered) {
                Some(answer) => pages.any(|found| answer.cited.contains(&found.chunk)),
                None => pages.next().is_some(),
            }
        };
        Some((reaches(before), reaches(after)))
    }
}

impl Judged {
    /// What reaching a gold page before and after comes to.
    pub(super) fn of((before, after): (bool, bool)) -> Self {
        match (before, after) {
            (false, true) => Self::Better,
            (true, false) => Self::Worse,
            _ => Self::Same,
        }
    }
}
