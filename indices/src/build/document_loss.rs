use super::{BuildError, GatheredDocuments, withdrawn_documents::removed_documents};
use crate::store::VersionRecords;

/// Refuses a version that lost more than `share` of the previous version's documents, or that may not read more than
/// `share` of the files.
pub(super) fn check_document_loss(
    collection: &str,
    gathered: &GatheredDocuments,
    before: Option<&VersionRecords>,
    share: f32,
) -> Result<(), BuildError> {
    let refused = |what: String| {
        let hint =
            gathered.skipped.first().map(|s| format!("; {}: {}", s.source, s.reason)).unwrap_or_default();
        let allowed = (share * 100.0).round();
        Err(BuildError::Loss { collection: collection.into(), what, allowed, hint })
    };
    if exceeds(gathered.denied, gathered.files, share) {
        return refused(format!(
            "{} of {} files are denied to this process",
            gathered.denied, gathered.files
        ));
    }
    let Some(before) = before else { return Ok(()) };
    let removed = removed_documents(&gathered.records.documents, &before.documents);
    let known = || before.documents.iter().zip(&removed).filter(|(document, _)| !document.withdrawn);
    let (lost, all) = (known().filter(|(_, removed)| **removed).count(), known().count());
    if exceeds(lost, all, share) {
        return refused(format!("{lost} of the {all} documents of the version in service would be gone"));
    }
    Ok(())
}

fn exceeds(part: usize, all: usize, share: f32) -> bool {
    part as f32 > share * all as f32
}
