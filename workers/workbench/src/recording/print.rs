use std::{
    io::{self, BufWriter, Write as _},
    path::Path,
};

use hoidap_shared::job::EnvelopeHeader;

use super::{
    manifest::{RecordingManifest, RecordingTally},
    reader::RecordingReader,
};

/// Prints the messages of a recording, one JSON object a line.
pub(super) fn print_messages(recording: &Path, job: Option<&str>, stage: Option<&str>) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for line in RecordingReader::open(recording)? {
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                out.flush()?;
                return Err(error.into());
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

/// Prints the counts of a recording, as far as it can be read.
pub(super) fn print_statistics(recording: &Path, json: bool) -> anyhow::Result<()> {
    let manifest = RecordingManifest::read(recording)?;
    let (mut tally, mut error) = (RecordingTally::default(), None);
    for line in RecordingReader::open(recording)? {
        match line {
            Ok(line) => tally.count(&line),
            Err(found) => error = Some(found),
        }
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&tally)?);
    } else {
        print_table(&tally);
    }
    if let Some(error) = error {
        return Err(error.into());
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

fn print_table(tally: &RecordingTally) {
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
