use std::{
    io::IsTerminal,
    sync::Mutex,
    time::{Duration, Instant},
};

use hoidap_shared::{
    config::{Config, LogFormat},
    telemetry::json_line,
};
use indicatif::{ProgressBar, ProgressStyle};

use crate::build::BuildProgress;

/// Interval of progress lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// The format of a build's lines.
#[derive(Clone, Copy)]
pub(super) struct LineFormat {
    /// Whether lines are JSON, like a service's log.
    json: bool,
}

impl LineFormat {
    pub(super) fn of(config: &Config) -> Self {
        Self { json: config.telemetry.format == LogFormat::Json }
    }

    pub(super) fn line(self, level: &str, text: &str) -> String {
        if self.json { json_line("hoidap-index", level, text) } else { text.to_string() }
    }
}

/// Shows progress: a bar with rate and remaining time on a terminal, or else a line at intervals.
pub(super) struct ProgressBars {
    name: String,
    log: LineFormat,
    open: Mutex<Option<OpenBar>>,
}

struct OpenBar {
    bar: ProgressBar,
    what: String,
    began: Instant,
    said: Instant,
}

impl ProgressBars {
    pub(super) fn new(name: &str, log: LineFormat) -> Self {
        Self { name: name.into(), log, open: Mutex::new(None) }
    }

    fn with(&self, f: impl FnOnce(&mut Option<OpenBar>)) {
        f(&mut self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl BuildProgress for ProgressBars {
    fn begin(&self, what: &str, total: usize) {
        let bar = ProgressBar::new(total as u64);
        let template = "{prefix} {msg} {wide_bar} {pos}/{len} {per_sec} {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(self.name.clone());
        bar.set_message(what.to_string());
        let now = Instant::now();
        self.with(|open| *open = Some(OpenBar { bar, what: what.into(), began: now, said: now }));
    }

    fn step(&self, steps: usize) {
        self.with(|open| {
            let Some(open) = open else { return };
            open.bar.inc(steps as u64);
            if !std::io::stderr().is_terminal() && open.said.elapsed() >= LINE_INTERVAL {
                open.said = Instant::now();
                let (done, all) = (open.bar.position(), open.bar.length().unwrap_or(0));
                let rate = done as f64 / open.began.elapsed().as_secs_f64();
                let left = all.saturating_sub(done) as f64 / rate.max(0.001);
                let text = format!(
                    "{}: {} {done} of {all}, {rate:.0} a second, {left:.0} s left",
                    self.name, open.what
                );
                eprintln!("{}", self.log.line("INFO", &text));
            }
        });
    }

    fn end(&self) {
        self.with(|open| {
            if let Some(open) = open.take() {
                open.bar.finish_and_clear();
            }
        });
    }
}
