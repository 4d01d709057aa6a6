use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::Serialize;

use crate::replay::figures::summary::{RULE_FIGURES, ReplaySummary};

/// When a replay counts as failed: comparisons of figures with numbers, joined by `and` and `or` (`and` binds closer).
#[derive(Clone, Debug)]
pub struct FailRule {
    text: String,
    any: Vec<Vec<Comparison>>,
}

#[derive(Clone, Debug)]
struct Comparison {
    figure: String,
    operator: Operator,
    number: f64,
}

#[derive(Clone, Copy, Debug)]
enum Operator {
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// The result of evaluating a rule.
#[derive(Debug, Serialize)]
pub(crate) struct FailRuleResult {
    rule: String,
    pub(crate) failed: bool,
    values: BTreeMap<String, f64>,
}

impl FromStr for FailRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let any = text
            .split(" or ")
            .map(|all| all.split(" and ").map(str::parse).collect::<Result<Vec<Comparison>, _>>())
            .collect::<Result<_, _>>()?;
        Ok(Self { text: text.into(), any })
    }
}

impl FromStr for Comparison {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [figure, operator, number] = words[..] else {
            return Err(format!(
                "`{text}` is not a comparison: write a figure, an operator and a number, as in `overlap@8 < 0.8`"
            ));
        };
        if !RULE_FIGURES.contains(&figure) {
            return Err(format!(
                "`{figure}` is not a figure of the report: choose from {}",
                RULE_FIGURES.join(", ")
            ));
        }
        let operator = match operator {
            "<" => Operator::Less,
            "<=" => Operator::AtMost,
            ">" => Operator::Greater,
            ">=" => Operator::AtLeast,
            other => return Err(format!("`{other}` is not an operator: choose from <, <=, >, >=")),
        };
        let number = number.parse().map_err(|_| format!("`{number}` is not a number"))?;
        Ok(Self { figure: figure.into(), operator, number })
    }
}

impl FailRule {
    /// Evaluates the rule.
    ///
    /// # Errors
    /// When a figure was not measured: such a rule must not pass.
    pub(crate) fn evaluate(&self, summary: &ReplaySummary) -> anyhow::Result<FailRuleResult> {
        let mut values = BTreeMap::new();
        let mut failed = false;
        for all in &self.any {
            let mut holds = true;
            for Comparison { figure, operator, number } in all {
                let value = summary.figure(figure).ok_or_else(|| {
                    anyhow::anyhow!(
                        "--fail-if: {figure} could not be measured: no replayed job has the needed data"
                    )
                })?;
                holds &= match operator {
                    Operator::Less => value < *number,
                    Operator::AtMost => value <= *number,
                    Operator::Greater => value > *number,
                    Operator::AtLeast => value >= *number,
                };
                values.insert(figure.clone(), value);
            }
            failed |= holds;
        }
        Ok(FailRuleResult { rule: self.text.clone(), failed, values })
    }
}

impl fmt::Display for FailRuleResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<_> =
            self.values.iter().map(|(name, value)| format!("{name} is {value:.4}")).collect();
        write!(f, "--fail-if `{}`: {}", self.rule, values.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::{comparison::job_report::Aspect, figures::tally::ReplayTally};

    fn summary() -> ReplaySummary {
        let compared = [(Aspect::Outcome, 100)].into();
        let mut tally = ReplayTally { same: 90, visible: 10, compared, ..ReplayTally::default() };
        (0..4).for_each(|_| tally.overlap.add(0.75));
        ReplaySummary::of(&tally)
    }

    #[test]
    fn a_rule_fails_by_its_figures() {
        for (rule, failed) in [
            ("overlap@8 < 0.8", true),
            ("overlap@8 < 0.7", false),
            ("overlap@8 < 0.7 or visible >= 0.1", true),
            ("overlap@8 < 0.8 and visible > 0.1", false),
            ("same <= 0.9 and overlap@8 < 0.8 or failed > 0", true),
        ] {
            assert_eq!(
                rule.parse::<FailRule>().unwrap().evaluate(&summary()).unwrap().failed,
                failed,
                "{rule}"
            );
        }
    }

    #[test]
    fn invalid_rules_are_refused() {
        for (rule, what) in [
            ("overlap < 0.8", "choose from overlap@8"),
            ("overlap@8 = 0.8", "not an operator"),
            ("overlap@8 < much", "not a number"),
            ("overlap@8", "not a comparison"),
            ("", "not a comparison"),
        ] {
            let error = rule.parse::<FailRule>().unwrap_err();
            assert!(error.contains(what), "{error}");
        }
        let error = "gold < 0.5".parse::<FailRule>().unwrap().evaluate(&summary()).unwrap_err().to_string();
        assert!(error.contains("gold could not be measured"), "{error}");
    }
}
