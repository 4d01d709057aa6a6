//! The library of collections that a stage searches, reloaded while the process runs.

use std::{
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use anyhow::Context as _;
use hoidap_indices::Library;
use hoidap_shared::config::Config;

/// A library that loads new versions of its collections by itself.
pub(crate) type WatchedLibrary = Arc<Library>;

/// Opens the collections and checks for new versions every `indices.reload_ms` (never where it is 0), for as long as the
/// library is in use.
pub(crate) async fn open(config: &Config) -> anyhow::Result<WatchedLibrary> {
    let interval = Duration::from_millis(config.indices.reload_ms);
    let settings = config.clone();
    let library = tokio::task::spawn_blocking(move || Library::open(&settings)).await??;
    let library = Arc::new(library);
    if interval.is_zero() {
        return Ok(library);
    }
    let weak = Arc::downgrade(&library);
    thread::Builder::new()
        .name("reload".into())
        .spawn(move || reload(&weak, interval))
        .context("no thread for reloading")?;
    Ok(library)
}

fn reload(library: &Weak<Library>, interval: Duration) {
    loop {
        thread::sleep(interval);
        let Some(library) = library.upgrade() else { return };
        library.reload_and_log();
    }
}
