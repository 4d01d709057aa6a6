//! Shows a trace as text or as an HTML page.

pub(super) mod headline;
pub(super) mod html;
pub(super) mod text;
pub(super) mod timeline;
pub(super) mod timeline_entry;
