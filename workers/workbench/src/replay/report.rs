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

use super::{
    comparison::baseline::BaselineTally,
    executor::{ReadingStatistics, RunSummary},
    figures::{fail_rule::FailRuleResult, summary::ReplaySummary, tally::ReplayTally},
};

/// Version of the report format.
const REPORT_FORMAT: u16 = 1;
/// Jobs listed as the worst.
const MAX_WORST_JOBS: usize = 50;
/// The HTML page with a placeholder for the report.
const PAGE_TEMPLATE: &str = include_str!(env!("HOIDAP_REPLAY_PAGE"));
/// The placeholder; the report replaces `null` as gzip in base64, a tenth of the size.
const REPORT_PLACEHOLDER: &str = r#"<script type="application/json" id="report">null</script>"#;

/// The report without its jobs.
#[derive(Debug, Serialize)]
pub(crate) struct ReportHead {
    pub(crate) recording: String,
    pub(crate) release: &'static str,
    pub(crate) made: jiff::Timestamp,
    pub(crate) changed: Vec<String>,
    pub(crate) baseline: Option<BaselineTally>,
    pub(crate) traffic: TrafficPeriod,
    /// Absent for a shadow, which runs with live traffic.
    pub(crate) speed: Option<ReplaySpeed>,
    pub(crate) versions: BTreeMap<String, StageVersions>,
    pub(crate) summary: ReplaySummary,
    pub(crate) fail_if: Option<FailRuleResult>,
    /// Why the recording was not read to its end.
    pub(crate) fault: Option<String>,
}

impl ReportHead {
    /// Prints the main figures.
    pub(super) fn print(&self, replayed: u64) {
        self.summary.print();
        self.speed.iter().for_each(|speed| speed.print(replayed));
    }
}

/// Which jobs the report contains.
#[derive(Debug, Serialize)]
struct JobListing {
    /// Ids of the worst jobs, worst first.
    worst: Vec<String>,
    /// Number of jobs on the page: the worst that differ.
    shown: usize,
    /// Number of jobs that differ.
    differing: u64,
}

#[derive(Serialize)]
struct FullReport<'a> {
    format: u16,
    #[serde(flatten)]
    head: &'a ReportHead,
    #[serde(flatten)]
    listed: &'a JobListing,
}

/// The period of the recorded traffic.
#[derive(Debug, Serialize)]
pub(crate) struct TrafficPeriod {
    pub(super) from: jiff::Timestamp,
    pub(super) to: jiff::Timestamp,
    pub(super) seconds: f64,
}

/// Speed of the replay.
#[derive(Debug, Serialize)]
pub(crate) struct ReplaySpeed {
    pub(super) seconds: f64,
    pub(super) jobs_per_second: f64,
    /// Seconds of traffic per second of replay.
    pub(super) times_real: f64,
    /// Messages per second of reading alone.
    pub(super) read_per_second: f64,
    pub(super) jobs_at_once: usize,
}

/// Versions of a stage: the recorded ones with their job counts, and the replayed one.
#[derive(Debug, Serialize)]
pub(crate) struct StageVersions {
    pub(super) before: BTreeMap<String, u64>,
    pub(super) after: String,
}

impl TrafficPeriod {
    pub(crate) fn of(tally: &ReplayTally) -> Self {
        let from = tally.first_time.unwrap_or_default();
        let to = tally.last_time.unwrap_or(from);
        Self { from, to, seconds: to.duration_since(from).as_secs_f64() }
    }
}

impl StageVersions {
    pub(crate) fn of(
        now: impl IntoIterator<Item = (String, String)>,
        tally: &ReplayTally,
    ) -> BTreeMap<String, Self> {
        let both = |(stage, after): (String, String)| {
            let before = tally.versions.get(&stage).cloned().unwrap_or_default();
            (stage, Self { before, after })
        };
        now.into_iter().map(both).collect()
    }
}

impl ReplaySpeed {
    pub(super) fn of(
        seconds: f64,
        jobs: u64,
        traffic: &TrafficPeriod,
        run_summary: &RunSummary,
        jobs_at_once: usize,
    ) -> Self {
        let each = |count: f64, seconds: f64| if seconds > 0.0 { count / seconds } else { 0.0 };
        let ReadingStatistics { messages, duration } = run_summary.reading;
        Self {
            seconds,
            jobs_per_second: each(jobs as f64, seconds),
            times_real: each(traffic.seconds, seconds),
            read_per_second: each(messages as f64, duration.as_secs_f64()),
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

/// The paths of a report's JSON and HTML files: the given name without an ending `.json` or `.html`, plus each.
pub(crate) fn report_paths(output: &Path) -> (PathBuf, PathBuf) {
    let ours = output.extension().is_some_and(|ending| ending == "json" || ending == "html");
    let stem = if ours { output.with_extension("") } else { output.to_path_buf() };
    let named = |ending: &str| {
        let mut name = stem.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    (named(".json"), named(".html"))
}

/// Writes the report: as JSON with every job that differs, and as a page with the worst of them. `jobs` is a file
/// with one job per line. Returns the two paths.
pub(crate) fn write_report(
    head: &ReportHead,
    tally: &mut ReplayTally,
    jobs: &Path,
    output: &Path,
) -> anyhow::Result<(PathBuf, PathBuf)> {
    tally.keep_worst();
    let places: HashSet<u64> = tally.worst.iter().map(|(_, place)| *place).collect();
    let listed =
        JobListing { worst: worst_jobs(tally, jobs)?, shown: places.len(), differing: tally.differing };
    let head = serde_json::to_string(&FullReport { format: REPORT_FORMAT, head, listed: &listed })?;
    let (json, html) = report_paths(output);
    write_atomically(&json, |out| write_body(out, &head, jobs, |_| true))?;
    let (above, rest) =
        PAGE_TEMPLATE.split_once(REPORT_PLACEHOLDER).context("the page has no place for a report")?;
    let (open, close) =
        REPORT_PLACEHOLDER.split_once("null").context("the placeholder of the report's page is missing")?;
    let shown = |place| places.contains(&place);
    write_atomically(&html, |out| {
        write!(out, "{above}{open}")?;
        out.write_all(b"\"")?;
        let encoded = EncoderWriter::new(&mut *out, &BASE64_STANDARD);
        let mut packed = GzEncoder::new(encoded, Compression::default());
        write_body(&mut packed, &head, jobs, shown)?;
        packed.finish()?.finish()?;
        out.write_all(b"\"")?;
        Ok(write!(out, "{close}{rest}")?)
    })?;
    Ok((json, html))
}

/// The ids of the worst jobs, worst first.
fn worst_jobs(tally: &ReplayTally, jobs: &Path) -> anyhow::Result<Vec<String>> {
    let places = || tally.worst.iter().take(MAX_WORST_JOBS).map(|(_, place)| *place);
    let wanted: HashSet<u64> = places().collect();
    let mut names: BTreeMap<u64, String> = BTreeMap::new();
    for (place, line) in (0..).zip(read_lines(jobs)?) {
        if wanted.contains(&place) {
            names.insert(place, serde_json::from_str::<JobName>(&line?)?.job);
        }
    }
    Ok(places().filter_map(|place| names.remove(&place)).collect())
}

#[derive(serde::Deserialize)]
struct JobName {
    job: String,
}

fn read_lines(path: &Path) -> anyhow::Result<std::io::Lines<BufReader<File>>> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(BufReader::new(file).lines())
}

/// Writes a file under a temporary name, then renames it.
fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let unfinished = crate::resumable_file::with_suffix(path, ".unfinished");
    let fails = || format!("{} cannot be written", path.display());
    let mut out = BufWriter::new(File::create(&unfinished).with_context(fails)?);
    write(&mut out)?;
    out.into_inner()
        .map_err(|error| error.into_error())
        .and_then(|file| file.sync_all())
        .with_context(fails)?;
    fs::rename(&unfinished, path).with_context(fails)
}

fn write_body(
    out: &mut impl Write,
    head: &str,
    jobs: &Path,
    takes: impl Fn(u64) -> bool,
) -> anyhow::Result<()> {
    let head = head.strip_suffix('}').context("a report's head is an object")?;
    write!(out, "{head},\"jobs\":[")?;
    let mut first = true;
    for (place, line) in (0..).zip(read_lines(jobs)?) {
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
    fn the_page_has_one_placeholder() {
        assert_eq!(PAGE_TEMPLATE.matches(REPORT_PLACEHOLDER).count(), 1);
    }

    #[test]
    fn a_report_is_two_files() {
        for name in ["out/november", "out/november.json", "out/november.html"] {
            let (json, html) = report_paths(Path::new(name));
            assert_eq!(json, Path::new("out/november.json"));
            assert_eq!(html, Path::new("out/november.html"));
        }
        assert_eq!(report_paths(Path::new("r.2026")).0, Path::new("r.2026.json"));
    }
}
