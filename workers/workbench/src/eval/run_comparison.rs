use std::{collections::HashMap, fmt};

use hoidap_shared::{job::Outcome, text::normalise};
use serde::Serialize;

use super::result_row::ResultRow;

/// Maximum length of an answer's excerpt, in characters.
const MAX_EXCERPT_CHARS: usize = 120;

/// What changed since an earlier run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct RunChanges {
    /// Questions of both runs. A question with a changed text is another question.
    pub(super) questions: usize,
    pub(super) only_in_baseline: usize,
    pub(super) only_in_this_run: usize,
    /// Answers whose text is the same, byte for byte.
    pub(super) identical: usize,
    pub(super) became_right: usize,
    pub(super) became_wrong: usize,
    /// Questions that were refused and are answered now.
    pub(super) became_answered: usize,
    /// Questions that were answered and are refused now.
    pub(super) became_refused: usize,
    /// Questions whose answer differs, or is right in only one of the runs.
    pub(super) changes: Vec<AnswerChange>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct AnswerChange {
    pub(super) id: String,
    pub(super) was_right: bool,
    pub(super) is_right: bool,
    /// The beginnings of the two texts, on one line.
    pub(super) before: String,
    pub(super) after: String,
}

impl RunChanges {
    pub(super) fn between(before: &[ResultRow], after: &[ResultRow]) -> Self {
        let mut earlier: HashMap<_, _> = before.iter().map(|row| ((&row.id, &row.question), row)).collect();
        let mut changes = Self::default();
        for row in after {
            let Some(old) = earlier.remove(&(&row.id, &row.question)) else {
                changes.only_in_this_run += 1;
                continue;
            };
            changes.questions += 1;
            changes.identical += usize::from(old.text == row.text);
            changes.became_right += usize::from(!old.right && row.right);
            changes.became_wrong += usize::from(old.right && !row.right);
            let answered = (old.outcome == Outcome::Answered, row.outcome == Outcome::Answered);
            changes.became_answered += usize::from(answered == (false, true));
            changes.became_refused += usize::from(answered == (true, false));
            if old.text != row.text || old.right != row.right {
                changes.changes.push(AnswerChange {
                    id: row.id.clone(),
                    was_right: old.right,
                    is_right: row.right,
                    before: excerpt(&old.text),
                    after: excerpt(&row.text),
                });
            }
        }
        changes.only_in_baseline = earlier.len();
        changes
    }
}

fn excerpt(text: &str) -> String {
    normalise(text).chars().take(MAX_EXCERPT_CHARS).collect()
}

impl RunChanges {
    /// The counts with their names.
    pub(super) fn counts(&self) -> [(&'static str, usize); 9] {
        [
            ("questions of both runs", self.questions),
            ("only in the baseline", self.only_in_baseline),
            ("only in this run", self.only_in_this_run),
            ("answers byte-identical", self.identical),
            ("answers that differ", self.questions - self.identical),
            ("became right", self.became_right),
            ("became wrong", self.became_wrong),
            ("became answered", self.became_answered),
            ("became refused", self.became_refused),
        ]
    }
}

impl fmt::Display for RunChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in self.counts() {
            writeln!(f, "{name:24}{count:>8}")?;
        }
        for change in &self.changes {
            let AnswerChange { id, before, after, .. } = change;
            writeln!(f, "\n{id}\t{}\n  before: {before}\n  after:  {after}", change.description())?;
        }
        Ok(())
    }
}

impl AnswerChange {
    /// The change, in words.
    pub(super) fn description(&self) -> &'static str {
        match (self.was_right, self.is_right) {
            (false, true) => "became right",
            (true, false) => "became wrong",
            (true, true) => "right in both",
            (false, false) => "wrong in both",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::{fixtures::results, labelled_question::read_json_lines, result_row::write_rows};

    fn rows() -> Vec<ResultRow> {
        results().iter().map(ResultRow::of).collect()
    }

    #[test]
    fn a_written_run_is_its_own_baseline() {
        let file = tempfile::NamedTempFile::new().unwrap();
        write_rows(file.as_file(), &rows()).unwrap();
        let read: Vec<ResultRow> = read_json_lines(file.path(), "a line of an earlier run").unwrap();
        let changes = RunChanges::between(&read, &rows());
        assert_eq!(changes, RunChanges { questions: 5, identical: 5, ..RunChanges::default() });
        std::fs::write(file.path(), "{\"id\": 1}\n").unwrap();
        let error =
            read_json_lines::<ResultRow>(file.path(), "a line of an earlier run").unwrap_err().to_string();
        assert!(error.ends_with(":1 is not a line of an earlier run"), "{error}");
    }

    #[test]
    fn changes_are_counted_and_shown() {
        let (mut before, mut after) = (rows(), rows());
        before[0].text = format!("Giá\n{}", "x".repeat(200));
        before[0].right = false;
        after[1].text = "Ba bốn.".into();
        after[3].right = true;
        after[4].right = false;
        (before[3].outcome, after[0].outcome) = (Outcome::Unanswered, Outcome::Unanswered);
        before[2].question = "Asked otherwise?".into();
        let changes = RunChanges::between(&before, &after);
        assert_eq!((changes.questions, changes.only_in_baseline, changes.only_in_this_run), (4, 1, 1));
        assert_eq!((changes.identical, changes.became_right, changes.became_wrong), (2, 2, 1));
        assert_eq!((changes.became_answered, changes.became_refused), (1, 1));
        let ids: Vec<&str> = changes.changes.iter().map(|change| change.id.as_str()).collect();
        assert_eq!(ids, ["a", "b", "d", "e"]);
        assert_eq!(changes.changes[0].before, format!("Giá {}", "x".repeat(116)));
        let text = changes.to_string();
        assert!(text.contains("\nb\tright in both\n  before: Một hai.\n  after:  Ba bốn.\n"), "{text}");
        assert!(text.contains("\nanswers that differ            2\n"), "{text}");
    }
}
