use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
};

use anyhow::Context as _;
use async_nats::jetstream::consumer::Info;
use futures::TryStreamExt as _;
use hoidap_runtime::stream_reader::StreamReader;
use hoidap_shared::broker::Broker;

use super::{ShadowSpec, jobs_stream, no_such_shadow, read_spec};
use crate::{
    replay::{
        FailRule, JobResult, ReplayOutcome, ReplaySummary, ReplayTally, ReportHead, StageVersions,
        TrafficPeriod, report_paths, write_report,
    },
    resumable_file::with_suffix,
};

/// Results per read.
const PAGE_SIZE: usize = 1_000;

/// Prints the list of shadows.
pub(super) async fn list(broker: &Broker) -> anyhow::Result<()> {
    let jobs = jobs_stream(broker).await?;
    let all: Vec<Info> = jobs.consumers().try_collect().await?;
    let mut count = 0;
    for info in all {
        let Some(ShadowSpec { from, to, changes, .. }) = read_spec(&info.config.metadata) else { continue };
        let prefix = broker.subjects.shadow_consumer("");
        let name = info.name.strip_prefix(prefix.as_str()).unwrap_or(&info.name);
        let stages = if from == to { from } else { format!("{from} to {to}") };
        println!("{name:<20} {stages:<26} {:>6} behind  {}", info.num_pending, changes.join(", "));
        count += 1;
    }
    println!("{count} shadow{}", if count == 1 { "" } else { "s" });
    Ok(())
}

/// Compares a shadow's results with what visitors got, and prints and writes the report.
pub(super) async fn report(
    broker: &Broker,
    name: &str,
    rule: Option<&FailRule>,
    output: Option<&Path>,
) -> anyhow::Result<()> {
    let consumer = jobs_stream(broker).await?.consumer_info(broker.subjects.shadow_consumer(name)).await;
    let consumer = consumer.with_context(|| no_such_shadow(name))?;
    let ShadowSpec { changes, versions, from, to } =
        read_spec(&consumer.config.metadata).with_context(|| no_such_shadow(name))?;
    if let Some(output) = output {
        let (json, html) = report_paths(output);
        for path in [json, html] {
            anyhow::ensure!(!path.exists(), "{} already exists: name another report", path.display());
        }
    }
    let results = broker.jetstream.get_stream(broker.subjects.stream("SHADOW")).await?;
    let mut log = StreamReader::open(&results, 1, Some(broker.subjects.shadow(name))).await?;
    let unfinished = output.map(|output| with_suffix(output, ".part"));
    let mut file = unfinished.as_ref().map(File::create).transpose()?.map(BufWriter::new);
    let mut tally = ReplayTally::default();
    loop {
        let page = log.read(PAGE_SIZE).await?;
        if page.is_empty() {
            break;
        }
        for record in page {
            let outcome: ReplayOutcome = serde_json::from_slice(&record.payload)
                .with_context(|| format!("result {} of the shadow is of another release", record.sequence))?;
            if let (Some(line), Some(file)) = (tally.add_result(&JobResult::Job(outcome))?, &mut file) {
                writeln!(file, "{line}")?;
            }
        }
    }
    let summary = ReplaySummary::of(&tally);
    summary.print();
    let ruling = rule.map(|rule| rule.evaluate(&summary)).transpose()?;
    let failing = ruling.as_ref().filter(|ruling| ruling.failed).map(ToString::to_string);
    if let (Some(output), Some(unfinished), Some(mut file)) = (output, unfinished, file) {
        file.flush()?;
        let head = ReportHead {
            recording: format!("the shadow {name} of {from} to {to}"),
            release: env!("CARGO_PKG_VERSION"),
            made: jiff::Timestamp::now(),
            changed: changes,
            baseline: None,
            traffic: TrafficPeriod::of(&tally),
            speed: None,
            versions: StageVersions::of(versions, &tally),
            summary,
            fail_if: ruling,
            fault: None,
        };
        let (json, html) = write_report(&head, &mut tally, &unfinished, output)?;
        fs::remove_file(unfinished)?;
        println!("{}\n{}", json.display(), html.display());
    }
    match failing {
        Some(failing) => anyhow::bail!("{failing}"),
        None => Ok(()),
    }
}
