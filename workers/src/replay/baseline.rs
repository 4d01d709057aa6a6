use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::made::Step;

/// How far two numbers may lie apart to be equal after rounding: another kind of processor adds in another order.
const ROUNDING: f64 = 1e-4;
/// Differences that are told one by one.
const TOLD: usize = 5;
/// Longest value that is told, in characters.
const LONGEST: usize = 80;

/// How an unchanged replay came out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Baseline {
    /// Jobs that were replayed.
    pub(super) jobs: u64,
    /// Every message of theirs was the recorded one, byte for byte.
    pub(super) identical: u64,
    /// The same but for numbers that lie less than [`ROUNDING`] apart.
    pub(super) close: u64,
    /// Anything else.
    pub(super) different: u64,
    /// The first differences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) examples: Vec<String>,
}

/// How one job came out.
#[derive(Debug, PartialEq)]
pub(super) enum Sameness {
    Identical,
    Close,
    Different(String),
}

impl Baseline {
    pub(super) fn add(&mut self, sameness: Sameness) {
        self.jobs += 1;
        match sameness {
            Sameness::Identical => self.identical += 1,
            Sameness::Close => self.close += 1,
            Sameness::Different(what) => {
                self.different += 1;
                if self.examples.len() < TOLD {
                    self.examples.push(what);
                }
            }
        }
    }
}

impl Baseline {
    /// # Errors
    /// When a job came out otherwise, or there was none.
    pub(super) fn proved(&self) -> anyhow::Result<()> {
        let Self { jobs, different, examples, .. } = self;
        anyhow::ensure!(*jobs > 0, "the baseline proves nothing: no job of the recording can be replayed");
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

/// Compares what the stages made of a job with what was recorded, byte for byte.
pub(super) fn check(job: &str, steps: &[Step]) -> anyhow::Result<Sameness> {
    let mut sameness = Sameness::Identical;
    for step in steps {
        let told = |what: String| Sameness::Different(format!("job {job}, {}: {what}", step.stage));
        let after = match &step.after {
            Ok(after) => after,
            Err(problem) => return Ok(told(problem.what.clone())),
        };
        if step.before.bytes()? == after.bytes()? {
            continue;
        }
        match apart(&step.before.tree()?, &after.tree()?, String::new()) {
            Some(what) => return Ok(told(what)),
            None => sameness = Sameness::Close,
        }
    }
    Ok(sameness)
}

/// Where two messages differ by more than a rounding.
fn apart(before: &Value, after: &Value, at: String) -> Option<String> {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) if before.len() == after.len() => {
            before.iter().find_map(|(key, value)| {
                apart(value, after.get(key).unwrap_or(&Value::Null), format!("{at}.{key}"))
            })
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            before.iter().zip(after).enumerate().find_map(|(i, (b, a))| apart(b, a, format!("{at}[{i}]")))
        }
        (Value::Number(b), Value::Number(a)) if near(b.as_f64(), a.as_f64()) => None,
        _ if before == after => None,
        _ => Some(format!("`{}` was {}, is {}", at.trim_start_matches('.'), short(before), short(after))),
    }
}

fn near(before: Option<f64>, after: Option<f64>) -> bool {
    before.zip(after).is_some_and(|(before, after)| (before - after).abs() <= ROUNDING)
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_is_told_by_its_place() {
        let before = json!({"passages": [{"score": 0.5, "text": "a"}], "n": 1});
        assert_eq!(apart(&before, &before, String::new()), None);
        let close = json!({"passages": [{"score": 0.500_01, "text": "a"}], "n": 1});
        assert_eq!(apart(&before, &close, String::new()), None);
        for (other, told) in [
            (
                json!({"passages": [{"score": 0.6, "text": "a"}], "n": 1}),
                "`passages[0].score` was 0.5, is 0.6",
            ),
            (json!({"passages": [], "n": 1}), "`passages` was [{\"score\":0.5,\"text\":\"a\"}], is []"),
            (json!({"passages": [{"score": 0.5, "text": "a"}], "m": 1}), "`n` was 1, is null"),
        ] {
            assert_eq!(apart(&before, &other, String::new()).as_deref(), Some(told));
        }
    }
}
