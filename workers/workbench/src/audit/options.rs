use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use hoidap_shared::config::Config;

use super::{policy::CachePolicy, report::AuditReport, run::CacheAudit, table};

/// Simulates caches over recorded traffic.
#[derive(Args, Debug)]
pub struct CacheAuditOptions {
    /// A recording that `log export` wrote: a file, a folder of them, or `-` for standard input.
    recording: PathBuf,
    /// A cache to simulate: `exact`, the gateway's own, or `semantic:THRESHOLD`, by the cosine of the questions'
    /// embeddings. Options follow, as in `semantic:0.95,scope=page,history=ignore,ttl=600,entries=5000`: scope is page,
    /// product, site or session, history is ignore, require-empty or same. Can be given more than once.
    #[arg(long = "policy", value_name = "POLICY")]
    policies: Vec<CachePolicy>,
    /// Fail when a larger share of a policy's hits than this, 0 to 1, is false, or when a policy has no hit to judge.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    fail_if_false: Option<f64>,
    /// False hits to show for each policy.
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    examples: usize,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "give a share from 0 to 1, such as 0.01".into())
}

impl CacheAuditOptions {
    pub(super) async fn run(self, config: &Config) -> anyhow::Result<()> {
        let policies = if self.policies.is_empty() { CachePolicy::default_policies() } else { self.policies };
        let shown = self.recording.display().to_string();
        let audit = CacheAudit::new(config, self.recording, policies, self.examples)?;
        let audited = tokio::task::spawn_blocking(move || audit.run()).await.context("the audit died")??;
        let report = AuditReport::of(&shown, &audited);
        let text = if self.json {
            serde_json::to_string_pretty(&report)? + "\n"
        } else {
            table::render_text(&report)?
        };
        print!("{text}");
        if let Some(fault) = audited.fault {
            return Err(fault.into());
        }
        let failing = self.fail_if_false.map_or_else(Vec::new, |most| report.exceeding(most));
        if !failing.is_empty() {
            bail!("--fail-if-false: {}", failing.join("; "));
        }
        Ok(())
    }
}
