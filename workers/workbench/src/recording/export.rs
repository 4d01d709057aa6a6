use std::{
    collections::{BTreeSet, HashSet},
    path::PathBuf,
};

use anyhow::Context as _;
use async_nats::jetstream::stream::Stream;
use clap::Args;
use hoidap_runtime::stream_reader::StreamReader;
use hoidap_shared::{
    broker::Broker,
    config::Config,
    digest::digest,
    job::{JobId, SCHEMA},
    telemetry,
};
use indicatif::ProgressBar;

use super::{
    export_file::{self, ExportProgress},
    feedback::{self, feedback_path},
    manifest::{MANIFEST_FORMAT, RecordingManifest, RecordingTally, manifest_path},
    message::{self, RecordedMessage},
    selection::{ExportSelection, is_selected},
};
use crate::{progress_bar::progress_bar, resumable_file::ResumableFile};

/// How much earlier than its predecessor a message's timestamp may be.
const MAX_CLOCK_SKEW: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);
/// Messages per zstd frame.
const PAGE_SIZE: usize = 1_000;

/// Options of `log export`.
#[derive(Args, Debug)]
pub struct ExportOptions {
    #[command(flatten)]
    selection: ExportSelection,
    /// The file to write, such as `november.jsonl.zst`.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// A field whose text is redacted at any depth, such as `user_id`, and in a list or an object all text below it; can
    /// be given more than once. Added to `recording.redact`.
    #[arg(long = "redact", value_name = "FIELD")]
    redact: Vec<String>,
}

/// Exports the recording and its manifest.
pub(super) async fn run(config: &Config, options: ExportOptions) -> anyhow::Result<()> {
    let ExportOptions { selection, output, mut redact } = options;
    anyhow::ensure!(
        !output.exists(),
        "{} already exists: name another file, or remove it and {}",
        output.display(),
        manifest_path(&output).display()
    );
    redact.extend_from_slice(&config.recording.redact);
    redact.sort();
    redact.dedup();
    telemetry::init_tls();
    let broker = Broker::connect(&config.nats, "hoidap-log").await?;
    let name = broker.subjects.stream("JOBS");
    let stream = broker.jetstream.get_stream(&name).await;
    let stream = stream.with_context(|| format!("the stream {name} cannot be read"))?;
    let state = &stream.cached_info().state;
    let begin = ExportProgress {
        stream: name,
        selection,
        redact,
        redacted: BTreeSet::new(),
        last: state.last_sequence,
        next: state.first_sequence,
        tally: RecordingTally::default(),
    };
    let mut file = begin.open(&output)?;
    if file.is_resumed() {
        eprintln!("resumes after message {}", file.state().next.saturating_sub(1));
    }
    let jobs = selected_jobs(&broker, &stream, file.state()).await?;
    let messages = file.state().last.saturating_sub(state.first_sequence);
    let bar = progress_bar("{bar:30} {pos}/{len} messages, {per_sec}, {eta} left", messages);
    copy_messages(&stream, jobs.as_ref(), &mut file, state.first_sequence, &bar).await?;
    bar.finish_and_clear();
    let ratings = feedback::export_feedback(&broker, jobs.as_ref(), file.state(), &output).await?;
    finish(config, file, &output)?;
    if ratings > 0 {
        println!("{}: what visitors said of {ratings} answers", feedback_path(&output).display());
    }
    Ok(())
}

/// The selected jobs; `None` if all are.
async fn selected_jobs(
    broker: &Broker,
    stream: &Stream,
    progress: &ExportProgress,
) -> anyhow::Result<Option<HashSet<JobId>>> {
    let selection = &progress.selection;
    if !selection.needs_answers() {
        let named = || selection.jobs.iter().cloned().collect();
        return Ok((!selection.jobs.is_empty()).then(named));
    }
    let mut found = HashSet::new();
    let mut log = StreamReader::open(stream, 1, Some(broker.subjects.done())).await?;
    loop {
        let page = log.read(PAGE_SIZE).await?;
        if page.is_empty() {
            return Ok(Some(found));
        }
        for record in page {
            if record.sequence > progress.last {
                return Ok(Some(found));
            }
            found.extend(selection.selected_job(&record));
        }
    }
}

async fn copy_messages(
    stream: &Stream,
    jobs: Option<&HashSet<JobId>>,
    file: &mut ResumableFile<ExportProgress>,
    first: u64,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let ExportProgress { next, selection, .. } = file.state();
    let (to, mut log) = match selection.from {
        Some(from) if *next == first => (selection.to, StreamReader::since(stream, from, None).await?),
        _ => (selection.to, StreamReader::open(stream, *next, None).await?),
    };
    while file.state().next <= file.state().last {
        let page = log.read(PAGE_SIZE).await?;
        let Some(end) = page.last().map(|record| record.sequence) else { return Ok(()) };
        let progress = file.state();
        let mut lines = Vec::new();
        for record in page.iter().filter(|record| record.sequence <= progress.last) {
            if !progress.selection.includes_time(record.stored) || !is_selected(jobs, record) {
                continue;
            }
            let (line, redacted) = message::encode_line(record, &progress.redact)?;
            for field in redacted {
                if !progress.redacted.contains(field) {
                    progress.redacted.insert(field.into());
                }
            }
            progress.tally.count(&serde_json::from_slice::<RecordedMessage>(&line)?);
            lines.extend_from_slice(&line);
            lines.push(b'\n');
        }
        progress.next = end + 1;
        // The server's clock may have been set back a little.
        if to.is_some_and(|to| page.iter().all(|record| record.stored.duration_since(to) > MAX_CLOCK_SKEW)) {
            progress.next = progress.last + 1;
        }
        bar.set_position(progress.next.saturating_sub(first));
        export_file::append_frame(file, &lines)?;
    }
    Ok(())
}

fn finish(
    config: &Config,
    file: ResumableFile<ExportProgress>,
    output: &std::path::Path,
) -> anyhow::Result<()> {
    let (ExportProgress { stream, selection, redact, redacted, tally, .. }, bytes, sha256) =
        export_file::finish(file)?;
    for field in redact.iter().filter(|field| !redacted.contains(*field)) {
        eprintln!("nothing was redacted in `{field}`: no exported message has text in a field of this name");
    }
    let manifest = RecordingManifest {
        format: MANIFEST_FORMAT,
        release: env!("CARGO_PKG_VERSION").into(),
        schema: SCHEMA,
        stream,
        selection,
        redacted: redacted.into_iter().collect(),
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
