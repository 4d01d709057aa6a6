use std::path::Path;

use indicatif::ProgressBar;

use super::manifest::RecordingManifest;
use crate::progress_bar::progress_bar;

/// A progress bar over a recording's jobs; without a total if there is no manifest.
pub(crate) fn job_progress_bar(recording: &Path, what: &'static str) -> ProgressBar {
    let total = RecordingManifest::read(recording).ok().flatten().map(|manifest| manifest.jobs());
    let (template, total) = match total {
        Some(total) => ("{msg} {bar:30} {pos}/{len} jobs, {per_sec}, {eta} left", total),
        None => ("{msg} {spinner} {pos} jobs, {per_sec}", 0),
    };
    progress_bar(template, total).with_message(what)
}
