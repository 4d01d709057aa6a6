//! Hoidap's embedder on its own, called by several threads.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::Args;
use hoidap_indices::{Embedder as _, OnnxEmbedder, TextRole};
use hoidap_shared::config::Config;
use serde::Serialize;

/// Embeds the texts of a file as passages, with the model of the configuration.
#[derive(Debug, Args)]
pub struct EmbedArgs {
    /// A JSON string on each line.
    #[arg(long)]
    pub texts: PathBuf,
    /// Threads that call the model, each in a session of its own.
    #[arg(long, default_value_t = 1)]
    pub callers: usize,
    /// Texts in each call.
    #[arg(long, default_value_t = 1)]
    pub batch: usize,
    /// Goes on with the first text again until so many seconds are over; 0 embeds each text once.
    #[arg(long, default_value_t = 0.0)]
    pub seconds: f64,
}

/// What the embedder did.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct EmbedReport {
    pub texts: usize,
    pub seconds: f64,
    pub texts_per_second: f64,
    /// How long a caller waits for each text of a call.
    pub ms_per_text: f64,
}

impl EmbedArgs {
    /// Loads the model and embeds, after one call to warm up for each caller.
    ///
    /// # Errors
    /// When the texts or the model cannot be read, or the model fails.
    pub fn run(&self) -> anyhow::Result<EmbedReport> {
        let lines = fs::read_to_string(&self.texts)
            .with_context(|| format!("{} cannot be read", self.texts.display()))?;
        let mut texts: Vec<String> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        // Texts of similar length share a call, so that little of it is padding.
        texts.sort_by_key(String::len);
        anyhow::ensure!(!texts.is_empty(), "{} has no texts", self.texts.display());
        let mut settings = Config::load(None, &[])?.embedding;
        (settings.sessions, settings.batch) = (self.callers, self.batch);
        let embedder = OnnxEmbedder::open_for_build(&settings)?;
        let calls: Vec<&[String]> = texts.chunks(self.batch.max(1)).collect();
        self.call(&embedder, &calls, Duration::ZERO, self.callers.min(calls.len()))?;

        let begun = Instant::now();
        let least = if self.seconds > 0.0 { 0 } else { calls.len() };
        let texts = self.call(&embedder, &calls, Duration::from_secs_f64(self.seconds), least)?;
        let seconds = begun.elapsed().as_secs_f64();
        let (per_second, callers) = (texts as f64 / seconds, self.callers as f64);
        Ok(EmbedReport {
            texts,
            seconds,
            texts_per_second: per_second,
            ms_per_text: 1000.0 * callers / per_second,
        })
    }

    /// Calls the model `least` times or for so long, whichever is more; returns how many texts were embedded.
    fn call(
        &self,
        embedder: &OnnxEmbedder,
        calls: &[&[String]],
        span: Duration,
        least: usize,
    ) -> anyhow::Result<usize> {
        let (next, end) = (AtomicUsize::new(0), Instant::now() + span);
        let caller = || -> anyhow::Result<usize> {
            let mut texts = 0;
            loop {
                let call = next.fetch_add(1, Ordering::Relaxed);
                if call >= least && Instant::now() >= end {
                    return Ok(texts);
                }
                let batch = calls[call % calls.len()];
                embedder.embed(TextRole::Passage, batch)?;
                texts += batch.len();
            }
        };
        thread::scope(|scope| {
            let running: Vec<_> = (0..self.callers).map(|_| scope.spawn(caller)).collect();
            let ended = running.into_iter().map(|caller| {
                caller.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a caller of the model panicked")))
            });
            ended.sum()
        })
    }
}
