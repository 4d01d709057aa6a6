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

#[test]
fn a_footer_stays_on_one_page() {
    for pages in [1, 5] {
        let site = Site::new();
        for (path, _) in crate::site::PAGES {
            site.remove(path);
        }
        for i in 0..pages {
            let body = format!("<main><h1>Trang {i}</h1><h2>Giá</h2><p>Nội dung của trang {i}.</p></main>");
            let footer =
                "<footer><p>MST 0401987654</p><ul><li><a href=a>Tin</a></li></ul><p>© 2026 Suối</p></footer>";
            let page = format!("<title>Trang {i}</title>{body}{footer}");
            fs::write(site.pages().join(format!("trang{i}.html")), page).unwrap();
        }
        let version = site.build().manifest.version;
        for (i, (source, text)) in texts(&site, &version).iter().enumerate() {
            assert_eq!(text.contains("MST 0401987654"), i == 0, "{source}: {text}");
            assert!(!text.contains("Suối") && !text.contains("Tin"), "{source}: {text}");
        }
        // It is not below the last heading of the page's own text.
        let chunks = fs::read_to_string(site.version_dir(&version).join("chunks.jsonl")).unwrap();
        let chunks: Vec<serde_json::Value> =
            chunks.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(chunks.len(), pages + 1);
        assert_eq!(chunks[1]["heading_path"].as_array().map(Vec::len), Some(0), "{}", chunks[1]);
    }
}

#[test]
fn a_question_of_many_pages_stays_with_its_answers() {
    let site = site(5);
    for i in 0..5 {
        let faq = format!("<div><h3>Làm có đau không?</h3><p>Câu trả lời {i}.</p></div>");
        let page = format!("<title>Trang {i}</title><main><h1>Trang {i}</h1></main>{faq}");
        fs::write(site.pages().join(format!("trang{i}.html")), page).unwrap();
    }
    for (i, (source, text)) in texts(&site, &site.build().manifest.version).iter().enumerate() {
        assert!(text.contains(&format!("Làm có đau không?\nCâu trả lời {i}.")), "{source}: {text}");
    }
}
