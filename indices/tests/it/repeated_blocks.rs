//! Blocks that many pages of a site repeat, such as menus.

use std::fs;

use crate::site::Site;

/// A page without names, roles or elements that would mark its menu.
fn put(site: &Site, name: &str, body: &str) {
    let page = format!(
        "<title>{name}</title><body><div><div><a href=a>Máy lọc</a></div><div><a href=b>Lõi lọc</a></div><div><a href=c>Đại lý</a></div></div>\
         <div>Trang này dùng tệp ghi nhớ. <button>Đồng ý</button></div><h1>{name}</h1><p>{body}</p><p>Bảo hành 24 tháng.</p>\
         <div><p>Trang này có hữu ích không?</p><button>Có</button></div><div><span>Chia sẻ trang này</span><a href=f>Facebook</a> <a href=z>Zalo</a></div>\
         <div>© 2026 Suối, hotline 1900 0147</div>"
    );
    fs::write(site.pages().join(format!("{name}.html")), page).unwrap();
}

/// The texts of a version's pages.
fn texts(site: &Site, version: &str) -> Vec<(String, String)> {
    let records = fs::read_to_string(site.version_dir(version).join("documents.jsonl")).unwrap();
    let documents = records.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    documents.map(|d| (d["source"].as_str().unwrap().into(), d["text"].as_str().unwrap().into())).collect()
}

fn site(pages: usize) -> Site {
    let site = Site::new();
    for (path, _) in crate::site::PAGES {
        site.remove(path);
    }
    for i in 0..pages {
        put(&site, &format!("trang{i}"), &format!("Nội dung của riêng trang {i}."));
    }
    site
}

#[test]
fn menus_and_banners_of_many_pages_are_left_out_of_them() {
    let site = site(5);
    let texts = texts(&site, &site.build().manifest.version);
    for (i, (source, text)) in texts.iter().enumerate() {
        assert!(!text.contains("Lõi lọc"), "{source}: {text}");
        assert!(
            text.contains(&format!("trang{i}\nNội dung của riêng trang {i}.\nBảo hành 24 tháng.")),
            "{text}"
        );
        // Text that is not a link stays on one page, so that it can be found.
        assert_eq!(text.contains("hotline 1900 0147"), i == 0, "{source}: {text}");
        assert_eq!(text.contains("tệp ghi nhớ"), i == 0, "{source}: {text}");
        assert_eq!(text.contains("hữu ích"), i == 0, "{source}: {text}");
        assert_eq!(text.contains("Facebook"), i == 0, "{source}: {text}");
    }
}

#[test]
fn pages_that_are_few_or_alone_keep_their_text() {
    for pages in [1, 2] {
        let site = site(pages);
        for (source, text) in texts(&site, &site.build().manifest.version) {
            assert!(text.contains("Lõi lọc") && text.contains("hotline"), "{source}: {text}");
        }
    }
}

#[test]
fn removed_blocks_depend_on_the_other_pages() {
    let site = site(4);
    let first = site.build();
    let again = site.build();
    assert!(!again.new, "the same pages give the same texts");
    // The page that kept the common text is removed: now the next one keeps it, though its own file is unchanged.
    site.remove("trang0.html");
    let second = site.build();
    assert!(second.new);
    let live = |version: &str| {
        let all = texts(&site, version);
        all.into_iter().filter(|(source, _)| source != "trang0.html").collect::<Vec<_>>()
    };
    assert!(!live(&first.manifest.version)[0].1.contains("hotline"));
    assert!(live(&second.manifest.version)[0].1.contains("hotline"));
    assert!(!live(&second.manifest.version)[1].1.contains("hotline"));
    site.remove("trang1.html");
    let third = site.build();
    assert!(live(&third.manifest.version)[1].1.contains("Lõi lọc"), "two pages are too few");
}
