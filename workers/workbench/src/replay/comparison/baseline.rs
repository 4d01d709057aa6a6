use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::replay::replayed_stage::ReplayedStage;

/// Numbers that differ by no more than this count as equal after rounding: other processors add in another order.
const ROUNDING_TOLERANCE: f64 = 1e-4;
/// Differences listed as examples.
const MAX_EXAMPLES: usize = 5;
/// Maximum length of a value in an example, in characters.
const MAX_VALUE_CHARS: usize = 80;

/// Counts of a replay with nothing changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct BaselineTally {
    /// Jobs that were replayed.
    pub(in crate::replay) jobs: u64,
    /// Jobs whose messages are all byte-identical to the recorded ones.
    pub(in crate::replay) identical: u64,
    /// Jobs that are equal except for numbers that differ by at most [`ROUNDING_TOLERANCE`].
    pub(in crate::replay) close: u64,
    /// All other jobs.
    pub(in crate::replay) different: u64,
    /// The first differences, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::replay) examples: Vec<String>,
}

/// How one replayed job compares with the recorded one.
#[derive(Debug, PartialEq)]
pub(in crate::replay) enum BaselineMatch {
    Identical,
    Close,
    Different(String),
}

impl BaselineTally {
    pub(in crate::replay) fn add(&mut self, result: BaselineMatch) {
        self.jobs += 1;
        match result {
            BaselineMatch::Identical => self.identical += 1,
            BaselineMatch::Close => self.close += 1,
            BaselineMatch::Different(what) => {
                self.different += 1;
                if self.examples.len() < MAX_EXAMPLES {
                    self.examples.push(what);
                }
            }
        }
    }
}

impl BaselineTally {
    /// # Errors
    /// When a job differs, or no job was replayed.
    pub(in crate::replay) fn ensure_unchanged(&self) -> anyhow::Result<()> {
        let Self { jobs, different, examples, .. } = self;
        anyhow::ensure!(*jobs > 0, "the baseline checks nothing: no job of the recording can be replayed");
        anyhow::ensure!(
            *different == 0,
            "the baseline fails: {different} of {jobs} jobs come out otherwise with nothing changed, so that differences would \
             say nothing. Replay with the configuration, the indices and the release of the recording (--config, \
             --baseline-collection).\n  {}",
            examples.join("\n  ")
        );
        Ok(())
    }
}

/// Compares a job's replayed outputs with the recorded ones, byte for byte.
pub(in crate::replay) fn compare_bytes(job: &str, steps: &[ReplayedStage]) -> anyhow::Result<BaselineMatch> {
    let mut result = BaselineMatch::Identical;
    for step in steps {
        let told = |what: String| BaselineMatch::Different(format!("job {job}, {}: {what}", step.stage));
        let after = match &step.after {
            Ok(after) => after,
            Err(problem) => return Ok(told(problem.what.clone())),
        };
        if rmp_serde::to_vec_named(&step.before)? == rmp_serde::to_vec_named(after)? {
            continue;
        }
        match first_difference(
            &serde_json::to_value(&step.before)?,
            &serde_json::to_value(after)?,
            String::new(),
        ) {
            Some(what) => return Ok(told(what)),
            None => result = BaselineMatch::Close,
        }
    }
    Ok(result)
}

/// The first difference of two messages beyond rounding.
fn first_difference(before: &Value, after: &Value, at: String) -> Option<String> {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) if before.len() == after.len() => {
            before.iter().find_map(|(key, value)| {
                first_difference(value, after.get(key).unwrap_or(&Value::Null), format!("{at}.{key}"))
            })
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => before
            .iter()
            .zip(after)
            .enumerate()
            .find_map(|(i, (b, a))| first_difference(b, a, format!("{at}[{i}]"))),
        (Value::Number(b), Value::Number(a)) if nearly_equal(b.as_f64(), a.as_f64()) => None,
        _ if before == after => None,
        _ => Some(format!(
            "`{}` was {}, is {}",
            at.trim_start_matches('.'),
            shortened(before),
            shortened(after)
        )),
    }
}

fn nearly_equal(before: Option<f64>, after: Option<f64>) -> bool {
    before.zip(after).is_some_and(|(before, after)| (before - after).abs() <= ROUNDING_TOLERANCE)
}

fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MAX_VALUE_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_names_its_path() {
        let before = json!({"passages": [{"score": 0.5, "text": "a"}], "n": 1});
        assert_eq!(first_difference(&before, &before, String::new()), None);
        let close = json!({"passages": [{"score": 0.500_01, "text": "a"}], "n": 1});
        assert_eq!(first_difference(&before, &close, String::new()), None);
        for (other, told) in [
            (
                json!({"passages": [{"score": 0.6, "text": "a"}], "n": 1}),
                "`passages[0].score` was 0.5, is 0.6",
            ),
            (json!({"passages": [], "n": 1}), "`passages` was [{\"score\":0.5,\"text\":\"a\"}], is []"),
            (json!({"passages": [{"score": 0.5, "text": "a"}], "m": 1}), "`n` was 1, is null"),
        ] {
            assert_eq!(first_difference(&before, &other, String::new()).as_deref(), Some(told));
        }
    }
}
