//! Search results: ranking, filters, support, and offsets.

use hoidap_indices::{
    Preferred,
    store::{CollectionFolder, VersionRecords},
};
use hoidap_shared::job::FilterUsed;

use crate::site::{Site, first};

#[test]
fn text_without_diacritics_finds_text_with_them() {
    let site = Site::new();
    site.build();
    let library = site.library();
    for question in ["dat lai mat khau", "lam sao dat lai mat khau", "Đặt lại mật khẩu"] {
        let outcome = site.ask(&library, question);
        assert_eq!(first(&outcome), "vi/mat-khau.html", "{question}");
        assert!(outcome.passages[0].ranks.lexical.is_some() && outcome.passages[0].ranks.dense.is_some());
    }
}

#[test]
fn exact_diacritics_are_preferred() {
    let site = Site::new();
    site.put("vi/muoi.html", "<h1>Gia vị</h1><p>Muối biển được bán theo túi.</p>");
    site.put("vi/muoi10.html", "<h1>Con số</h1><p>Mười túi được bán theo thùng.</p>");
    site.build();
    let library = site.library();
    let lexical_first = |question: &str| {
        let passages = site.ask(&library, question).passages;
        passages.into_iter().find(|p| p.ranks.lexical == Some(1)).unwrap().source
    };
    assert_eq!(lexical_first("muối"), "vi/muoi.html");
    assert_eq!(lexical_first("mười"), "vi/muoi10.html");
}

#[test]
fn look_alikes_are_found_and_shown_as_written() {
    let site = Site::new();
    site.put(
        "vi/dai-ly.html",
        "<h1>Ðại lý</h1><p>Ðại lý Ðồng Nai ở số 9 ðường Ðiện Biên, mã DX\u{2011}M101.</p>",
    );
    site.put("vi/kho.html", "<h1>Kho</h1><p>Kho Bình Dương nhận hàng từ 7 giờ đến 17 giờ, mã DX-M102.</p>");
    site.build();
    let library = site.library();
    for question in ["Đại lý Đồng Nai", "dai ly dong nai", "Ðại lý Ðồng Nai", "đường Điện Biên", "DX-M101"]
    {
        let passages = site.ask(&library, question).passages;
        let best = passages.iter().find(|p| p.ranks.lexical == Some(1)).unwrap();
        assert_eq!(best.source, "vi/dai-ly.html", "{question}");
        assert!(best.text.contains("Ðồng Nai"), "the text is shown as the page has it: {}", best.text);
    }
    let passages = site.ask(&library, "Kho ở Bình Dương nhận ðến mấy giờ?").passages;
    assert_eq!(passages[0].source, "vi/kho.html");
}

#[test]
fn every_offset_resolves_to_the_stored_text() {
    let site = Site::new();
    let version = site.build().manifest.version;
    let documents = std::fs::read_to_string(site.version_dir(&version).join("documents.jsonl")).unwrap();
    let library = site.library();
    for question in ["mật khẩu", "giá", "backup", "printer", "kẹt giấy"] {
        for passage in site.ask(&library, question).passages {
            let document = documents
                .lines()
                .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
                .find(|document| document["source"] == passage.source.as_str())
                .unwrap();
            let text: String = document["text"]
                .as_str()
                .unwrap()
                .chars()
                .skip(passage.start)
                .take(passage.end - passage.start)
                .collect();
            assert_eq!(text, passage.text);
            assert_eq!(document["hash"], passage.document_hash.as_str());
        }
    }
}

#[test]
fn filters_hold_and_fall_back() {
    let mut site = Site::new();
    site.config.products = serde_json::from_value(serde_json::json!([
        {"id": "vietnamese", "name": "V", "urls": ["/vi"]}, {"id": "english", "name": "E", "urls": ["/en"]}
    ]))
    .unwrap();
    site.config.sections =
        serde_json::from_value(serde_json::json!([{"id": "billing", "urls": ["/vi/gia"]}])).unwrap();
    site.build();
    let library = site.library();
    let outcome = site.ask_for(&library, "mật khẩu", Some("english"), None);
    assert_eq!(outcome.filter, FilterUsed::Product);
    assert!(
        outcome.passages.iter().all(|p| p.product.as_deref() == Some("english"))
            && !outcome.passages.is_empty()
    );
    let outcome = site.ask_for(&library, "mật khẩu", Some("vietnamese"), Some("billing"));
    assert_eq!(outcome.filter, FilterUsed::ProductAndSection);
    assert!(outcome.passages.iter().all(|p| p.source == "vi/gia.html"));
    let outcome = site.ask_for(&library, "mật khẩu", Some("english"), Some("billing"));
    assert_eq!(outcome.filter, FilterUsed::Product);
    let outcome = site.ask_for(&library, "mật khẩu", Some("nothing"), None);
    assert_eq!(outcome.filter, FilterUsed::FellBack);
    assert_eq!(first(&outcome), "vi/mat-khau.html");
}

#[test]
fn the_preferred_product_and_section_come_first_and_hide_nothing() {
    let mut site = Site::new();
    for product in ["mail", "drive"] {
        let page = format!(
            "<h1>Storage</h1><p>The {product} plan holds as many files as fit into forty gigabytes.</p>"
        );
        site.put(&format!("{product}/storage.html"), &page);
    }
    site.put(
        "drive/printer.html",
        "<h1>Scanner</h1><p>A scanned sheet is kept as a picture of three hundred dots.</p>",
    );
    site.config.products = serde_json::from_value(serde_json::json!([
        {"id": "mail", "name": "Mail", "urls": ["/mail"]}, {"id": "drive", "name": "Drive", "urls": ["/drive"]}
    ]))
    .unwrap();
    site.config.sections =
        serde_json::from_value(serde_json::json!([{"id": "help", "urls": ["/mail/storage"]}])).unwrap();
    site.build();
    let library = site.library();
    let ask = |question: &str, preferred| site.ask_preferring(&library, question, preferred);
    let of = |product, section| Preferred { product: Some((product, 0.8)), section };
    let question = "how many gigabytes can I keep?";
    assert_eq!(first(&ask(question, of("mail", None))), "mail/storage.html");
    assert_eq!(first(&ask(question, of("drive", None))), "drive/storage.html");
    assert_eq!(
        first(&ask(question, Preferred { product: None, section: Some("help") })),
        "mail/storage.html"
    );
    let elsewhere = ask("how is a scanned sheet kept?", of("mail", Some("help")));
    assert_eq!((first(&elsewhere), elsewhere.filter), ("drive/printer.html", FilterUsed::None));
}

#[test]
fn of_two_pages_that_say_the_same_the_one_in_the_question_s_language_comes_first() {
    let site = Site::new();
    site.build();
    let library = site.library();
    assert_eq!(first(&site.ask(&library, "How do I reset my password?")), "en/password.html");
    assert_eq!(first(&site.ask(&library, "Quên mật khẩu thì đặt lại thế nào?")), "vi/mat-khau.html");
}

#[test]
fn near_duplicates_are_found_once() {
    let site = Site::new();
    for copy in ["a", "b", "c"] {
        site.put(
            &format!("en/copy-{copy}.html"),
            "<h1>Refunds</h1><p>Refunds are paid within ten working days to the card that was charged.</p>",
        );
    }
    site.build();
    let outcome = site.ask(&site.library(), "When are refunds paid?");
    assert_eq!(outcome.passages.iter().filter(|p| p.source.contains("copy")).count(), 1);
}

#[test]
fn support_shows_what_the_documents_answer() {
    let site = Site::new();
    site.build();
    let library = site.library();
    for question in [
        "Mật khẩu cần ít nhất bao nhiêu ký tự?",
        "goi doanh nghiep gia bao nhieu",
        "Which files can I restore from the archive?",
    ] {
        assert!(site.ask(&library, question).support >= 0.35, "{question}");
    }
    for question in
        ["Ai vô địch giải quần vợt Úc mở rộng?", "How long do I boil an egg?", "cach nau mon ca kho to"]
    {
        assert!(site.ask(&library, question).support < 0.35, "{question}");
    }
}

#[test]
fn chunks_fit_the_window_and_cover_the_text() {
    let mut site = Site::new();
    site.config.chunking.max_tokens = 60;
    site.config.chunking.overlap_tokens = 15;
    let words = "Câu này nói về việc sao lưu dữ liệu hằng đêm. ".repeat(80);
    site.put(
        "vi/dai.html",
        &format!("<h1>Dài</h1><h2>Phần một</h2><p>{words}</p><h2>Phần hai</h2><p>{}</p>", "x".repeat(4_000)),
    );
    let version = site.build().manifest.version;
    let folder = CollectionFolder::existing(&site.config.indices.dir, "help").unwrap();
    let records: VersionRecords = folder.records(&version).unwrap();
    let document = records.documents.iter().position(|d| d.source == "vi/dai.html").unwrap();
    let chunks: Vec<_> = records.chunks.iter().filter(|c| c.document == document).collect();
    assert!(chunks.len() > 10);
    assert_eq!(chunks[0].heading_path, ["Phần một"]);
    for pair in chunks.windows(2) {
        let between: String = records.documents[document]
            .text
            .chars()
            .skip(pair[0].end)
            .take(pair[1].start.saturating_sub(pair[0].end))
            .collect();
        assert!(between.trim().is_empty() || between.trim() == "Phần hai", "lost: {between}");
    }
    for chunk in chunks {
        use hoidap_indices::Embedder;
        assert!(site.embedder.count_tokens(records.text(chunk)) <= 66, "{}", records.text(chunk));
    }
}
