use std::{
    io::{self, BufWriter, Write as _},
    path::Path,
};

use hoidap_shared::job::EnvelopeHeader;

use super::{
    manifest::{Manifest, Tally},
    read::Lines,
};

/// Prints the messages that are asked for.
pub(super) fn cat(recording: &Path, job: Option<&str>, stage: Option<&str>) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for line in Lines::open(recording)? {
        let line = match line {
            Ok(line) => line,
            Err(fault) => {
                out.flush()?;
                return Err(fault.into());
            }
        };
        let body = line.body.as_ref().map_or("null", |body| body.get());
        let is_job = |job| {
            serde_json::from_str::<EnvelopeHeader>(body).is_ok_and(|header| header.job_id.as_str() == job)
        };
        if stage.is_some_and(|stage| stage != line.stage()) || job.is_some_and(|job| !is_job(job)) {
            continue;
        }
        let (subject, headers) =
            (serde_json::to_string(&line.subject)?, serde_json::to_string(&line.headers)?);
        let (seq, time) = (line.seq, line.time);
        writeln!(
            out,
            r#"{{"seq":{seq},"subject":{subject},"time":"{time}","headers":{headers},"body":{body}}}"#
        )?;
    }
    Ok(out.flush()?)
}

/// Prints what the recording holds, as far as it can be read.
pub(super) fn stat(recording: &Path, json: bool) -> anyhow::Result<()> {
    let manifest = Manifest::read(recording)?;
    let (mut tally, mut fault) = (Tally::default(), None);
    for line in Lines::open(recording)? {
        match line {
            Ok(line) => tally.count(&line),
            Err(error) => fault = Some(error),
        }
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&tally)?);
    } else {
        print(&tally);
    }
    if let Some(fault) = fault {
        return Err(fault.into());
    }
    if let Some(manifest) = manifest {
        anyhow::ensure!(
            manifest.tally == tally,
            "{} holds other messages than its manifest says ({} of {}): export it again",
            recording.display(),
            tally.messages,
            manifest.tally.messages
        );
    }
    Ok(())
}

fn print(tally: &Tally) {
    println!("messages  {}", tally.messages);
    if let (Some(first), Some(last)) = (tally.first_time, tally.last_time) {
        println!("from      {first}\nto        {last}");
    }
    let versions = tally.versions.iter().map(|(stage, counts)| (stage.as_str(), counts));
    for (name, counts) in
        [("stage", &tally.stages), ("outcome", &tally.outcomes), ("provider", &tally.providers)]
            .into_iter()
            .chain(versions)
    {
        for (what, count) in counts {
            println!("{name:<10}{what:<20}{count:>10}");
        }
    }
    if tally.unreadable > 0 {
        println!("{} messages cannot be read by any stage of this build", tally.unreadable);
    }
}
