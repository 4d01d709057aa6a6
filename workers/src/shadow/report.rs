use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
};

use anyhow::Context as _;
use async_nats::jetstream::consumer::Info;
use futures::TryStreamExt as _;
use hoidap_shared::broker::Broker;

use super::{Nature, jobs, missing, nature};
use crate::{
    part::beside,
    replay::{Head, Item, Outcome, Rule, Summary, Tally, Traffic, Versions, files, write},
    stream_reader::StreamReader,
};

/// Results read at once.
const PAGE: usize = 1_000;

/// Prints the shadows there are.
pub(super) async fn list(broker: &Broker) -> anyhow::Result<()> {
    let jobs = jobs(broker).await?;
    let all: Vec<Info> = jobs.consumers().try_collect().await?;
    let mut count = 0;
    for info in all {
        let Some(Nature { from, to, changes, .. }) = nature(&info.config.metadata) else { continue };
        let prefix = broker.subjects.shadow_consumer("");
        let name = info.name.strip_prefix(prefix.as_str()).unwrap_or(&info.name);
        let stages = if from == to { from } else { format!("{from} to {to}") };
        println!("{name:<20} {stages:<26} {:>6} behind  {}", info.num_pending, changes.join(", "));
        count += 1;
    }
    println!("{count} shadow{}", if count == 1 { "" } else { "s" });
    Ok(())
}

/// Compares what a shadow made of jobs with what visitors got.
pub(super) async fn report(
    broker: &Broker,
    name: &str,
    rule: Option<&Rule>,
    output: Option<&Path>,
) -> anyhow::Result<()> {
    let consumer = jobs(broker).await?.consumer_info(broker.subjects.shadow_consumer(name)).await;
    let consumer = consumer.with_context(|| missing(name))?;
    let Nature { changes, versions, from, to } =
        nature(&consumer.config.metadata).with_context(|| missing(name))?;
    if let Some(output) = output {
        let (json, html) = files(output);
        for path in [json, html] {
            anyhow::ensure!(!path.exists(), "{} is there already: name another report", path.display());
        }
    }
    let results = broker.jetstream.get_stream(broker.subjects.stream("SHADOW")).await?;
    let mut log = StreamReader::open(&results, 1, Some(broker.subjects.shadow(name))).await?;
    let unfinished = output.map(|output| beside(output, ".part"));
    let mut file = unfinished.as_ref().map(File::create).transpose()?.map(BufWriter::new);
    let mut tally = Tally::default();
    loop {
        let page = log.read(PAGE).await?;
        if page.is_empty() {
            break;
        }
        for record in page {
            let outcome: Outcome = serde_json::from_slice(&record.payload)
                .with_context(|| format!("result {} of the shadow is of another release", record.sequence))?;
            if let (Some(line), Some(file)) = (tally.take(&Item::Job(outcome))?, &mut file) {
                writeln!(file, "{line}")?;
            }
        }
    }
    let summary = Summary::of(&tally);
    summary.print();
    let ruling = rule.map(|rule| rule.judge(&summary)).transpose()?;
    let failing = ruling.as_ref().filter(|ruling| ruling.failed).map(ToString::to_string);
    if let (Some(output), Some(unfinished), Some(mut file)) = (output, unfinished, file) {
        file.flush()?;
        let head = Head {
            recording: format!("the shadow {name} of {from} to {to}"),
            release: env!("CARGO_PKG_VERSION"),
            made: jiff::Timestamp::now(),
            changed: changes,
            baseline: None,
            traffic: Traffic::of(&tally),
            speed: None,
            versions: Versions::of(versions, &tally),
            summary,
            fail_if: ruling,
            fault: None,
        };
        let (json, html) = write(&head, &mut tally, &unfinished, output)?;
        fs::remove_file(unfinished)?;
        println!("{}\n{}", json.display(), html.display());
    }
    match failing {
        Some(failing) => anyhow::bail!("{failing}"),
        None => Ok(()),
    }
}
