use super::{BuildError, Gathered, withdrawn::gone};
use crate::store::Records;

/// Refuses a version that lost more than `share` of the documents of the version before, or of the files there are where
/// the system denied them.
pub(super) fn check(
    collection: &str,
    gathered: &Gathered,
    before: Option<&Records>,
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
    let gone = gone(&gathered.records.documents, &before.documents);
    let known = || before.documents.iter().zip(&gone).filter(|(document, _)| !document.withdrawn);
    let (lost, all) = (known().filter(|(_, gone)| **gone).count(), known().count());
    if exceeds(lost, all, share) {
        return refused(format!("{lost} of the {all} documents of the version in service would be gone"));
    }
    Ok(())
}

fn exceeds(part: usize, all: usize, share: f32) -> bool {
    part as f32 > share * all as f32
}
