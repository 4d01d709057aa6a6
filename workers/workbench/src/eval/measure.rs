use std::fmt;

use super::figures::{EvalFigures, Ratio};

/// A figure, by its name in JSON.
#[derive(Debug)]
pub(crate) struct Measure {
    pub(super) name: &'static str,
    /// Its label in tables.
    pub(super) label: &'static str,
    pub(super) of: fn(&EvalFigures) -> MeasureValue,
    /// Whether it is reported by kind, too.
    pub(super) by_kind: bool,
}

/// The value of a figure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MeasureValue {
    Ratio(Ratio),
    /// A number and its decimal places.
    Number(Option<f64>, usize),
}

impl MeasureValue {
    /// The number; `None` if nothing was measured.
    pub(super) fn number(self) -> Option<f64> {
        match self {
            Self::Ratio(share) => share.value(),
            Self::Number(number, _) => number,
        }
    }

    /// The number without the counts.
    pub(super) fn short(self) -> String {
        let places = match self {
            Self::Ratio(_) => 3,
            Self::Number(_, places) => places,
        };
        self.number().map_or_else(|| "-".into(), |number| format!("{number:.places$}"))
    }
}

impl fmt::Display for MeasureValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ratio(share) => share.fmt(f),
            Self::Number(..) => f.pad(&self.short()),
        }
    }
}

const fn measure(
    name: &'static str,
    label: &'static str,
    by_kind: bool,
    of: fn(&EvalFigures) -> MeasureValue,
) -> Measure {
    Measure { name, label, of, by_kind }
}

/// All figures, in the order of the table.
pub(super) static MEASURES: [Measure; 25] = [
    measure("questions", "questions", true, |f| MeasureValue::Number(Some(f.questions as f64), 0)),
    measure("intent", "intent is right", false, |f| MeasureValue::Ratio(f.intent)),
    measure("product", "product is right", false, |f| MeasureValue::Ratio(f.product)),
    measure("retrieved", "gold page retrieved", true, |f| MeasureValue::Ratio(f.retrieved)),
    measure("held", "answer in the passages", true, |f| MeasureValue::Ratio(f.held)),
    measure("answered", "answered, of answerable", true, |f| MeasureValue::Ratio(f.answered)),
    measure("right", "right", true, |f| MeasureValue::Ratio(f.right)),
    measure("asked_back", "asked back", true, |f| MeasureValue::Ratio(f.asked_back)),
    measure("first", "right in first sentence", true, |f| MeasureValue::Ratio(f.first)),
    measure("cited_first", "gold page cited first", true, |f| MeasureValue::Ratio(f.cited_first)),
    measure("cited", "gold page cited", true, |f| MeasureValue::Ratio(f.cited)),
    measure("declined", "out of scope declined", false, |f| MeasureValue::Ratio(f.declined)),
    measure("refused_rightly", "refused rightly", true, |f| MeasureValue::Ratio(f.refused_rightly)),
    measure("refused_wrongly", "refused wrongly", true, |f| MeasureValue::Ratio(f.refused_wrongly)),
    measure("quoted_page", "refused with gold page quoted", true, |f| MeasureValue::Ratio(f.quoted_page)),
    measure("quoted", "refused with the answer quoted", true, |f| MeasureValue::Ratio(f.quoted)),
    measure("by_model", "model's words taken", true, |f| MeasureValue::Ratio(f.by_model)),
    measure("model_right", "model's words right", true, |f| MeasureValue::Ratio(f.model_right)),
    measure("words", "words, median", true, |f| MeasureValue::Number(f.words, 1)),
    measure("pages", "pages cited, mean", true, |f| MeasureValue::Number(f.pages, 2)),
    measure("confidence", "confidence, mean", true, |f| MeasureValue::Number(f.confidence, 3)),
    measure("ece", "calibration error (ECE)", true, |f| MeasureValue::Number(f.ece, 3)),
    measure("brier", "Brier score", false, |f| MeasureValue::Number(f.brier, 3)),
    measure("mean_ms", "mean time, ms", true, |f| MeasureValue::Number(f.mean_ms, 1)),
    measure("p95_ms", "95th percentile, ms", false, |f| MeasureValue::Number(f.p95_ms, 1)),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::fixtures::results;

    #[test]
    fn each_figure_is_the_one_of_that_name_in_json() {
        let results = results();
        let figures = EvalFigures::of(&results.iter().collect::<Vec<_>>());
        let json = serde_json::to_value(&figures).unwrap();
        assert_eq!(json.as_object().unwrap().len(), MEASURES.len());
        for Measure { name, of, .. } in &MEASURES {
            let wanted = match &json[name]["of"] {
                serde_json::Value::Null => json[name].as_f64(),
                of => of.as_f64().filter(|of| *of > 0.0).map(|of| json[name]["hits"].as_f64().unwrap() / of),
            };
            assert_eq!(of(&figures).number(), wanted, "{name}");
        }
    }

    #[test]
    fn values_are_shown_as_shares_or_numbers() {
        let share = MeasureValue::Ratio([true, false, true].into_iter().collect());
        assert_eq!((share.to_string().as_str(), share.short().as_str()), ("0.667 (2/3)", "0.667"));
        assert_eq!(format!("{:>6}", MeasureValue::Number(Some(12.345), 1)), "  12.3");
        assert_eq!(MeasureValue::Number(None, 1).to_string(), "-");
    }
}
