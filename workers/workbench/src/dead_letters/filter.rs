use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::letter::StoredLetter;

/// Selects the letters that match all given options.
#[derive(Debug, Default, Args)]
pub struct DeadLetterFilter {
    /// The stage that could not process the message, such as `generator`.
    #[arg(long, value_parser = parse_stage)]
    pub(super) stage: Option<String>,
    /// The code of the reason, such as `deadline_exceeded`.
    #[arg(long)]
    reason: Option<String>,
    /// The job.
    #[arg(long)]
    job: Option<String>,
    /// Stored since this time: a time back from now (`30m`, `2h`, `3d`) or a moment (`2026-01-31T08:00:00Z`).
    #[arg(long, value_parser = parse_moment)]
    since: Option<Timestamp>,
}

impl DeadLetterFilter {
    /// Whether it selects every letter.
    pub(super) fn is_open(&self) -> bool {
        self.stage.is_none() && self.reason.is_none() && self.job.is_none() && self.since.is_none()
    }

    pub(super) fn matches(&self, stored: &StoredLetter) -> bool {
        let letter = &stored.letter;
        let fits =
            |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        fits(&self.stage, &letter.stage)
            && fits(&self.reason, &letter.reason)
            && fits(&self.job, &letter.job_id)
            && self.since.is_none_or(|since| stored.stored >= since)
    }
}

/// A stage's name becomes part of a subject, so it may contain no dot and no wildcard.
fn parse_stage(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        return Ok(text.to_string());
    }
    Err("a stage's name has letters, digits, - and _ only".into())
}

fn parse_moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let hint = "give a time back from now such as 2h or 30m, or a moment such as 2026-01-31T08:00:00Z";
    // A day of a calendar has no fixed length; here it is 24 hours.
    let back = match text.trim().strip_suffix('d').map(str::parse::<i64>) {
        Some(Ok(days)) => days.checked_mul(24).map(SignedDuration::from_hours),
        _ => text.parse::<SignedDuration>().ok(),
    };
    let back = back.filter(|back| !back.is_negative()).ok_or(hint)?;
    Timestamp::now().checked_sub(back).map_err(|_| hint.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_back_or_a_date() {
        assert_eq!(parse_moment("2026-01-31T08:00:00Z").unwrap().as_second(), 1_769_846_400);
        for (text, hours) in [("2h", 2.0), ("3d", 72.0), ("1h 30m", 1.5)] {
            let back = Timestamp::now().duration_since(parse_moment(text).unwrap());
            assert!((back.as_secs_f64() / 3600.0 - hours).abs() < 0.001, "{text}: {back:?}");
        }
        for wrong in ["yesterday", "-2h", "", "99999999999999d"] {
            assert!(parse_moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_stage_is_one_token() {
        assert!(parse_stage("generator").is_ok());
        assert!(parse_stage("a.>").is_err() && parse_stage("*").is_err() && parse_stage("").is_err());
    }
}
