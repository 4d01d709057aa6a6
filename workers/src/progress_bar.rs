//! Progress bars of the command-line tools.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar with this template that counts up to `total`.
pub(crate) fn progress_bar(template: &str, total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style)
}
