use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::Serialize;

use super::summary::{FIGURES, Summary};

/// When a replay counts as failed: comparisons of figures with numbers, joined by `and` and `or` (`and` binds closer).
#[derive(Clone, Debug)]
pub struct Rule {
    text: String,
    any: Vec<Vec<Comparison>>,
}

#[derive(Clone, Debug)]
struct Comparison {
    figure: String,
    sign: Sign,
    number: f64,
}

#[derive(Clone, Copy, Debug)]
enum Sign {
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// What a rule came to.
#[derive(Debug, Serialize)]
pub(crate) struct Ruling {
    rule: String,
    pub(crate) failed: bool,
    values: BTreeMap<String, f64>,
}

impl FromStr for Rule {
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
        let [figure, sign, number] = words[..] else {
            return Err(format!(
                "`{text}` is no comparison: write a figure, a sign and a number, as in `overlap@8 < 0.8`"
            ));
        };
        if !FIGURES.contains(&figure) {
            return Err(format!("`{figure}` is no figure of the report: choose from {}", FIGURES.join(", ")));
        }
        let sign = match sign {
            "<" => Sign::Less,
            "<=" => Sign::AtMost,
            ">" => Sign::Greater,
            ">=" => Sign::AtLeast,
            other => return Err(format!("`{other}` is no sign: choose from <, <=, >, >=")),
        };
        let number = number.parse().map_err(|_| format!("`{number}` is no number"))?;
        Ok(Self { figure: figure.into(), sign, number })
    }
}

impl Rule {
    /// Applies the rule.
    ///
    /// # Errors
    /// When a figure was not measured: a rule that measures nothing must not pass for one that holds.
    pub(crate) fn judge(&self, summary: &Summary) -> anyhow::Result<Ruling> {
        let mut values = BTreeMap::new();
        let mut failed = false;
        for all in &self.any {
            let mut holds = true;
            for Comparison { figure, sign, number } in all {
                let value = summary.figure(figure).ok_or_else(|| {
                    anyhow::anyhow!(
                        "--fail-if: {figure} could not be measured: no replayed job has what it takes"
                    )
                })?;
                holds &= match sign {
                    Sign::Less => value < *number,
                    Sign::AtMost => value <= *number,
                    Sign::Greater => value > *number,
                    Sign::AtLeast => value >= *number,
                };
                values.insert(figure.clone(), value);
            }
            failed |= holds;
        }
        Ok(Ruling { rule: self.text.clone(), failed, values })
    }
}

impl fmt::Display for Ruling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<_> =
            self.values.iter().map(|(name, value)| format!("{name} is {value:.4}")).collect();
        write!(f, "--fail-if `{}`: {}", self.rule, values.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::tally::Tally;

    fn summary() -> Summary {
        let mut tally = Tally { same: 90, visible: 10, ..Tally::default() };
        (0..4).for_each(|_| tally.overlap.add(0.75));
        Summary::of(&tally)
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
            assert_eq!(rule.parse::<Rule>().unwrap().judge(&summary()).unwrap().failed, failed, "{rule}");
        }
    }

    #[test]
    fn what_cannot_be_judged_is_said() {
        for (rule, what) in [
            ("overlap < 0.8", "choose from overlap@8"),
            ("overlap@8 = 0.8", "no sign"),
            ("overlap@8 < much", "no number"),
            ("overlap@8", "no comparison"),
            ("", "no comparison"),
        ] {
            let error = rule.parse::<Rule>().unwrap_err();
            assert!(error.contains(what), "{error}");
        }
        let error = "gold < 0.5".parse::<Rule>().unwrap().judge(&summary()).unwrap_err().to_string();
        assert!(error.contains("gold could not be measured"), "{error}");
    }
}
