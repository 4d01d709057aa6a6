use std::fmt::{self, Write as _};

use super::{
    hit_quality::HitQuality,
    report::{AuditReport, PolicyFigures},
    tally::QuestionAndAnswer,
};
use crate::replay::Estimate;

/// The report as a text table.
///
/// # Errors
/// Never: writing to a string does not fail.
pub(super) fn render_text(report: &AuditReport) -> Result<String, fmt::Error> {
    let mut out = String::new();
    write_header(&mut out, report)?;
    let name = name_width(report);
    writeln!(
        out,
        "\n{:<name$} {:>8} {:>8} {:>7}  {:<22} {:<22} {:>7} {:>9} {:>9} {:>10} {:>7}",
        "policy",
        "look-ups",
        "hits",
        "rate",
        "false % (95 %)",
        "doubtful % (95 %)",
        "calls",
        "tokens",
        "usd",
        "seconds",
        "kept"
    )?;
    for figures in &report.policies {
        let saved = &figures.saved;
        writeln!(
            out,
            "{:<name$} {:>8} {:>8} {:>5.1} %  {:<22} {:<22} {:>7} {:>9} {:>9} {:>10.1} {:>7}",
            figures.policy,
            figures.lookups,
            figures.hits,
            100.0 * figures.hit_rate,
            percent(figures.wrong),
            percent(figures.doubtful),
            saved.model_calls,
            saved.tokens,
            saved.cost_usd.map_or("-".into(), |usd| format!("{usd:.4}")),
            saved.ms as f64 / 1_000.0,
            figures.most_entries
        )?;
    }
    write_quality_counts(&mut out, report, name)?;
    report.policies.iter().try_for_each(|figures| write_examples(&mut out, figures))?;
    Ok(out)
}

fn write_header(out: &mut String, report: &AuditReport) -> fmt::Result {
    write!(out, "{} jobs", report.jobs)?;
    if let (Some(first), Some(last)) = (report.first_time, report.last_time) {
        write!(out, " from {first:.0} to {last:.0}")?;
    }
    writeln!(out, " ({} incomplete, {} failed or stopped)", report.incomplete, report.unknown)?;
    if let (Some(made), Some(missing)) = (report.embedded, report.without_embedding) {
        writeln!(out, "{made} questions had no recorded embedding and were embedded now")?;
        if missing > 0 {
            writeln!(
                out,
                "{missing} questions have no embedding, because the model is not available: no semantic policy looks them up, and false answers to them are not counted"
            )?;
        }
    }
    writeln!(
        out,
        "Recordings do not contain what the gateway's cache answered: these rates are those of the traffic behind that cache."
    )?;
    Ok(())
}

/// Writes the number of hits by degree.
fn write_quality_counts(out: &mut String, report: &AuditReport, name: usize) -> fmt::Result {
    write!(out, "\n{:<name$}", "hits by degree")?;
    HitQuality::ALL.into_iter().try_for_each(|degree| write!(out, " {:>14}", degree.name()))?;
    writeln!(out)?;
    for figures in &report.policies {
        write!(out, "{:<name$}", figures.policy)?;
        for degree in HitQuality::ALL {
            write!(out, " {:>14}", figures.degrees.get(degree.name()).copied().unwrap_or(0))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn write_examples(out: &mut String, figures: &PolicyFigures) -> fmt::Result {
    if figures.examples.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nfalse hits of {}, the worst first", figures.policy)?;
    for example in &figures.examples {
        let similarity =
            example.similarity.map_or(String::new(), |similarity| format!(", cosine {similarity:.4}"));
        writeln!(out, "  {}{similarity}", example.degree.name())?;
        write_question_and_answer(out, "asked ", &example.asked)?;
        write_question_and_answer(out, "served", &example.kept)?;
    }
    Ok(())
}

fn write_question_and_answer(out: &mut String, what: &str, side: &QuestionAndAnswer) -> fmt::Result {
    writeln!(out, "    {what}  {}", side.question)?;
    writeln!(out, "            {}: {}", side.outcome, side.answer)?;
    if !side.pages.is_empty() {
        writeln!(out, "            {}", side.pages.join(" "))?;
    }
    Ok(())
}

fn name_width(report: &AuditReport) -> usize {
    let names = report.policies.iter().map(|figures| figures.policy.len());
    names.chain(["hits by degree".len()]).max().unwrap_or_default()
}

fn percent(share: Option<Estimate>) -> String {
    share.map_or("-".into(), |Estimate { mean, low, high, .. }| {
        format!("{:.2} ({:.2} to {:.2})", 100.0 * mean, 100.0 * low, 100.0 * high)
    })
}
