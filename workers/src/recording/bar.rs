use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use super::manifest::Manifest;

/// A bar for going through a recording's jobs; without an end where no manifest tells how many there are.
pub(crate) fn bar(recording: &Path, what: &'static str) -> ProgressBar {
    let total = Manifest::read(recording).ok().flatten().map(|manifest| manifest.jobs());
    let (template, total) = match total {
        Some(total) => ("{msg} {bar:30} {pos}/{len} jobs, {per_sec}, {eta} left", total),
        None => ("{msg} {spinner} {pos} jobs, {per_sec}", 0),
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style).with_message(what)
}
