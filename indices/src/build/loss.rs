use std::collections::HashSet;

use super::{BuildError, Gathered};
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
    let live = &gathered.records.documents;
    let sources: HashSet<&str> = live.iter().map(|document| document.source.as_str()).collect();
    // What has only moved is there.
    let hashes: HashSet<&str> = live.iter().map(|document| document.hash.as_str()).collect();
    let known = || before.documents.iter().filter(|document| !document.withdrawn);
    let is_lost = |source: &str, hash: &str| !sources.contains(source) && !hashes.contains(hash);
    let lost = known().filter(|document| is_lost(&document.source, &document.hash)).count();
    let all = known().count();
    if exceeds(lost, all, share) {
        return refused(format!("{lost} of the {all} documents of the version in service would be gone"));
    }
    Ok(())
}

fn exceeds(part: usize, all: usize, share: f32) -> bool {
    part as f32 > share * all as f32
}
