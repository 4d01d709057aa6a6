use std::{collections::HashSet, path::PathBuf};

use anyhow::Context as _;
use async_nats::jetstream::stream::Stream;
use clap::Args;
use hoidap_shared::{
    broker::Broker,
    config::Config,
    digest::digest,
    job::{JobId, SCHEMA},
    telemetry,
};
use indicatif::ProgressBar;

use super::{
    feedback::{self, feedback_of},
    line::{self, Line},
    manifest::{FORMAT, Manifest, Tally, manifest_of},
    part::{self, Progress},
    select::{Selection, takes},
};
use crate::{part::Part, progress_bar::progress_bar, stream_reader::StreamReader};

/// How far a message may be stored before the one in front of it.
const CLOCK: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);
/// Messages of one frame.
const PAGE: usize = 1_000;

/// What is exported, and to where.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    selection: Selection,
    /// The file to write, such as `november.jsonl.zst`.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// A field whose values are not written, wherever it stands, such as `user_id`; can be given more than once. Beside
    /// those of `recording.redact`.
    #[arg(long = "redact", value_name = "FIELD")]
    redact: Vec<String>,
}

/// Writes the recording and its manifest.
pub(super) async fn run(config: &Config, options: Options) -> anyhow::Result<()> {
    let Options { selection, output, redact } = options;
    anyhow::ensure!(
        !output.exists(),
        "{} is there already: name another file, or remove it and {}",
        output.display(),
        manifest_of(&output).display()
    );
    let mut redacted: Vec<String> = config.recording.redact.iter().cloned().chain(redact).collect();
    redacted.sort();
    redacted.dedup();
    telemetry::init_tls();
    let broker = Broker::connect(&config.nats, "hoidap-log").await?;
    let name = broker.subjects.stream("JOBS");
    let stream = broker.jetstream.get_stream(&name).await;
    let stream = stream.with_context(|| format!("the stream {name} cannot be read"))?;
    let state = &stream.cached_info().state;
    let begin = Progress {
        stream: name,
        selection,
        redacted,
        last: state.last_sequence,
        next: state.first_sequence,
        tally: Tally::default(),
    };
    let mut part = begin.open(&output)?;
    if part.is_begun() {
        eprintln!("goes on behind message {}", part.state().next.saturating_sub(1));
    }
    let jobs = meant(&broker, &stream, part.state()).await?;
    let messages = part.state().last.saturating_sub(state.first_sequence);
    let bar = progress_bar("{bar:30} {pos}/{len} messages, {per_sec}, {eta} left", messages);
    copy(&stream, jobs.as_ref(), &mut part, state.first_sequence, &bar).await?;
    bar.finish_and_clear();
    let words = feedback::export(&broker, jobs.as_ref(), &output).await?;
    finish(config, part, &output)?;
    if words > 0 {
        println!("{}: what visitors said of {words} answers", feedback_of(&output).display());
    }
    Ok(())
}

/// The jobs that are asked for, where not all are.
async fn meant(
    broker: &Broker,
    stream: &Stream,
    progress: &Progress,
) -> anyhow::Result<Option<HashSet<JobId>>> {
    let selection = &progress.selection;
    if !selection.asks_answers() {
        let named = || selection.jobs.iter().cloned().collect();
        return Ok((!selection.jobs.is_empty()).then(named));
    }
    let mut found = HashSet::new();
    let mut log = StreamReader::open(stream, 1, Some(broker.subjects.done())).await?;
    loop {
        let page = log.read(PAGE).await?;
        if page.is_empty() {
            return Ok(Some(found));
        }
        for record in page {
            if record.sequence > progress.last {
                return Ok(Some(found));
            }
            found.extend(selection.meant(&record));
        }
    }
}

async fn copy(
    stream: &Stream,
    jobs: Option<&HashSet<JobId>>,
    part: &mut Part<Progress>,
    first: u64,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let Progress { next, selection, .. } = part.state();
    let (to, mut log) = match selection.from {
        Some(from) if *next == first => (selection.to, StreamReader::since(stream, from, None).await?),
        _ => (selection.to, StreamReader::open(stream, *next, None).await?),
    };
    while part.state().next <= part.state().last {
        let page = log.read(PAGE).await?;
        let Some(end) = page.last().map(|record| record.sequence) else { return Ok(()) };
        let progress = part.state();
        let mut lines = Vec::new();
        for record in page.iter().filter(|record| record.sequence <= progress.last) {
            if !progress.selection.in_time(record.stored) || !takes(jobs, record) {
                continue;
            }
            let written = line::write(record, &progress.redacted)?;
            progress.tally.count(&serde_json::from_slice::<Line>(&written)?);
            lines.extend_from_slice(&written);
            lines.push(b'\n');
        }
        progress.next = end + 1;
        // The server's clock may have been set back a little, no more.
        if to.is_some_and(|to| page.iter().all(|record| record.stored.duration_since(to) > CLOCK)) {
            progress.next = progress.last + 1;
        }
        bar.set_position(progress.next.saturating_sub(first));
        part::add(part, &lines)?;
    }
    Ok(())
}

fn finish(config: &Config, part: Part<Progress>, output: &std::path::Path) -> anyhow::Result<()> {
    let (Progress { stream, selection, redacted, tally, .. }, bytes, sha256) = part::finish(part)?;
    let manifest = Manifest {
        format: FORMAT,
        release: env!("CARGO_PKG_VERSION").into(),
        schema: SCHEMA,
        stream,
        selection,
        redacted,
        configuration: digest(&[&format!("{config:?}")]),
        tally,
        bytes,
        sha256,
    };
    manifest.write(output)?;
    let jobs = manifest.jobs();
    println!(
        "{}: {} messages, {jobs} finished jobs, {bytes} bytes",
        output.display(),
        manifest.tally.messages
    );
    Ok(())
}
