use std::{collections::BTreeMap, fmt};

use hoidap_stages::generator::eval_claims::SyntheticClaim;
use serde::Serialize;

/// The number of claims of one kind, and how many got a wrong verdict.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct ErrorCount {
    wrong: usize,
    of: usize,
}

impl ErrorCount {
    fn share(self) -> f64 {
        if self.of == 0 { 0.0 } else { self.wrong as f64 / self.of as f64 }
    }
}

impl fmt::Display for ErrorCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6.1} %  {:>5} of {:<6}", 100.0 * self.share(), self.wrong, self.of)
    }
}

/// Wrong verdicts by language, truth and kind of claim.
#[derive(Debug, Default, Serialize)]
pub(super) struct VerifierReport {
    languages: BTreeMap<&'static str, LanguageErrors>,
}

#[derive(Debug, Default, Serialize)]
struct LanguageErrors {
    false_accepted: ErrorCount,
    true_rejected: ErrorCount,
    accepted_by_kind: BTreeMap<&'static str, ErrorCount>,
    rejected_by_kind: BTreeMap<&'static str, ErrorCount>,
}

impl VerifierReport {
    /// Counts the wrong verdicts.
    pub(super) fn new(claims: &[SyntheticClaim]) -> Self {
        let mut report = Self::default();
        for made in claims {
            let errors = report.languages.entry(made.language.code()).or_default();
            let (all, kinds) = if made.right {
                (&mut errors.true_rejected, &mut errors.rejected_by_kind)
            } else {
                (&mut errors.false_accepted, &mut errors.accepted_by_kind)
            };
            for count in [all, kinds.entry(made.kind).or_default()] {
                count.of += 1;
                count.wrong += usize::from(made.right != made.given);
            }
        }
        report
    }

    /// A sentence for each error rate above its limit, and for each limit of a rate that was not measured.
    pub(super) fn exceeded(&self, accepted: Option<f64>, rejected: Option<f64>) -> Vec<String> {
        let mut exceeded = Vec::new();
        let measured = |count: fn(&LanguageErrors) -> ErrorCount| {
            self.languages.values().any(|errors| count(errors).of > 0)
        };
        for (limit, kind, measured) in [
            (accepted, "false", measured(|errors| errors.false_accepted)),
            (rejected, "true", measured(|errors| errors.true_rejected)),
        ] {
            if let Some(most) = limit.filter(|_| !measured) {
                exceeded.push(format!("no {kind} claim was made, so the limit {most} says nothing"));
            }
        }
        for (language, errors) in &self.languages {
            let both = [
                ("false claims are accepted", errors.false_accepted, accepted),
                ("true claims are rejected", errors.true_rejected, rejected),
            ];
            for (what, count, most) in both {
                if let Some(most) = most.filter(|most| count.share() > *most) {
                    exceeded.push(format!(
                        "{language}: {} of {} {what}, more than {most}",
                        count.wrong, count.of
                    ));
                }
            }
        }
        exceeded
    }
}

impl fmt::Display for VerifierReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (language, errors) in &self.languages {
            let halves = [
                ("false accepted", errors.false_accepted, &errors.accepted_by_kind),
                ("true rejected", errors.true_rejected, &errors.rejected_by_kind),
            ];
            for (what, all, kinds) in halves {
                writeln!(f, "{language} {what:<20} {all}")?;
                for (kind, count) in kinds {
                    writeln!(f, "   {kind:<20} {count}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use hoidap_shared::text::Language;

    use super::*;

    fn claim(right: bool, given: bool) -> SyntheticClaim {
        SyntheticClaim {
            right,
            given,
            kind: "number",
            language: Language::En,
            sentence: String::new(),
            before: Vec::new(),
            made_from: String::new(),
            source: String::new(),
            verdict: String::new(),
        }
    }

    #[test]
    fn a_limit_is_kept_only_by_what_was_measured() {
        let told = |claims: &[SyntheticClaim], accepted, rejected| {
            VerifierReport::new(claims).exceeded(accepted, rejected).join("; ")
        };
        let (right, wrong) = (claim(true, true), claim(false, true));
        assert_eq!(told(&[right.clone(), wrong.clone()], Some(1.0), Some(0.0)), "");
        assert_eq!(told(&[wrong], Some(0.5), None), "en: 1 of 1 false claims are accepted, more than 0.5");
        assert_eq!(told(&[], None, None), "");
        assert_eq!(
            told(&[right], Some(0.02), Some(0.05)),
            "no false claim was made, so the limit 0.02 says nothing"
        );
        assert!(told(&[], Some(0.02), Some(0.05)).contains("no true claim was made"));
    }
}
