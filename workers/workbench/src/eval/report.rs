use std::{collections::BTreeMap, fmt};

use hoidap_shared::calibration::{self, Bin};
use hoidap_stages::classifier::OUT_OF_SCOPE;
use serde::Serialize;

use super::{
    EvaluatedQuestion,
    figures::{EvalFigures, answer_confidences},
    is_declined,
    measure::{MEASURES, Measure},
};

/// The figures over all questions, by script (or locale if no script is given) and by kind.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct EvalReport {
    pub(super) all: EvalFigures,
    pub(super) by_script: BTreeMap<String, EvalFigures>,
    pub(super) by_kind: BTreeMap<String, EvalFigures>,
    /// The figures of each kind by script, for kinds with several scripts.
    pub(super) by_kind_and_script: BTreeMap<String, BTreeMap<String, EvalFigures>>,
    /// How often answers of each confidence are right.
    pub(super) reliability: Vec<Bin>,
}

impl EvalReport {
    pub(crate) fn of(results: &[EvaluatedQuestion]) -> Self {
        let all: Vec<&EvaluatedQuestion> = results.iter().collect();
        let by_kind = groups(&all, |result| result.labelled.kind.as_deref());
        let scripts = |(kind, results): (&&str, &Vec<&EvaluatedQuestion>)| {
            let scripts = figures(&groups(results, |result| result.labelled.script()));
            (scripts.len() > 1).then(|| ((*kind).to_string(), scripts))
        };
        Self {
            all: EvalFigures::of(&all),
            by_script: figures(&groups(&all, |result| result.labelled.script())),
            by_kind: figures(&by_kind),
            by_kind_and_script: by_kind.iter().filter_map(scripts).collect(),
            reliability: calibration::bins(&answer_confidences(&all)),
        }
    }

    /// Each kind, followed by its scripts, whose names are indented by two spaces.
    pub(super) fn rows_by_kind(&self) -> Vec<(String, &EvalFigures)> {
        let scripts = |kind: &String| self.by_kind_and_script.get(kind).into_iter().flatten();
        let rows = self.by_kind.iter().flat_map(|(kind, figures)| {
            let scripts = scripts(kind).map(|(script, figures)| (format!("  {script}"), figures));
            [(kind.clone(), figures)].into_iter().chain(scripts)
        });
        rows.collect()
    }

    /// All questions, then each script.
    pub(super) fn columns(&self) -> Vec<(&str, &EvalFigures)> {
        let scripts = self.by_script.iter().map(|(name, figures)| (name.as_str(), figures));
        [("all", &self.all)].into_iter().chain(scripts).collect()
    }
}

/// The figures reported by kind.
pub(super) fn measures_by_kind() -> impl Iterator<Item = &'static Measure> + Clone {
    MEASURES.iter().filter(|measure| measure.by_kind)
}

type ResultGroups<'a> = BTreeMap<&'a str, Vec<&'a EvaluatedQuestion>>;

fn groups<'a>(
    results: &[&'a EvaluatedQuestion],
    group: fn(&EvaluatedQuestion) -> Option<&str>,
) -> ResultGroups<'a> {
    let mut groups = ResultGroups::new();
    for result in results {
        if let Some(name) = group(result) {
            groups.entry(name).or_default().push(result);
        }
    }
    groups
}

fn figures(groups: &ResultGroups<'_>) -> BTreeMap<String, EvalFigures> {
    groups.iter().map(|(name, results)| ((*name).to_string(), EvalFigures::of(results))).collect()
}

impl fmt::Display for EvalReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.columns();
        write!(f, "{:24}", "")?;
        columns.iter().try_for_each(|(name, _)| write!(f, "{name:>18}"))?;
        writeln!(f)?;
        for Measure { label, of, .. } in &MEASURES {
            write!(f, "{label:24}")?;
            columns.iter().try_for_each(|(_, figures)| write!(f, "{:>18}", of(figures)))?;
            writeln!(f)?;
        }
        if self.by_kind.is_empty() {
            return Ok(());
        }
        let rows = self.rows_by_kind();
        let width = rows.iter().map(|(name, _)| name.chars().count()).fold(4, usize::max);
        write!(f, "\n{:width$}", "kind")?;
        measures_by_kind().try_for_each(|measure| write!(f, "  {:>7}", measure.name))?;
        writeln!(f)?;
        for (name, figures) in &rows {
            write!(f, "{name:width$}")?;
            measures_by_kind().try_for_each(|measure| {
                write!(f, "  {:>1$}", (measure.of)(figures).short(), measure.name.len().max(7))
            })?;
            writeln!(f)?;
        }
        Ok(())
    }
}

/// One line for each error in a question's result.
pub(crate) fn describe_failures(result: &EvaluatedQuestion) -> Vec<String> {
    let (labelled, answer, judged) = (&result.labelled, &result.answer, &result.judged);
    let mut lines = Vec::new();
    let mut wrong = |what: &str, wanted: &str, found: &str| {
        lines.push(format!("{}\t{what}\twanted {wanted}\tfound {found}\t{}", labelled.id, labelled.question));
    };
    if let Some(intent) = labelled.intent.as_ref().filter(|intent| **intent != answer.intent.name) {
        wrong("intent", intent, &format!("{} {:.2}", answer.intent.name, answer.intent.confidence));
    }
    if labelled.product.matches(answer.product.as_deref()) == Some(false) {
        wrong("product", labelled.product.name(), answer.product.as_deref().unwrap_or("none"));
    }
    let support = result.support.map_or_else(|| "-".to_string(), |support| format!("{support:.2}"));
    let outcome = format!("{} support {support}", answer.outcome.name());
    if judged.cited == Some(false) {
        let cited: Vec<_> = answer.sources.iter().map(|source| source.metadata.source.as_str()).collect();
        wrong("source", &labelled.gold.join(" "), &format!("{outcome} {}", cited.join(" ")));
    }
    if !labelled.choices.is_empty() && !judged.right {
        wrong("choices", &labelled.choices.join(" "), &outcome);
    }
    if !labelled.answer_contains.is_empty() && !judged.right {
        wrong("answer", &labelled.answer_contains.join(" "), &outcome);
    }
    let out_of_scope = labelled.intent.as_deref() == Some(OUT_OF_SCOPE);
    if (out_of_scope && !is_declined(answer.outcome)) || (!labelled.answerable() && judged.answered) {
        wrong("scope", "declined", &outcome);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::fixtures::results;

    #[test]
    fn a_report_has_a_table_of_scripts_and_one_of_kinds() {
        let text = EvalReport::of(&results()).to_string();
        let line = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap();
        assert_eq!(
            line("right  ").split_whitespace().collect::<Vec<_>>(),
            ["right", "0.667", "(2/3)", "0.667", "(2/3)"]
        );
        assert_eq!(line("intent").split_whitespace().last(), Some("-"));
        assert!(line("price").contains("1.000"), "{text}");
        assert_eq!(line("kind").len(), line("limit").len());
        assert!(!text.contains("\n  vi"), "one language needs no rows of its own: {text}");
        let mut results = results();
        results[0].labelled.script = Some("bare".into());
        let text = EvalReport::of(&results).to_string();
        let prices: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("price")).take(3).collect();
        let told: Vec<_> =
            prices.iter().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>()).collect();
        assert_eq!(told, [["price", "2"], ["bare", "1"], ["vi", "1"]], "{text}");
    }

    #[test]
    fn each_error_is_a_line() {
        let lines: Vec<String> = results().iter().flat_map(describe_failures).collect();
        assert_eq!(
            lines,
            [
                "c\tsource\twanted c.html\tfound unanswered support 0.90 \tCâu hỏi c?",
                "c\tanswer\twanted 7 ngày\tfound unanswered support 0.90\tCâu hỏi c?",
                "d\tscope\twanted declined\tfound answered support 0.90\tCâu hỏi d?",
            ]
        );
    }
}
