use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::letter::Letter;

/// Which letters; those that fit everything that is given.
#[derive(Debug, Default, Args)]
pub struct Filter {
    /// The stage that could not go on, such as `generator`.
    #[arg(long, value_parser = token)]
    pub(super) stage: Option<String>,
    /// The code of the reason, such as `deadline_exceeded`.
    #[arg(long)]
    reason: Option<String>,
    /// The job.
    #[arg(long)]
    job: Option<String>,
    /// Stored since then: a time back from now (`30m`, `2h`, `3d`) or a moment (`2026-01-31T08:00:00Z`).
    #[arg(long, value_parser = moment)]
    since: Option<Timestamp>,
}

impl Filter {
    /// Whether it lets every letter pass.
    pub(super) fn is_open(&self) -> bool {
        self.stage.is_none() && self.reason.is_none() && self.job.is_none() && self.since.is_none()
    }

    pub(super) fn passes(&self, letter: &Letter) -> bool {
        let fits =
            |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        fits(&self.stage, &letter.stage)
            && fits(&self.reason, &letter.reason)
            && fits(&self.job, &letter.job)
            && self.since.is_none_or(|since| letter.stored >= since)
    }
}

/// A stage's name becomes part of a subject, so it may hold no dot and no wildcard.
fn token(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        return Ok(text.to_string());
    }
    Err("a stage's name has letters, digits, - and _ only".into())
}

fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let hint = "give a time back from now such as 2h or 30m, or a moment such as 2026-01-31T08:00:00Z";
    // Days are no fixed time on a calendar, but here they are 24 hours.
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
        assert_eq!(moment("2026-01-31T08:00:00Z").unwrap().as_second(), 1_769_846_400);
        for (text, hours) in [("2h", 2.0), ("3d", 72.0), ("1h 30m", 1.5)] {
            let back = Timestamp::now().duration_since(moment(text).unwrap());
            assert!((back.as_secs_f64() / 3600.0 - hours).abs() < 0.001, "{text}: {back:?}");
        }
        for wrong in ["yesterday", "-2h", "", "99999999999999d"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_stage_is_one_token() {
        assert!(token("generator").is_ok());
        assert!(token("a.>").is_err() && token("*").is_err() && token("").is_err());
    }
}
