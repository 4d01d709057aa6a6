//! Files that the system does not let this process use.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

/// What the system said of a file, and where it denied access: who asked, and whose the file or folder is.
pub fn explain(path: &Path, error: &io::Error) -> String {
    if error.kind() != ErrorKind::PermissionDenied {
        return error.to_string();
    }
    let asked = fs::metadata("/proc/self").map_or_else(
        |_| "this process".to_string(),
        |this| format!("user id {} (group id {})", this.uid(), this.gid()),
    );
    // What lies in a folder that may not be entered cannot be looked at: the folder itself can.
    let known = path.ancestors().find_map(|at| Some((at, fs::metadata(at).ok()?)));
    let Some((at, found)) = known else { return format!("permission denied to {asked}") };
    format!(
        "permission denied to {asked}: {} has mode {:04o} and belongs to user id {} (group id {}); \
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
    fn a_denied_file_is_told_with_the_user_and_the_mode() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hoidap.toml");
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let told = explain(&file, &io::Error::from(ErrorKind::PermissionDenied));
        let owner = fs::metadata(&file).unwrap().uid();
        assert!(told.contains(&format!("denied to user id {owner}")), "{told}");
        assert!(told.contains("hoidap.toml has mode 0600"), "{told}");
    }

    #[test]
    fn other_errors_are_told_as_they_are() {
        let missing = io::Error::from(ErrorKind::NotFound);
        assert_eq!(explain(Path::new("/nowhere"), &missing), missing.to_string());
    }
}
