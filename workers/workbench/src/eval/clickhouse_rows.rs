use hoidap_analytics::EvaluationRow;

use super::EvaluatedQuestion;

/// Maximum length of an evaluation's name, in characters.
const MAX_NAME_CHARS: usize = 64;

/// Parses the name of an evaluation.
pub(super) fn parse_name(text: &str) -> Result<String, String> {
    let name = text.trim();
    let fits = (1..=MAX_NAME_CHARS).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    fits.then(|| name.to_string())
        .ok_or_else(|| format!("a name has 1 to {MAX_NAME_CHARS} printable characters"))
}

/// The ClickHouse rows of a run.
pub(super) fn evaluation_rows(name: &str, results: &[EvaluatedQuestion]) -> Vec<EvaluationRow> {
    let row = |(place, result): (u32, &EvaluatedQuestion)| {
        let EvaluatedQuestion { labelled, answer, judged, .. } = result;
        EvaluationRow {
            name: name.into(),
            at: 0,
            place,
            question_id: labelled.id.clone(),
            question: labelled.question.clone(),
            language: answer.language.code().into(),
            kind: labelled.kind.clone().unwrap_or_default(),
            answerable: labelled.answerable(),
            outcome: answer.outcome.name().into(),
            right: judged.right,
            confidence: answer.confidence,
            versions: answer.versions.clone(),
        }
    };
    (0..).zip(results).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::fixtures::results;

    #[test]
    fn a_row_holds_the_result_of_a_question() {
        let rows = evaluation_rows("site", &results());
        let told: Vec<_> =
            rows.iter().map(|row| (row.place, row.answerable, row.outcome.as_str(), row.right)).collect();
        assert_eq!(
            told,
            [
                (0, true, "answered", true),
                (1, true, "answered", true),
                (2, true, "unanswered", false),
                (3, false, "answered", false),
                (4, false, "out_of_scope", true),
            ]
        );
        assert_eq!((rows[0].language.as_str(), rows[0].kind.as_str()), ("vi", "price"));
    }

    #[test]
    fn a_name_is_short_and_printable() {
        assert_eq!(parse_name(" site ").unwrap(), "site");
        for wrong in ["", "  ", "a\nb", &"x".repeat(65)] {
            assert!(parse_name(wrong).unwrap_err().contains("1 to 64"), "{wrong:?}");
        }
    }
}
