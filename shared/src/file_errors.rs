//! Error sentences for files that cannot be read.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

/// The system's error about a file. For a denied access also the user of this process, and the owner of the file or folder.
pub fn describe(path: &Path, error: &io::Error) -> String {
    if error.kind() != ErrorKind::PermissionDenied {
        return error.to_string();
    }
    let process = fs::metadata("/proc/self").map_or_else(
        |_| "this process".to_string(),
        |this| format!("user id {} (group id {})", this.uid(), this.gid()),
    );
    // A file in a folder without access cannot be inspected, but the folder can.
    let readable = path.ancestors().find_map(|at| Some((at, fs::metadata(at).ok()?)));
    let Some((at, found)) = readable else { return format!("permission denied to {process}") };
    format!(
        "permission denied to {process}: {} has mode {:04o} and belongs to user id {} (group id {}); \
         give it that owner, or the right to read it (chmod o+r, for folders o+rx)",
        at.display(),
        found.mode() & 0o7777,
        found.uid(),
        found.gid()
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_denied_access_names_the_user_and_the_mode() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hoidap.toml");
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let message = describe(&file, &io::Error::from(ErrorKind::PermissionDenied));
        let owner = fs::metadata(&file).unwrap().uid();
        assert!(message.contains(&format!("denied to user id {owner}")), "{message}");
        assert!(message.contains("hoidap.toml has mode 0600"), "{message}");
    }

    #[test]
    fn other_errors_stay_as_they_are() {
        let missing = io::Error::from(ErrorKind::NotFound);
        assert_eq!(describe(Path::new("/nowhere"), &missing), missing.to_string());
    }
}
