//! The collections a stage searches, kept up to date.

use std::{
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use anyhow::Context as _;
use hoidap_indices::{Library, ReloadEvent};
use hoidap_shared::config::Config;
use sha2::{Digest as _, Sha256};
use tracing::{info, warn};

/// A library that takes in new versions of its collections by itself.
pub(crate) type Watched = Arc<Library>;

/// Opens the collections and looks for new versions every `indices.reload_ms` (never where it is 0), for as long as the
/// library is used.
pub(crate) async fn watch(config: &Config) -> anyhow::Result<Watched> {
    let every = Duration::from_millis(config.indices.reload_ms);
    let opening = config.clone();
    let library = tokio::task::spawn_blocking(move || Library::open(&opening)).await??;
    let library = Arc::new(library);
    if every.is_zero() {
        return Ok(library);
    }
    let weak = Arc::downgrade(&library);
    thread::Builder::new()
        .name("reload".into())
        .spawn(move || reload(&weak, every))
        .context("no thread for reloading")?;
    Ok(library)
}

fn reload(library: &Weak<Library>, every: Duration) {
    loop {
        thread::sleep(every);
        let Some(library) = library.upgrade() else { return };
        for event in library.reload() {
            match event {
                ReloadEvent::Refused { collection, reason } => {
                    warn!(collection, reason, "a new version was refused")
                }
                other => info!(?other, "collections"),
            }
        }
    }
}

/// A short name for everything that the parts say: the first 16 hexadecimal digits of their SHA-256.
pub(crate) fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
