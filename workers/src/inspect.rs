//! `hoidap-worker inspect`: one question through every stage, from its acceptance to its answer.
//!
//! What belongs to a job is collected from NATS or from a recording, put together as a [`story::Story`], and shown as a
//! text, a page or JSON. `docs/inspect.md` describes it.

mod clock;
mod collected;
mod headline;
mod made;
mod moment;
mod moments;
mod nats;
mod notes;
mod page;
mod recorded;
mod story;
mod tell;
mod text;
mod visits;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use clap::Args;
use hoidap_indices::store::replace;
use hoidap_shared::{broker::Broker, config::Config, job::JobId, telemetry};
use indicatif::ProgressBar;
use jiff::Timestamp;

use self::collected::Collected;

/// What is shown, and how.
#[derive(Args, Debug)]
pub struct Command {
    /// The job's id, from an answer, a line of the log, the dashboard or a dead letter.
    job: JobId,
    /// Read a recording in place of NATS: a file, a folder of them, or `-` for standard input.
    #[arg(long, value_name = "FILE")]
    recording: Option<PathBuf>,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
    /// Also as a page of its own, in this file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Command {
    /// Does what the command line says.
    ///
    /// # Errors
    /// When NATS or the recording cannot be read, or nothing of the job is found: the sentence says where it was looked
    /// for and what to check.
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(120));
        let (found, fault) = match &self.recording {
            Some(recording) => recorded::collect(recording, &self.job, &config.recording.redact, &bar)?,
            None => {
                telemetry::init_tls();
                let broker = Broker::connect(&config.nats, "hoidap-inspect").await?;
                (nats::Reader::new(&broker, &self.job, &bar).collect().await?, None)
            }
        };
        bar.finish_and_clear();
        if found.is_empty() {
            if let Some(fault) = fault {
                return Err(fault.into());
            }
            bail!(self.unknown(&found, config));
        }
        let story = tell::story(found, Timestamp::now());
        if let Some(path) = &self.html {
            let fails = || format!("{} cannot be written", path.display());
            replace(path, &page::page(&story)).with_context(fails)?;
        }
        let text =
            if self.json { format!("{}\n", serde_json::to_string(&story)?) } else { text::text(&story) };
        print!("{text}");
        fault.map_or(Ok(()), |fault| Err(fault.into()))
    }

    /// That nothing was found, and what to check.
    fn unknown(&self, found: &Collected, config: &Config) -> String {
        let job = &self.job;
        if self.recording.is_some() {
            return format!(
                "{} holds no message of job {job}: check the id, or export the time of the job (`hoidap-worker log export`)",
                found.source
            );
        }
        let days = config.nats.jobs_max_age_days;
        let named = nats::named(job).map(|time| {
            let age = Timestamp::now().duration_since(time).as_hours() / 24;
            let old = if u64::try_from(age).unwrap_or(0) >= days { " and is older than that" } else { "" };
            format!(" The id was made at {}{old}.", time.strftime("%Y-%m-%d %H:%M:%S UTC"))
        });
        format!(
            "NATS at {} has no message, answer, dead letter or event of job {job}. Check the id, nats.url and nats.prefix \
             (`{}`); messages are kept for {days} days (nats.jobs_max_age_days), events for 3, dead letters for 30.{} What is \
             older may be in a recording: --recording FILE",
            config.nats.url,
            config.nats.prefix,
            named.unwrap_or_default()
        )
    }
}
