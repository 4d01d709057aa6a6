use std::fmt;

use super::figures::{Figures, Share};

/// One of the figures, by the name that it has in JSON.
#[derive(Debug)]
pub(crate) struct Measure {
    pub(super) name: &'static str,
    /// What it is called in tables.
    pub(super) label: &'static str,
    pub(super) of: fn(&Figures) -> Value,
    /// Whether it is told by kind, too.
    pub(super) by_kind: bool,
}

/// A figure's value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    Share(Share),
    /// A number and how many places of it are shown.
    Number(Option<f64>, usize),
}

impl Value {
    /// None where nothing was there to measure.
    pub(super) fn number(self) -> Option<f64> {
        match self {
            Self::Share(share) => share.value(),
            Self::Number(number, _) => number,
        }
    }

    /// The number alone.
    pub(super) fn short(self) -> String {
        let places = match self {
            Self::Share(_) => 3,
            Self::Number(_, places) => places,
        };
        self.number().map_or_else(|| "-".into(), |number| format!("{number:.places$}"))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(share) => share.fmt(f),
            Self::Number(..) => f.pad(&self.short()),
        }
    }
}

const fn measure(
    name: &'static str,
    label: &'static str,
    by_kind: bool,
    of: fn(&Figures) -> Value,
) -> Measure {
    Measure { name, label, of, by_kind }
}

/// Every figure, in the order of the table.
pub(super) static MEASURES: [Measure; 21] = [
    measure("questions", "questions", true, |f| Value::Number(Some(f.questions as f64), 0)),
    measure("intent", "intent is right", false, |f| Value::Share(f.intent)),
    measure("product", "product is right", false, |f| Value::Share(f.product)),
    measure("retrieved", "gold page retrieved", true, |f| Value::Share(f.retrieved)),
    measure("answered", "answered, of answerable", true, |f| Value::Share(f.answered)),
    measure("right", "right", true, |f| Value::Share(f.right)),
    measure("asked_back", "asked back", true, |f| Value::Share(f.asked_back)),
    measure("first", "right in first sentence", true, |f| Value::Share(f.first)),
    measure("cited_first", "gold page cited first", true, |f| Value::Share(f.cited_first)),
    measure("cited", "gold page cited", true, |f| Value::Share(f.cited)),
    measure("declined", "out of scope declined", false, |f| Value::Share(f.declined)),
    measure("refused_rightly", "refused rightly", true, |f| Value::Share(f.refused_rightly)),
    measure("refused_wrongly", "refused wrongly", true, |f| Value::Share(f.refused_wrongly)),
    measure("by_model", "model's words taken", true, |f| Value::Share(f.by_model)),
    measure("words", "words, median", true, |f| Value::Number(f.words, 1)),
    measure("pages", "pages cited, mean", true, |f| Value::Number(f.pages, 2)),
    measure("confidence", "confidence, mean", true, |f| Value::Number(f.confidence, 3)),
    measure("ece", "calibration error (ECE)", true, |f| Value::Number(f.ece, 3)),
    measure("brier", "Brier score", false, |f| Value::Number(f.brier, 3)),
    measure("mean_ms", "mean time, ms", true, |f| Value::Number(f.mean_ms, 1)),
    measure("p95_ms", "95th percentile, ms", false, |f| Value::Number(f.p95_ms, 1)),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::made::results;

    #[test]
    fn each_figure_is_the_one_of_that_name_in_json() {
        let results = results();
        let figures = Figures::of(&results.iter().collect::<Vec<_>>());
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
        let share = Value::Share([true, false, true].into_iter().collect());
        assert_eq!((share.to_string().as_str(), share.short().as_str()), ("0.667 (2/3)", "0.667"));
        assert_eq!(format!("{:>6}", Value::Number(Some(12.345), 1)), "  12.3");
        assert_eq!(Value::Number(None, 1).to_string(), "-");
    }
}
