//! `hoidap-worker inspect`: traces one job through every stage, from its acceptance to its answer.
//!
//! The job's records are collected from NATS or from a recording. A `JobTrace` orders them and adds what follows from
//! them. It is printed as JSON or, as a timeline, as text or an HTML page. `docs/inspect.md` describes it.

mod answer_details;
mod assemble;
mod executions;
mod from_nats;
mod from_recording;
mod headline;
mod html;
mod json;
mod notes;
mod records;
mod relative_clock;
mod text;
mod timeline;
mod timeline_entry;
mod trace;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use clap::Args;
use hoidap_indices::store::replace;
use hoidap_shared::{address::without_credentials, broker::Broker, config::Config, job::JobId, telemetry};
use indicatif::ProgressBar;
use jiff::Timestamp;

use self::records::CollectedRecords;

/// Options of `inspect`.
#[derive(Args, Debug)]
pub struct InspectCommand {
    /// The job's id, from an answer, a log line, the dashboard or a dead letter.
    job: JobId,
    /// Read a recording instead of NATS: a file, a folder of them, or `-` for standard input.
    #[arg(long, value_name = "FILE")]
    recording: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Also write an HTML page into this file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl InspectCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When NATS or the recording cannot be read, or nothing of the job is found. The sentence says where it looked
    /// and what to check.
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(120));
        let (found, fault) = match &self.recording {
            Some(recording) => from_recording::collect(recording, &self.job, &config.recording.redact, &bar)?,
            None => {
                telemetry::init_tls();
                let broker = Broker::connect(&config.nats, "hoidap-inspect").await?;
                (from_nats::collect(&broker, &self.job, &bar).await?, None)
            }
        };
        bar.finish_and_clear();
        if found.is_empty() {
            if let Some(fault) = fault {
                return Err(fault.into());
            }
            bail!(self.not_found_message(&found, config));
        }
        let trace = assemble::assemble(&found, Timestamp::now());
        if let Some(path) = &self.html {
            let fails = || format!("{} cannot be written", path.display());
            replace(path, &html::render_html(&trace)).with_context(fails)?;
        }
        let text = if self.json {
            format!("{}\n", serde_json::to_string(&trace)?)
        } else {
            text::render_text(&trace)
        };
        print!("{text}");
        fault.map_or(Ok(()), |fault| Err(fault.into()))
    }

    /// The error that nothing was found, and what to check.
    fn not_found_message(&self, found: &CollectedRecords, config: &Config) -> String {
        let job = &self.job;
        if self.recording.is_some() {
            return format!(
                "{} holds no message of job {job}: check the id, or export the time of the job (`hoidap-worker log export`)",
                found.source
            );
        }
        let days = config.nats.jobs_max_age_days;
        let named = from_nats::id_time(job).map(|time| {
            let age = Timestamp::now().duration_since(time).as_hours() / 24;
            let old = if u64::try_from(age).unwrap_or(0) >= days { " and is older than that" } else { "" };
            format!(" The id was made at {}{old}.", time.strftime("%Y-%m-%d %H:%M:%S UTC"))
        });
        format!(
            "NATS at {} has no message, answer, dead letter or event of job {job}. Check the id, nats.url and nats.prefix \
             (`{}`); messages are kept for {days} days (nats.jobs_max_age_days), events for 3, dead letters for 30.{} What is \
             older may be in a recording: --recording FILE",
            without_credentials(&config.nats.url),
            config.nats.prefix,
            named.unwrap_or_default()
        )
    }
}
