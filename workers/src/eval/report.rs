use std::{collections::BTreeMap, fmt};

use hoidap_shared::job::Outcome;
use serde::Serialize;

use super::{Measured, declined};
use crate::classifier::OUT_OF_SCOPE;

/// A share of questions: how many of how many.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Share {
    hits: usize,
    of: usize,
}

impl Share {
    fn count(&mut self, hit: bool) {
        self.hits += usize::from(hit);
        self.of += 1;
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.of == 0 {
            return f.pad("-");
        }
        f.pad(&format!("{:.3} ({}/{})", self.hits as f64 / self.of as f64, self.hits, self.of))
    }
}

/// What was measured, over all questions or over one script.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    questions: usize,
    /// The intent is the labelled one.
    intent: Share,
    /// The product is the labelled one.
    product: Share,
    /// Of questions with gold pages: a passage comes from one.
    retrieved: Share,
    /// Of questions with gold pages: answered.
    answered: Share,
    /// Of questions with gold pages: a cited source is one of them.
    cited: Share,
    /// Of out-of-scope questions: not answered as if they were in scope.
    declined: Share,
    mean_ms: f64,
}

impl Figures {
    fn add(&mut self, result: &Measured) {
        let labelled = &result.labelled;
        self.questions += 1;
        self.mean_ms += (result.took_ms as f64 - self.mean_ms) / self.questions as f64;
        if let Some(intent) = &labelled.intent {
            self.intent.count(result.answer.intent.name == *intent);
            if intent == OUT_OF_SCOPE {
                self.declined.count(declined(result.answer.outcome));
            }
        }
        if let Some(product) = &labelled.product {
            self.product.count(result.answer.product == *product);
        }
        if !labelled.gold.is_empty() {
            self.retrieved
                .count(result.passages.iter().any(|source| is_gold(labelled.gold.as_slice(), source)));
            self.answered.count(result.answer.outcome == Outcome::Answered);
            self.cited.count(cites_gold(result));
        }
    }
}

/// One of a script's figures.
type Measure = fn(&Figures) -> Share;

/// The figures over all questions and by script (or locale, where no script is given).
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    all: Figures,
    by_script: BTreeMap<String, Figures>,
}

impl Report {
    pub(crate) fn of(results: &[Measured]) -> Self {
        let mut report = Self { all: Figures::default(), by_script: BTreeMap::new() };
        for result in results {
            report.all.add(result);
            if let Some(script) = result.labelled.script.as_ref().or(result.labelled.locale.as_ref()) {
                report.by_script.entry(script.clone()).or_default().add(result);
            }
        }
        report
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<(&str, &Figures)> = [("all", &self.all)]
            .into_iter()
            .chain(self.by_script.iter().map(|(name, figures)| (name.as_str(), figures)))
            .collect();
        write!(f, "{:24}", "")?;
        rows.iter().try_for_each(|(name, _)| write!(f, "{name:>18}"))?;
        writeln!(f)?;
        let shares: [(&str, Measure); 6] = [
            ("intent is right", |figures| figures.intent),
            ("product is right", |figures| figures.product),
            ("gold page retrieved", |figures| figures.retrieved),
            ("answered, of gold", |figures| figures.answered),
            ("gold page cited", |figures| figures.cited),
            ("out of scope declined", |figures| figures.declined),
        ];
        for (name, share) in shares {
            write!(f, "{name:24}")?;
            rows.iter().try_for_each(|(_, figures)| write!(f, "{:>18}", share(figures)))?;
            writeln!(f)?;
        }
        write!(f, "{:24}", "mean time, ms")?;
        rows.iter().try_for_each(|(_, figures)| write!(f, "{:>18.1}", figures.mean_ms))?;
        writeln!(f)
    }
}

/// One line for each thing that went wrong with a question.
pub(crate) fn failures(result: &Measured) -> Vec<String> {
    let (labelled, answer) = (&result.labelled, &result.answer);
    let mut lines = Vec::new();
    let mut wrong = |what: &str, wanted: &str, found: &str| {
        lines.push(format!("{}\t{what}\twanted {wanted}\tfound {found}\t{}", labelled.id, labelled.question));
    };
    if let Some(intent) = labelled.intent.as_ref().filter(|intent| **intent != answer.intent.name) {
        wrong("intent", intent, &format!("{} {:.2}", answer.intent.name, answer.intent.confidence));
    }
    if let Some(product) = labelled.product.as_ref().filter(|product| **product != answer.product) {
        wrong("product", product.as_deref().unwrap_or("none"), answer.product.as_deref().unwrap_or("none"));
    }
    let support = result.support.map_or_else(|| "-".to_string(), |support| format!("{support:.2}"));
    if !labelled.gold.is_empty() && !cites_gold(result) {
        let cited: Vec<_> = answer.sources.iter().map(|source| source.metadata.source.as_str()).collect();
        wrong(
            "source",
            &labelled.gold.join(" "),
            &format!("{} support {support} {}", answer.outcome.name(), cited.join(" ")),
        );
    }
    if labelled.intent.as_deref() == Some(OUT_OF_SCOPE) && !declined(answer.outcome) {
        wrong("scope", "declined", &format!("{} support {support}", answer.outcome.name()));
    }
    lines
}

fn cites_gold(result: &Measured) -> bool {
    result.answer.sources.iter().any(|source| is_gold(&result.labelled.gold, &source.metadata.source))
}

/// Whether a page is one of the gold pages, which are named by the ends of their paths.
pub(crate) fn is_gold(gold: &[String], source: &str) -> bool {
    gold.iter().any(|suffix| source.ends_with(suffix.as_str()))
}
