//! Links inside of the folder are followed; links out of it are refused and reported.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use hoidap_indices::document::{FileListing, Limits, ReadError, list_files, read};

use crate::file_kinds::LIMITS;

/// A folder `site` with pages, and a folder `private` next to it.
fn folders() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (site, private) = (dir.path().join("site"), dir.path().join("private"));
    for (folder, name) in [(site.join("vi"), "gia.html"), (private.clone(), "luong.html")] {
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), "<p>text</p>").unwrap();
    }
    (dir, site, private)
}

fn sources(listing: &FileListing) -> Vec<&str> {
    listing.files.iter().map(|file| file.source.as_str()).collect()
}

fn list(site: &Path) -> FileListing {
    list_files(&[site.to_path_buf()], Some(site)).unwrap()
}

#[test]
fn links_out_of_the_folder_are_refused_and_reported() {
    let (_dir, site, private) = folders();
    symlink(private.join("luong.html"), site.join("luong.html")).unwrap();
    symlink("../../private/luong.html", site.join("vi/luong.html")).unwrap();
    symlink(&private, site.join("private")).unwrap();
    symlink("private", site.join("again")).unwrap();
    symlink("nowhere.html", site.join("nowhere.html")).unwrap();
    let listing = list(&site);
    assert_eq!(sources(&listing), ["vi/gia.html"]);
    let mut named: Vec<&str> = listing.skipped.iter().map(|skipped| skipped.source.as_str()).collect();
    named.sort_unstable();
    assert_eq!(named, ["again", "luong.html", "nowhere.html", "private", "vi/luong.html"]);
    let out = listing.skipped.iter().find(|skipped| skipped.source == "private").unwrap();
    assert!(out.reason.starts_with("is a link out of ") && out.reason.contains("copy it there"), "{out:?}");
}

#[test]
fn links_inside_are_followed_once_and_circles_end() {
    let (_dir, site, _) = folders();
    fs::create_dir(site.join("common")).unwrap();
    fs::write(site.join("common/chung.md"), "# Chung").unwrap();
    symlink("gia.html", site.join("vi/bang-gia.html")).unwrap();
    symlink("..", site.join("vi/up")).unwrap();
    symlink("../vi", site.join("common/round")).unwrap();
    symlink("loop", site.join("loop")).unwrap();
    let listing = list(&site);
    assert_eq!(sources(&listing), ["common/chung.md", "vi/bang-gia.html", "vi/gia.html"]);
    assert_eq!(listing.skipped.len(), 1, "{:?}", listing.skipped);
    // A link in a given folder leads to a folder of the site that was not given.
    symlink("../common", site.join("vi/chung")).unwrap();
    let some = list_files(&[site.join("vi")], Some(&site)).unwrap();
    assert!(sources(&some).contains(&"vi/chung/chung.md"), "{:?}", sources(&some));
}

#[test]
fn a_list_may_not_name_a_link_out_of_the_root() {
    let (dir, site, private) = folders();
    symlink(private.join("luong.html"), site.join("luong.html")).unwrap();
    let list = dir.path().join("list");
    fs::write(&list, format!("{0}/luong.html\n{0}/vi/gia.html\n", site.display())).unwrap();
    let listing = list_files(&[PathBuf::from(format!("@{}", list.display()))], Some(&site)).unwrap();
    assert_eq!(sources(&listing), ["vi/gia.html"]);
    assert_eq!(listing.skipped[0].source, "luong.html");
}

#[test]
fn a_link_that_replaced_a_file_is_not_opened() {
    let (_dir, site, private) = folders();
    let site = site.canonicalize().unwrap();
    let page = list(&site).files.remove(0).path;
    assert!(read(&page, LIMITS).is_ok());
    // First the file and then its folder are replaced after the listing.
    fs::remove_file(&page).unwrap();
    symlink(private.join("luong.html"), &page).unwrap();
    assert!(read(&page, LIMITS).is_err());
    fs::remove_dir_all(site.join("vi")).unwrap();
    fs::write(private.join("gia.html"), "<p>private</p>").unwrap();
    symlink(&private, site.join("vi")).unwrap();
    assert!(matches!(read(&page, LIMITS), Err(ReadError::Changed)));
    assert!(matches!(read(&private, Limits { ..LIMITS }), Err(ReadError::Changed)), "a folder is not a file");
}
