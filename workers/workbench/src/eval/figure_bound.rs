use std::str::FromStr;

use anyhow::bail;

use super::{
    labelled_question::LabelledQuestion,
    measure::{MEASURES, Measure},
    report::EvalReport,
};

/// A bound on a figure, from `--fail-if`: `right<0.9`, `vi.right<0.9` or `kind:table.right<0.8`.
#[derive(Clone, Debug)]
pub(crate) struct FigureBound {
    text: String,
    questions: QuestionGroup,
    measure: &'static Measure,
    /// Whether a lower value violates it; otherwise a higher one does.
    below: bool,
    limit: f64,
}

/// The questions that a bound applies to.
#[derive(Clone, Debug, PartialEq)]
enum QuestionGroup {
    All,
    Script(String),
    Kind(String),
}

impl FromStr for FigureBound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((named, limit)) = text.split_once(['<', '>']) else {
            return Err(format!(
                "`{text}` is not a bound: write a figure, `<` or `>` and a number, as in `right<0.9`"
            ));
        };
        let (group, name) = match named.trim().rsplit_once('.') {
            Some((group, name)) => (Some(group), name),
            None => (None, named.trim()),
        };
        let Some(measure) = MEASURES.iter().find(|measure| measure.name == name) else {
            let known: Vec<&str> = MEASURES.iter().map(|measure| measure.name).collect();
            return Err(format!("`{name}` is not a figure of the report: choose from {}", known.join(", ")));
        };
        let limit = limit.trim();
        let number = limit.parse().ok().filter(|number: &f64| number.is_finite());
        Ok(Self {
            text: text.into(),
            questions: match (group, group.and_then(|group| group.strip_prefix("kind:"))) {
                (None, _) => QuestionGroup::All,
                (Some(_), Some(kind)) => QuestionGroup::Kind(kind.into()),
                (Some(script), None) => QuestionGroup::Script(script.into()),
            },
            measure,
            below: text[named.len()..].starts_with('<'),
            limit: number.ok_or_else(|| format!("`{limit}` is not a number"))?,
        })
    }
}

impl FigureBound {
    /// Checks that the bound applies to any question.
    ///
    /// # Errors
    /// When no question has the script or kind that it names.
    pub(super) fn check(&self, questions: &[LabelledQuestion]) -> anyhow::Result<()> {
        let (what, named, known) = match &self.questions {
            QuestionGroup::All => return Ok(()),
            QuestionGroup::Script(name) => ("script", name, names(questions, LabelledQuestion::script)),
            QuestionGroup::Kind(name) => {
                ("kind", name, names(questions, |labelled| labelled.kind.as_deref()))
            }
        };
        if !known.contains(&named.as_str()) {
            bail!(
                "--fail-if `{}`: no question is of the {what} `{named}`: choose from {}",
                self.text,
                known.join(", ")
            );
        }
        Ok(())
    }

    /// The violation, in a sentence. A figure that could not be measured is a violation too.
    pub(super) fn violation(&self, report: &EvalReport) -> Option<String> {
        let figures = match &self.questions {
            QuestionGroup::All => Some(&report.all),
            QuestionGroup::Script(name) => report.by_script.get(name),
            QuestionGroup::Kind(name) => report.by_kind.get(name),
        };
        let Self { text, measure, limit, .. } = self;
        let Some(value) = figures.and_then(|figures| (measure.of)(figures).number()) else {
            return Some(format!("`{text}`: no question has the label that `{}` needs", measure.name));
        };
        let (broken, side) = if self.below { (value < *limit, "below") } else { (value > *limit, "above") };
        broken.then(|| format!("`{text}`: it is {value:.4}, {:.4} {side}", (value - limit).abs()))
    }
}

/// The distinct names, sorted.
fn names<'a>(
    questions: &'a [LabelledQuestion],
    name: impl Fn(&'a LabelledQuestion) -> Option<&'a str>,
) -> Vec<&'a str> {
    let names: std::collections::BTreeSet<_> = questions.iter().filter_map(name).collect();
    names.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::fixtures::results;

    fn bound(text: &str) -> FigureBound {
        text.parse().unwrap()
    }

    #[test]
    fn a_violation_says_by_how_much() {
        let report = EvalReport::of(&results());
        for (text, broken) in [
            ("right<0.9", Some("`right<0.9`: it is 0.6667, 0.2333 below")),
            ("right < 0.6", None),
            ("vi.refused_rightly<0.75", Some("`vi.refused_rightly<0.75`: it is 0.5000, 0.2500 below")),
            ("refused_rightly<0.5", None),
            ("kind:limit.right<0.8", Some("`kind:limit.right<0.8`: it is 0.0000, 0.8000 below")),
            ("kind:price.right<0.8", None),
            ("p95_ms>40", Some("`p95_ms>40`: it is 50.0000, 10.0000 above")),
            ("ece>0.5", None),
            ("intent<0.5", Some("`intent<0.5`: no question has the label that `intent` needs")),
        ] {
            assert_eq!(bound(text).violation(&report).as_deref(), broken);
        }
    }

    #[test]
    fn invalid_bounds_are_refused() {
        for (text, what) in [
            ("rihgt<0.8", "choose from questions, intent,"),
            ("vi.rihgt<0.8", "`rihgt` is not a figure"),
            ("right", "is not a bound"),
            ("right=0.8", "is not a bound"),
            ("right<much", "`much` is not a number"),
            ("right<nan", "`nan` is not a number"),
            ("", "is not a bound"),
        ] {
            let error = text.parse::<FigureBound>().unwrap_err();
            assert!(error.contains(what), "{error}");
        }
    }

    #[test]
    fn bounds_without_questions_are_refused_before_the_run() {
        let questions: Vec<LabelledQuestion> = results().into_iter().map(|result| result.labelled).collect();
        assert_eq!(bound("kind:a.b.right<1").questions, QuestionGroup::Kind("a.b".into()));
        for known in ["right<1", "vi.right<1", "kind:price.right<1"] {
            bound(known).check(&questions).unwrap();
        }
        let error = bound("kind:table.right<1").check(&questions).unwrap_err().to_string();
        assert!(error.contains("choose from limit, none, price"), "{error}");
        let error = bound("en.right<1").check(&questions).unwrap_err().to_string();
        assert!(error.contains("no question is of the script `en`: choose from vi"), "{error}");
    }
}
