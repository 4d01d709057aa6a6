use super::{CollectionFolder, StoreError, VersionManifest};
use crate::hashing::sha256_of_file;

impl CollectionFolder {
    /// Compares each file of a version with its checksum.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] naming the first file that differs or is missing.
    pub fn verify(&self, manifest: &VersionManifest) -> Result<(), StoreError> {
        let dir = self.version_dir(&manifest.version);
        for (name, sum) in &manifest.files {
            match sha256_of_file(&dir.join(name)) {
                Ok(found) if found == *sum => {}
                Ok(_) => {
                    return Err(
                        self.damaged(&manifest.version, format!("{name} does not match its checksum"))
                    );
                }
                Err(error) => return Err(self.damaged(&manifest.version, format!("{name}: {error}"))),
            }
        }
        Ok(())
    }
}
