use std::{fmt, str::FromStr};

use hoidap_shared::fleet::CanaryReport;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Greatest share, in percent: the rest is what the canary is compared with.
const MAX_SHARE_PERCENT: f64 = 50.0;

/// The share of sessions that a canary serves: `5%`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionShare(pub(super) f64);

impl FromStr for SessionShare {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        match percent {
            Some(percent) if percent > 0.0 && percent <= MAX_SHARE_PERCENT => Ok(Self(percent / 100.0)),
            _ => Err(format!(
                "`{text}` is no share of sessions: write one above 0 % and up to {MAX_SHARE_PERCENT} %, such as 5%"
            )),
        }
    }
}

impl fmt::Display for SessionShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded, so that 7 % is not shown as 7.000000000000001.
        write!(f, "{}%", (self.0 * 1e8).round() / 1e6)
    }
}

impl SessionShare {
    /// The share in a canary's report.
    pub fn of_report(report: &CanaryReport) -> Self {
        Self(report.share)
    }

    /// Whether a session belongs to the share. A session of a share belongs to every greater share as well.
    pub fn holds(self, session: &str) -> bool {
        let digest = Sha256::digest(session.as_bytes());
        let point = digest.iter().take(8).fold(0_u64, |point, byte| (point << 8) | u64::from(*byte));
        (point as f64) < self.0 * u64::MAX as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_parsed_and_shown() {
        for (text, shown) in [("5%", "5%"), ("0.5%", "0.5%"), ("7 %", "7%"), ("50%", "50%")] {
            assert_eq!(text.parse::<SessionShare>().unwrap().to_string(), shown);
        }
        for wrong in ["5", "0%", "-1%", "51%", "nan%", "inf%", "%", ""] {
            assert!(wrong.parse::<SessionShare>().unwrap_err().contains("such as 5%"), "{wrong}");
        }
    }

    #[test]
    fn a_share_holds_its_part_of_the_sessions_and_keeps_them_as_it_grows() {
        let (few, more): (SessionShare, SessionShare) = ("5%".parse().unwrap(), "20%".parse().unwrap());
        let sessions: Vec<String> = (0..20_000).map(|n| format!("session-{n}")).collect();
        let held = |share: SessionShare| sessions.iter().filter(|session| share.holds(session)).count();
        // Five standard deviations of a binomial: 154 and 283.
        assert!(held(few).abs_diff(1_000) < 154, "{}", held(few));
        assert!(held(more).abs_diff(4_000) < 283, "{}", held(more));
        assert!(sessions.iter().all(|session| !few.holds(session) || more.holds(session)));
    }
}
