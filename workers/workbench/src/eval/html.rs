use std::path::Path;

use maud::{Markup, html};

use super::{
    EvaluatedQuestion,
    measure::MEASURES,
    reliability_diagram::reliability_diagram,
    report::{EvalReport, measures_by_kind},
    run_comparison::RunChanges,
};

const STYLE: &str = include_str!("html.css");

/// Renders the report, the changes since the baseline, and every wrong answer as an HTML page.
pub(super) fn render_html(
    questions: &Path,
    report: &EvalReport,
    changes: Option<&RunChanges>,
    results: &[EvaluatedQuestion],
) -> String {
    let name = questions.file_name().unwrap_or_default().to_string_lossy();
    let mut wrong: Vec<&EvaluatedQuestion> = results.iter().filter(|result| !result.judged.right).collect();
    wrong.sort_by(|a, b| b.answer.confidence.total_cmp(&a.answer.confidence));
    let body = html! {
                header {
                    p.soft { "Evaluation" }
                    h1 { (name) }
                    p { (results.len()) " questions, " (wrong.len()) " wrong answers" }
                }
                main {
                    h2 { "Figures" }
                    (figures_table(report))
                    @if !report.by_kind.is_empty() {
                        h2 { "By kind" }
                        (kinds_table(report))
                    }
                    @if !report.reliability.is_empty() {
                        h2 { "Confidence" }
                        (reliability_diagram(&report.reliability))
                    }
                    @if let Some(changes) = changes { (changes_section(changes)) }
                    h2 { "Wrong answers, the surest first" }
                    @for result in &wrong { (wrong_answer(result)) }
                    @if wrong.is_empty() { p { "None." } }
                }
                footer.soft { "Made by hoidap-worker eval " (env!("CARGO_PKG_VERSION")) }
    };
    crate::html_page::render(&format!("{name} · evaluation · Hoidap"), STYLE, &body)
}

fn figures_table(report: &EvalReport) -> Markup {
    let columns = report.columns();
    html! {
        div.wide role="region" aria-label="Figures" tabindex="0" {
            table {
                thead { tr { td {} @for (name, _) in &columns { th scope="col" { (name) } } } }
                tbody {
                    @for measure in &MEASURES {
                        tr {
                            th scope="row" { (measure.label) }
                            @for (_, figures) in &columns { td { ((measure.of)(figures).to_string()) } }
                        }
                    }
                }
            }
        }
    }
}

fn kinds_table(report: &EvalReport) -> Markup {
    html! {
        div.wide role="region" aria-label="Figures by kind" tabindex="0" {
            table {
                thead { tr { th scope="col" { "kind" } @for measure in measures_by_kind() { th scope="col" { (measure.name) } } } }
                tbody {
                    @for (name, figures) in report.rows_by_kind() {
                        tr {
                            th class=[name.starts_with(' ').then_some("part")] scope="row" { (name.trim_start()) }
                            @for measure in measures_by_kind() { td { ((measure.of)(figures).short()) } }
                        }
                    }
                }
            }
        }
    }
}

fn changes_section(changes: &RunChanges) -> Markup {
    html! {
        h2 { "Since the baseline" }
        div.wide role="region" aria-label="Since the baseline" tabindex="0" {
            table {
                tbody { @for (name, count) in changes.counts() { tr { th scope="row" { (name) } td { (count) } } } }
            }
        }
        @if !changes.changes.is_empty() {
            details {
                summary { "Every answer that changed" }
                @for change in &changes.changes {
                    article {
                        p.soft { (change.id) " · " (change.description()) }
                        p dir="auto" { span.soft { "before: " } (change.before) }
                        p dir="auto" { span.soft { "after: " } (change.after) }
                    }
                }
            }
        }
    }
}

fn wrong_answer(result: &EvaluatedQuestion) -> Markup {
    let EvaluatedQuestion { labelled, answer, .. } = result;
    html! {
        article {
            p.soft {
                (labelled.id)
                @if let Some(script) = labelled.script() { " · " (script) }
                @if let Some(kind) = &labelled.kind { " · " (kind) }
                " · " (answer.outcome.name()) " · confidence " b { (format!("{:.2}", answer.confidence)) }
            }
            @for turn in &labelled.history { p.soft dir="auto" { "earlier: " (turn.content) } }
            h3 dir="auto" { (labelled.question) }
            p dir="auto" { span.soft { "wanted: " } (expected_answer(result)) }
            p.text dir="auto" { (answer.text) }
            @if !answer.sources.is_empty() {
                ol {
                    @for source in &answer.sources {
                        li {
                            details {
                                summary { (source.metadata.source) " · " (source.metadata.title) }
                                p.text dir="auto" { (source.content) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What a right answer would have been.
fn expected_answer(result: &EvaluatedQuestion) -> String {
    let labelled = &result.labelled;
    let gold = labelled.gold.join(", ");
    let parts: Vec<String> = labelled.answer_contains.iter().map(|part| format!("“{part}”")).collect();
    match (labelled.answerable(), parts.is_empty()) {
        (false, _) => "a refusal: no page answers it".into(),
        (true, true) => format!("a source of {gold}"),
        (true, false) if gold.is_empty() => parts.join(" and "),
        (true, false) => format!("{}, from {gold}", parts.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use hoidap_shared::job::Outcome;

    use super::*;
    use crate::eval::{
        fixtures::{answer, labelled_question, measured, results},
        result_row::ResultRow,
    };

    #[test]
    fn wrong_answers_are_listed_by_falling_confidence() {
        let mut results = results();
        let hostile = answer(Outcome::Answered, "<script>alert(1)</script>", &["x.html"], 0.7);
        results.push(measured(labelled_question("f", &["f.html"], &["7 < 8", "9"]), hostile, 5));
        let earlier: Vec<ResultRow> = results
            .iter()
            .map(|result| ResultRow { text: "<i>other</i>".into(), ..ResultRow::of(result) })
            .collect();
        let now: Vec<ResultRow> = results.iter().map(ResultRow::of).collect();
        let changes = RunChanges::between(&earlier, &now);
        let page =
            render_html(Path::new("/tmp/set.jsonl"), &EvalReport::of(&results), Some(&changes), &results);
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is not in {page}"));
        assert!(at("6 questions, 3 wrong answers") < at("Câu hỏi f?"));
        assert!(at("Câu hỏi f?") < at("Câu hỏi d?") && at("Câu hỏi d?") < at("Câu hỏi c?"));
        assert!(!page.contains("Câu hỏi a?") && !page.contains("<script"));
        at("“7 &lt; 8” and “9”, from f.html");
        at("a refusal: no page answers it");
        at("<summary>x.html · Title of x.html</summary>");
        at(r#"<th scope="row">limit</th>"#);
        at("<svg");
        at(r#"<th scope="row">answers that differ</th><td>6</td>"#);
        at("&lt;i&gt;other&lt;/i&gt;");
    }
}
