//! Bars for what takes a while.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar of this form, towards so many.
pub(crate) fn bar(template: &str, total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style)
}
