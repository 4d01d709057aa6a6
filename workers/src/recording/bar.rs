use std::path::Path;

use indicatif::ProgressBar;

use super::manifest::Manifest;
use crate::progress_bar::progress_bar;

/// A bar for going through a recording's jobs; without an end where no manifest tells how many there are.
pub(crate) fn bar(recording: &Path, what: &'static str) -> ProgressBar {
    let total = Manifest::read(recording).ok().flatten().map(|manifest| manifest.jobs());
    let (template, total) = match total {
        Some(total) => ("{msg} {bar:30} {pos}/{len} jobs, {per_sec}, {eta} left", total),
        None => ("{msg} {spinner} {pos} jobs, {per_sec}", 0),
    };
    progress_bar(template, total).with_message(what)
}
