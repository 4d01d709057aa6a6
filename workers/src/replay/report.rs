use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, File},
    io::{BufRead as _, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use base64::{prelude::BASE64_STANDARD, write::EncoderWriter};
use flate2::{Compression, write::GzEncoder};
use serde::Serialize;

use super::{baseline::Baseline, drive::Driven, rule::Ruling, summary::Summary, tally::Tally};

/// The number of the report's own form.
const FORMAT: u16 = 1;
/// Jobs that the report names as the worst.
const WORST: usize = 50;
/// The page, with a place for the report.
const PAGE: &str = include_str!("page.html");
/// What the report takes the place of: there it is packed by gzip and written in base64, a tenth of the size.
const PLACE: &str = r#"<script type="application/json" id="report">null</script>"#;

/// Everything of a report but its jobs.
#[derive(Debug, Serialize)]
pub(crate) struct Head {
    pub(crate) recording: String,
    pub(crate) release: &'static str,
    pub(crate) made: jiff::Timestamp,
    pub(crate) changed: Vec<String>,
    pub(crate) baseline: Option<Baseline>,
    pub(crate) traffic: Traffic,
    /// None of a shadow, which goes along with the traffic.
    pub(crate) speed: Option<Speed>,
    pub(crate) versions: BTreeMap<String, Versions>,
    pub(crate) summary: Summary,
    pub(crate) fail_if: Option<Ruling>,
    /// Why the recording was not read to its end.
    pub(crate) fault: Option<String>,
}

impl Head {
    /// The figures that people look at first.
    pub(super) fn print(&self, replayed: u64) {
        self.summary.print();
        self.speed.iter().for_each(|speed| speed.print(replayed));
    }
}

/// Which jobs the report has.
#[derive(Debug, Serialize)]
struct Listed {
    /// The worst, the worst first.
    worst: Vec<String>,
    /// Jobs that the page shows: the worst of those that differ.
    shown: usize,
    /// Jobs that differ.
    differing: u64,
}

#[derive(Serialize)]
struct Whole<'a> {
    format: u16,
    #[serde(flatten)]
    head: &'a Head,
    #[serde(flatten)]
    listed: &'a Listed,
}

/// The time the recorded jobs came in.
#[derive(Debug, Serialize)]
pub(crate) struct Traffic {
    pub(super) from: jiff::Timestamp,
    pub(super) to: jiff::Timestamp,
    pub(super) seconds: f64,
}

/// How fast the replay was.
#[derive(Debug, Serialize)]
pub(crate) struct Speed {
    pub(super) seconds: f64,
    pub(super) jobs_per_second: f64,
    /// Seconds of traffic in a second of replay.
    pub(super) times_real: f64,
    /// Messages a second that reading alone gives.
    pub(super) read_per_second: f64,
    pub(super) jobs_at_once: usize,
}

/// The versions of a stage: those of the record by their jobs, and the replay's.
#[derive(Debug, Serialize)]
pub(crate) struct Versions {
    pub(super) before: BTreeMap<String, u64>,
    pub(super) after: String,
}

impl Traffic {
    pub(crate) fn of(tally: &Tally) -> Self {
        let from = tally.first_time.unwrap_or_default();
        let to = tally.last_time.unwrap_or(from);
        Self { from, to, seconds: to.duration_since(from).as_secs_f64() }
    }
}

impl Versions {
    pub(crate) fn of(
        now: impl IntoIterator<Item = (String, String)>,
        tally: &Tally,
    ) -> BTreeMap<String, Self> {
        let both = |(stage, after): (String, String)| {
            let before = tally.versions.get(&stage).cloned().unwrap_or_default();
            (stage, Self { before, after })
        };
        now.into_iter().map(both).collect()
    }
}

impl Speed {
    pub(super) fn of(
        seconds: f64,
        jobs: u64,
        traffic: &Traffic,
        driven: &Driven,
        jobs_at_once: usize,
    ) -> Self {
        let each = |count: f64, seconds: f64| if seconds > 0.0 { count / seconds } else { 0.0 };
        let (messages, reading) = driven.read;
        Self {
            seconds,
            jobs_per_second: each(jobs as f64, seconds),
            times_real: each(traffic.seconds, seconds),
            read_per_second: each(messages as f64, reading.as_secs_f64()),
            jobs_at_once,
        }
    }

    pub(super) fn print(&self, jobs: u64) {
        println!(
            "{jobs} jobs in {:.1} s: {:.1} jobs/s, {:.1} times the speed of the traffic; reading alone: {:.0} messages/s",
            self.seconds, self.jobs_per_second, self.times_real, self.read_per_second
        );
    }
}

/// Where the two files of a report stand: the name as it was given, without an ending of theirs.
pub(crate) fn files(output: &Path) -> (PathBuf, PathBuf) {
    let ours = output.extension().is_some_and(|ending| ending == "json" || ending == "html");
    let stem = if ours { output.with_extension("") } else { output.to_path_buf() };
    let named = |ending: &str| {
        let mut name = stem.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    (named(".json"), named(".html"))
}

/// Writes the report: as JSON with every job that differs, and as a page with the worst of them. `jobs` holds one a line.
/// The two files.
pub(crate) fn write(
    head: &Head,
    tally: &mut Tally,
    jobs: &Path,
    output: &Path,
) -> anyhow::Result<(PathBuf, PathBuf)> {
    tally.keep_worst();
    let places: HashSet<u64> = tally.worst.iter().map(|(_, place)| *place).collect();
    let listed = Listed { worst: worst(tally, jobs)?, shown: places.len(), differing: tally.differing };
    let head = serde_json::to_string(&Whole { format: FORMAT, head, listed: &listed })?;
    let (json, html) = files(output);
    written(&json, |out| body(out, &head, jobs, |_| true))?;
    let (above, rest) = PAGE.split_once(PLACE).context("the page has no place for a report")?;
    let (open, close) = PLACE.split_once("null").context("the page's place is none")?;
    let shown = |place| places.contains(&place);
    written(&html, |out| {
        write!(out, "{above}{open}")?;
        out.write_all(b"\"")?;
        let encoded = EncoderWriter::new(&mut *out, &BASE64_STANDARD);
        let mut packed = GzEncoder::new(encoded, Compression::default());
        body(&mut packed, &head, jobs, shown)?;
        packed.finish()?.finish()?;
        out.write_all(b"\"")?;
        Ok(write!(out, "{close}{rest}")?)
    })?;
    Ok((json, html))
}

/// The names of the worst jobs, the worst first.
fn worst(tally: &Tally, jobs: &Path) -> anyhow::Result<Vec<String>> {
    let places = || tally.worst.iter().take(WORST).map(|(_, place)| *place);
    let wanted: HashSet<u64> = places().collect();
    let mut names: BTreeMap<u64, String> = BTreeMap::new();
    for (place, line) in (0..).zip(lines(jobs)?) {
        if wanted.contains(&place) {
            names.insert(place, serde_json::from_str::<Named>(&line?)?.job);
        }
    }
    Ok(places().filter_map(|place| names.remove(&place)).collect())
}

#[derive(serde::Deserialize)]
struct Named {
    job: String,
}

fn lines(path: &Path) -> anyhow::Result<std::io::Lines<BufReader<File>>> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(BufReader::new(file).lines())
}

/// Writes a file under a temporary name, then gives it its own.
fn written(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let unfinished = crate::part::beside(path, ".unfinished");
    let fails = || format!("{} cannot be written", path.display());
    let mut out = BufWriter::new(File::create(&unfinished).with_context(fails)?);
    write(&mut out)?;
    out.into_inner()
        .map_err(|error| error.into_error())
        .and_then(|file| file.sync_all())
        .with_context(fails)?;
    fs::rename(&unfinished, path).with_context(fails)
}

fn body(out: &mut impl Write, head: &str, jobs: &Path, takes: impl Fn(u64) -> bool) -> anyhow::Result<()> {
    let head = head.strip_suffix('}').context("a report's head is an object")?;
    write!(out, "{head},\"jobs\":[")?;
    let mut first = true;
    for (place, line) in (0..).zip(lines(jobs)?) {
        let line = line?;
        if takes(place) {
            out.write_all(if first { b"\n" } else { b",\n" })?;
            out.write_all(line.as_bytes())?;
            first = false;
        }
    }
    Ok(out.write_all(b"\n]}")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_one_place_for_the_report() {
        assert_eq!(PAGE.matches(PLACE).count(), 1);
    }

    #[test]
    fn a_report_is_two_files() {
        for name in ["out/november", "out/november.json", "out/november.html"] {
            let (json, html) = files(Path::new(name));
            assert_eq!(json, Path::new("out/november.json"));
            assert_eq!(html, Path::new("out/november.html"));
        }
        assert_eq!(files(Path::new("r.2026")).0, Path::new("r.2026.json"));
    }
}
