//! Files of every kind, valid and hostile.

use std::{fs, path::Path};

use hoidap_indices::document::{BlockKind, Document, Limits, ReadError, extract};

use crate::site::Site;

pub(crate) const LIMITS: Limits = Limits { bytes: 1 << 25, seconds: 20, chars: 2_000_000 };

fn html(text: &str) -> Result<Document, ReadError> {
    extract(Path::new("page.html"), text.as_bytes().to_vec(), LIMITS)
}

#[test]
fn tables_lists_and_code_stay_readable() {
    let page = html(
        "<title>T</title><main><h2>Limits</h2><table><tr><th>Plan</th><th>Size</th></tr><tr><td><p>Free</p></td><td>5 GB</td></tr></table>\
         <ul><li>one</li><li>two</li></ul><pre>a:\n  b = 1</pre></main>",
    )
    .unwrap();
    assert_eq!(page.text, "Limits\nPlan | Size\nFree | 5 GB\none\ntwo\na:\n  b = 1");
    assert_eq!(page.blocks[0].kind, BlockKind::Heading(2));
}

#[test]
fn navigation_is_left_out_by_element_role_and_what_it_holds() {
    let page = html(
        "<body><a class=skip href='#c'>X0</a><div class='navheader'><a href=p>X1</a> X1</div><div role=navigation>X2</div><aside>X3</aside><script>X4</script>\
         <div id='sidebar'><a href=o>X5</a></div><article><header><h1>Title</h1></header><p>Body</p></article><div hidden>X6</div></body>",
    )
    .unwrap();
    assert_eq!(page.text, "Title\nBody");
    assert_eq!(page.title, "Title");
}

#[test]
fn old_encodings_are_read_as_the_page_declares_them() {
    let mut bytes = b"<meta charset=\"windows-1258\"><p>".to_vec();
    // "đă" and a combining acute in windows-1258.
    bytes.extend([0xF0, 0xE3, b' ', b'a', 0xEC]);
    let page = extract(Path::new("old.html"), bytes, LIMITS).unwrap();
    assert_eq!(page.text, "đă á");
}

#[test]
fn hostile_pages_end_in_text_or_in_a_sentence() {
    let deep = "<div>".repeat(200_000) + "deep";
    let formatting = "<b><p>".repeat(20_000) + "formatting";
    let tables = "<table><td>".repeat(5_000) + "tables";
    let attributes = format!("<p {}>attributes</p>", "a=1 ".repeat(100_000));
    let broken = "<p>\u{0}broken</p></p></div></table><!-- <p";
    for page in [deep, formatting, tables, attributes, broken.to_string()] {
        match html(&page) {
            Ok(document) => assert!(!document.text.is_empty()),
            Err(error) => assert!(
                matches!(error, ReadError::TooSlow(_) | ReadError::Empty)
                    || error.to_string().contains("nested"),
                "{error}"
            ),
        }
    }
}

#[test]
fn a_file_over_the_limits_is_left_out_and_reported() {
    let mut site = Site::new();
    site.config.indices.max_file_bytes = 2_000;
    site.put("en/huge.html", &"<p>huge</p>".repeat(1_000));
    fs::write(site.pages().join("en/bad.pdf"), b"%PDF-1.4 this is no PDF").unwrap();
    fs::write(site.pages().join("en/empty.txt"), b" \n ").unwrap();
    let built = site.build();
    let mut reasons: Vec<String> =
        built.skipped.iter().map(|s| format!("{} {}", s.source, s.reason)).collect();
    reasons.sort();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(reasons[0].starts_with("en/bad.pdf is damaged"), "{reasons:?}");
    assert!(reasons[1].starts_with("en/empty.txt holds no text"), "{reasons:?}");
    assert!(reasons[2].contains("larger than indices.max_file_bytes"), "{reasons:?}");
}

#[test]
fn a_damaged_pdf_never_ends_the_build() {
    let nested = format!("%PDF-1.4\n1 0 obj\n{}\nendobj\nstartxref\n9\n%%EOF", "[".repeat(200_000));
    for bytes in
        [nested.into_bytes(), b"%PDF-1.7\nxref\n0 99999999999\ntrailer <<>>".to_vec(), vec![0xFF; 4_096]]
    {
        assert!(extract(Path::new("bad.pdf"), bytes, LIMITS).is_err());
    }
}
