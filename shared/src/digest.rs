//! Short names for longer texts.

use sha2::{Digest as _, Sha256};

/// The first 16 hexadecimal digits of the SHA-256 of `parts`. Each part counts with its length, so that `["ab", "c"]` and
/// `["a", "bc"]` differ.
pub fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
