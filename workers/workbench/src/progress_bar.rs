//! Progress bars.

use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar with an `indicatif` template and a total.
pub(crate) fn progress_bar(template: &str, total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style)
}
