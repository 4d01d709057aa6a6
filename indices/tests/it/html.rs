//! The text of a page: what a visitor sees, without the site's boilerplate.

use std::path::Path;

use hoidap_indices::document::{BlockKind, Document, FrameCandidate, Limits, ReadError, extract};

const LIMITS: Limits = Limits { bytes: 1 << 25, seconds: 20, chars: 2_000_000 };

/// The document of a page.
pub(crate) fn page(html: &str) -> Document {
    extract(Path::new("page.html"), html.as_bytes().to_vec(), LIMITS).unwrap()
}

/// The text of a page.
pub(crate) fn text(html: &str) -> String {
    page(&format!("<!doctype html><title>T</title>{html}")).text
}

#[test]
fn a_name_alone_makes_no_boilerplate() {
    let sections = [
        "<section id='pagination'><h2>Pagination</h2><p>Forty orders a page.</p></section>",
        "<section id='navigation-1'><h2>Navigation</h2><ul><li><a href=a>First</a></li><li><a href=b>Second</a></li></ul></section>",
        "<div id='breadcrumbs' class='section'><h3>Breadcrumbs</h3><p>Show where a visitor is.</p></div>",
        "<h2 id='footer'>Footer</h2><p>The footer holds the address.</p>",
        "<div class='sidebar-note'><p>Charge the battery first.</p></div>",
        "<div class='menu'><div>Phở bò 45.000đ</div><div>Bún chả 50.000đ <a href=o>Đặt</a></div></div>",
        "<ul><li class='menu-item'><a href=b>Bún chả giò Hà Nội</a> 5.000đ</li></ul>",
        "<section class='subscribe'><h3>Đăng ký</h3><p>Gói tháng 50.000đ. <a href=o>Mua</a></p></section>",
        "<div class='cookie-policy'><h3>Chính sách</h3><p>Giữ một cookie. <a href=m>Thêm</a></p></div>",
        "<p id='toc'>The table of contents is printed last.</p>",
        "<section id='cookies'><h2>Cookies</h2><p>We keep one cookie. <a href=m>More</a></p></section>",
        "<div class='card-footer'>Giá 99.000đ</div><p>Hết.</p>",
        "<div class='step skipped-lines' id='skip-a-delivery'>Skip two lines.</div>",
        "<table><tr id='menu'><td class='nav'>Trà</td><td>20.000đ</td></tr></table>",
    ];
    for section in sections {
        for around in ["<main>X</main>", "<body>X</body>", "<div class='page has-sidebar'>X</div>"] {
            let (open, close) = around.split_once('X').unwrap();
            let read = text(&format!("{open}<h1>Trang</h1>{section}{close}"));
            let words = read.split_whitespace().count();
            let all = section.split(['<', '>']).skip(2).step_by(2).flat_map(str::split_whitespace).count();
            assert!(words > all, "{around} {section}: {read}");
        }
    }
}

#[test]
fn menus_of_documentation_generators_are_left_out() {
    let body = "<p>Body text stays.</p>";
    let frames = [
        // Sphinx
        "<div class='related' role='navigation'><h3>X1</h3><ul><li><a href=a>X2</a> |</li></ul></div>\
         <div class='body' role='main'><h1>T<a class='headerlink' href='#t'>¶</a></h1>BODY</div>\
         <div class='sphinxsidebar'><div class='sphinxsidebarwrapper'><h3><a href=c>X3</a></h3><ul><li><a href=d>X4</a></li></ul></div></div>\
         <div class='footer'>&copy; X5 <a href=s>Sphinx</a>.</div>",
        // Docusaurus
        "<div role='region'><a class='skipToContent_fXgn' href='#x'>X1</a></div><nav class='navbar'><a href=a>X2</a></nav>\
         <main><article><nav class='theme-doc-breadcrumbs'><a href=b>X3</a></nav><header><h1>T</h1></header>BODY\
         <footer class='theme-doc-footer'><a class='theme-edit-this-page' href=e>X4</a></footer></article>\
         <div class='tableOfContents_bqdL'><ul class='table-of-contents'></ul></div></main>\
         <footer class='footer'>© X5</footer>",
        // MkDocs
        "<header class='md-header'>X1</header><div class='md-sidebar'><ul><li><a href=a>X2</a></li></ul></div>\
         <main class='md-main'><div class='md-content'><a href=e class='md-content__button edit-page-link'>X3</a><h1>T</h1>BODY\
         <p><a href='https://github.com/o/r/edit/main/a.md'>X4</a></p></div></main>",
        // WordPress
        "<a class='skip-link screen-reader-text' href='#content'>X1</a><div id='masthead' class='site-header'><ul id='primary-menu' class='menu'>\
         <li class='menu-item'><a href=a>X2</a></li><li class='menu-item'><a href=b>X3</a></li></ul></div>\
         <div id='content'><h1>T</h1>BODY</div><div id='secondary' class='widget-area sidebar'><h2>X4</h2><ul><li><a href=c>X5 X5</a></li><li><a href=d>X5 X5</a></li></ul></div>\
         <div id='cookie-law-info-bar'>X6 cookies <button>X7</button></div><div id='colophon' class='site-footer'>© X8</div>",
        // DocBook, with pictures for words
        "<div class='navheader'><table summary='Navigation header'><tr><th colspan='3'>X1</th></tr><tr><td><a href=p><img src=p></a></td>\
         <th>X2. X2</th><td><a href=n><img src=n></a></td></tr></table><hr></div><div class='sect1'><h1>T</h1>BODY</div>\
         <div class='navfooter'><a href=p>X3</a> X4 X4 X4 <a href=n>X5</a></div>",
        // VitePress
        "<div class='Layout'><div class='VPNav'><a href=/>X1</a></div><div class='VPContent'><main><h1 id='t'>T <a class='header-anchor' href='#t'>&#8203;</a></h1>BODY\
         </main></div><div class='CookieBar'><p>X2 <a href=#>X3</a></p></div></div>",
        // A dialog over the page
        "<div role='dialog' aria-label='X'><p>X1</p></div><main><h1>T</h1>BODY</main><aside><p>X2</p></aside>",
    ];
    for frame in frames {
        let read = text(&frame.replace("BODY", body));
        assert_eq!(read, "T\nBody text stays.", "{frame}");
    }
}

#[test]
fn asides_of_a_text_stay() {
    assert_eq!(
        text("<main><h1>T</h1><aside class='note'><p>Keep the receipt.</p></aside><p>Body.</p></main>"),
        "T\nKeep the receipt.\nBody."
    );
    assert_eq!(
        text("<header><h1>Only title</h1><p>By An</p></header><p>Body.</p>"),
        "Only title\nBy An\nBody."
    );
    assert_eq!(
        text("<nav><a href=a>x</a><main><h1>T</h1><p>After a nav left open.</p></main>"),
        "x\nT\nAfter a nav left open."
    );
}

#[test]
fn hidden_text_is_left_out() {
    let hidden = [
        "<div style='display:none'>X</div>",
        "<div style='Color:red; DISPLAY :\n NONE ! important'>X</div>",
        "<p style='visibility:hidden'>X</p>",
        "<p style='visibility: collapse'>X <b>X</b></p>",
        "<p hidden>X</p>",
        "<p hidden='hidden'>X</p>",
        "<p HIDDEN=''>X</p>",
        "<p aria-hidden=true>X</p>",
        "<i class=material-icons>X</i>",
        "<span class='material-symbols-outlined'>X</span>",
        "<template><p>X</p></template>",
        "<noscript><p>X</p></noscript>",
        "<dialog><p>X</p></dialog>",
        "<div popover>X</div>",
        "<datalist><option>X</datalist>",
        "<select><option>X</select>",
        "<textarea>X</textarea>",
        "<div style='content-visibility:hidden'>X</div>",
        "<style>.old{display:none}</style><div class='promo old'>X</div>",
        "<style>#old , .q { visibility : hidden }</style><div id=old>X</div>",
        "<style media=screen>div.a > p.b{display:none}</style><div class=a><p class=b>X</p></div>",
        "<style>@media screen{.old{display:none !important}} .old{display:block}</style><div class=old>X</div>",
        "<table><tr hidden><td>X</td></tr></table>",
        "<details><summary style='display:none'>X</summary></details>",
    ];
    for part in hidden {
        assert_eq!(text(&format!("<main><h1>T</h1>{part}<p>Seen.</p></main>")), "T\nSeen.", "{part}");
    }
}

#[test]
fn what_a_visitor_can_see_or_open_stays() {
    let shown = [
        "<details><summary>S</summary>S</details>",
        "<p hidden='until-found'>S</p>",
        "<p hidden style='display:block'>S</p>",
        "<p aria-hidden=false>S</p>",
        "<dialog open>S</dialog>",
        "<div style='visibility:hidden'><p style='visibility:visible'>S</p></div>",
        "<div style='display:none;display:block'>S</div>",
        "<style>@media print{.p{display:none}}</style><p class=p>S</p>",
        "<style media=print>.p{display:none}</style><p class=p>S</p>",
        "<style>@media (max-width:600px){.p{display:none}}</style><p class=p>S</p>",
        "<noscript><style>.p{display:none}</style></noscript><p class=p>S</p>",
        "<style>.p::after{display:none}</style><p class=p>S</p>",
        "<p class='sr-only'>S</p>",
        "<p class='visually-hidden' style='position:absolute;clip:rect(0,0,0,0)'>S</p>",
        "<p style='opacity:0'>S</p>",
        "<div role=tabpanel hidden>S</div>",
        "<button aria-expanded=false aria-controls=p1>x</button><div id=p1 style='display:none'>S</div>",
        "<h3><button aria-expanded=false aria-controls=p1>S</button></h3><div id=p1 hidden>S</div>",
        "<a data-bs-toggle=collapse data-bs-target='#p1'></a><div id=p1 style='display:none'>S</div>",
        "<style>.a{display:none} .open .a{display:block}</style><div><p class=a>S</p></div>",
        "<style>.a{display:none} input:checked~.a{display:block}</style><input type=checkbox><p class=a>S</p>",
        "<button onclick=\"show('p1')\">x</button><div id=p1 style='display:none'>S</div>",
    ];
    for part in shown {
        let read = text(&format!("<main><h1>T</h1>{part}<p>Seen.</p></main>"));
        assert!(read.contains('S') && read.replace('S', "").trim_start().starts_with('T'), "{part}: {read}");
        assert!(read.matches('S').count() == part.matches(">S<").count() + 1, "{part}: {read}");
    }
}

#[test]
fn the_title_is_the_documents_own() {
    let title = |html: &str| page(html).title;
    let icon = "<svg role=img><title>Icon</title><desc>d</desc></svg>";
    assert_eq!(title(&format!("<body>{icon}<h1>Heading</h1>")), "Heading");
    assert_eq!(
        title(&format!("<head><title> \u{A0}\u{200B}\n</title></head><body>{icon}<h1>Heading</h1>")),
        "Heading"
    );
    assert_eq!(
        title(&format!("<head><title></title><title>Second</title></head>{icon}<h1>Heading</h1>")),
        "Second"
    );
    assert_eq!(title(&format!("{icon}<head><title>Own</title></head><h1>Heading</h1>")), "Heading");
    assert_eq!(title(&format!("<title>Own &amp; only</title>{icon}<h1>Heading</h1>")), "Own & only");
    assert_eq!(title("<body><p>No heading</p>"), "page");
    assert_eq!(title("<div class=top><h2>Beside</h2></div><main><h1>Heading</h1></main>"), "Heading");
    let xhtml = b"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><head><title/><script src='a.js'/></head><body><a id='x'/><h1>Heading</h1></body></html>";
    assert_eq!(extract(Path::new("page.xhtml"), xhtml.to_vec(), LIMITS).unwrap().title, "Heading");
}

#[test]
fn what_is_raised_or_struck_out_does_not_change_a_number() {
    assert_eq!(text("<p>Đổi trong 30<sup>1</sup> ngày, 20 m<sup>2</sup></p>"), "Đổi trong 30¹ ngày, 20 m²");
    assert_eq!(text("<p>Giá <del>500.000đ</del> <ins>350.000đ</ins><sup>[2]</sup></p>"), "Giá 350.000đ[2]");
    assert_eq!(text("<p>Lễ 2<sup>nd</sup> <s>cũ</s></p>"), "Lễ 2nd");
    let unclosed = format!("<p>Giá <s>500.000đ 400.000đ</p><p>{}</p>", "Bảo hành 12 tháng. ".repeat(30));
    assert!(text(&unclosed).contains("Bảo hành 12 tháng."));
}

#[test]
fn line_breaks_part_paragraphs_items_and_labelled_lines() {
    let page = page(
        "<!doctype html><title>T</title><p>Chi nhánh 1: 12 Lê Lợi<br>Chi nhánh 2: 34 Hai Bà\nTrưng<br><br>Mở cửa<br>cả tuần.</p>\
         <p>Cách làm:<br>1. Mở<br>2. Lưu</p>",
    );
    let lines = [
        "Chi nhánh 1: 12 Lê Lợi",
        "Chi nhánh 2: 34 Hai Bà Trưng",
        "Mở cửa cả tuần.",
        "Cách làm:",
        "1. Mở",
        "2. Lưu",
    ];
    assert_eq!(page.text.lines().collect::<Vec<_>>(), lines);
    assert_eq!(page.blocks.iter().filter(|block| block.kind == BlockKind::Item).count(), 2);
    let branches =
        "<ul><li>Chi nhánh 1<br>Địa chỉ: 12 Lê Lợi</li><li>Chi nhánh 2<br>Địa chỉ: 34 Lê Lai</li></ul>";
    assert_eq!(text(branches), "Chi nhánh 1 Địa chỉ: 12 Lê Lợi\nChi nhánh 2 Địa chỉ: 34 Lê Lai");
}

#[test]
fn a_short_definition_is_an_item_with_its_term() {
    let list = "<dl><dt>Giờ mở cửa</dt><dd>8h–21h</dd><dt>Hotline</dt><dd>1900 1234</dd><dd>1900 1235</dd>\
        <dt>Bảo hành</dt><dd><p>Mười hai tháng.</p></dd><dt>Một</dt><dt>Hai</dt></dl><p>Hết.</p>";
    let expected =
        "Giờ mở cửa: 8h–21h\nHotline: 1900 1234\n1900 1235\nBảo hành\nMười hai tháng.\nMột\nHai\nHết.";
    assert_eq!(text(list), expected);
}

/// A page with a field for each pair, in the shape of the first text, where L and V stand for label and value.
fn fields(shape: &str, pairs: &[(&str, &str)]) -> String {
    let fields = pairs.iter().map(|(label, value)| shape.replace("LABEL", label).replace("VALUE", value));
    format!("<main><h1>Club</h1>{}</main>", fields.collect::<String>())
}

#[test]
fn a_label_and_its_value_are_one_item() {
    let shapes = [
        // Drupal
        "<div class='field field--label-inline'><div class='field__label'>LABEL</div><div class='field__item'>VALUE</div></div>",
        "<div class='field'><div class='field__label'>LABEL</div><div class='field__items'><div class='field__item even'><p>VALUE</p></div></div></div>",
        // Bootstrap's grid, with and without widths
        "<div class='row'><div class='col-4'>LABEL</div><div class='col-8'>VALUE</div></div>",
        "<div class='row'><div class='col'>LABEL</div><div class='col'>VALUE</div></div>",
        // WordPress: columns, and an icon box of Elementor
        "<div class='wp-block-columns'><div class='wp-block-column'><p>LABEL</p></div>\n<div class='wp-block-column'><p>VALUE</p></div></div>",
        "<div class='elementor-element'><div><i class='icon'></i></div><div><p class='title'><span>LABEL</span></p><p class='text'>VALUE</p></div></div>",
        "<p><strong>LABEL</strong></p><p>VALUE</p>",
        "<p><b>LABEL:</b></p><p>VALUE</p>",
        "<div><span class='label'>LABEL</span><span class='value'>VALUE</span></div>",
        "<ul><li><span>LABEL</span><span>VALUE</span></li></ul>",
        "<div class='k'>LABEL</div><div class='v'>VALUE</div>",
    ];
    for shape in shapes {
        let page = page(&fields(shape, &[("Fee", "40 euros a year"), ("Leader", "Ines"), ("Room", "B 12")]));
        assert_eq!(page.text, "Club\nFee: 40 euros a year\nLeader: Ines\nRoom: B 12", "{shape}");
        assert!(page.blocks[1..].iter().all(|block| block.kind == BlockKind::Item), "{shape}");
    }
    let days = "<div><div class=l>LABEL</div><div class=items><div class=i>VALUE</div><div class=i>2</div></div></div>";
    assert_eq!(text(&fields(days, &[("Days", "1"), ("Rooms", "3")])), "Club\nDays: 1; 2\nRooms: 3; 2");
    let cell =
        "<table><tr><td>A</td><td><p class=l>Fee</p><p>4</p><p class=l>Room</p><p>5</p></td></tr></table>";
    assert_eq!(text(cell), "A | Fee: 4 Room: 5");
}

#[test]
fn texts_that_only_stand_beside_each_other_are_no_fields() {
    let long =
        "We bring all that you order within two hours to any place in the city, by bicycle or by boat.";
    let pairs = [
        ("<div class=card><div class=title>LABEL</div><div>VALUE</div></div>", ("Fast delivery", long)),
        ("<div class=card><h3>LABEL</h3><div>VALUE</div></div>", ("Fast", "In 2 hours")),
        ("<div class=card><div class=t>LABEL</div><div class=a>VALUE</div></div>", ("Is it free?", "Yes.")),
        ("<div class=card><div class=t>LABEL</div><a href=x>VALUE</a></div>", ("Fees", "Read more")),
        ("<div class=row><div class=col>LABEL</div><div class=col>VALUE</div></div>", ("Oak", "Pine")),
        ("<p><b>LABEL</b></p><p>VALUE</p>", ("II. Fees", "40 euros a year.")),
        ("<p><b>LABEL</b></p><p>VALUE</p><p>More.</p>", ("Fees", "40 euros a year.")),
        ("<div><div>LABEL</div><ul><li>VALUE</li><li>Other</li></ul></div>", ("Fees", "40")),
    ];
    for (shape, (label, value)) in pairs {
        let read = text(&fields(shape, &[(label, value), (label, value)]));
        assert!(read.lines().any(|line| line == label), "{shape}: {read}");
    }
    let alone = fields("<div><div class=l>LABEL</div><div class=v>VALUE</div></div>", &[("Fee", "40")]);
    assert_eq!(text(&alone), "Club\nFee\n40");
    let words = "<main><p>Press <kbd><span class=a>Ctrl</span> <span>C</span></kbd> or <kbd><span class=a>Alt</span> <span>C</span></kbd>.</p>";
    assert_eq!(text(words), "Press Ctrl C or Alt C.");
}

#[test]
fn a_few_words_around_buttons_and_links_may_be_the_sites() {
    let frame = |part: &str| {
        let page = page(&format!("<!doctype html><main><h1>T</h1><p>Text.</p>{part}</main>"));
        page.blocks.last().unwrap().frame
    };
    for part in [
        "<div><p>Was this page useful?</p><button>Yes</button><button>No</button></div>",
        "<div><div>Tell us what you looked for and did not find on this page</div><form><textarea></textarea></form></div>",
        "<div>Share this page <a href=f>Facebook</a> <a href=z>Zalo</a></div>",
    ] {
        assert_eq!(frame(part), FrameCandidate::Text, "{part}");
    }
    let long = "The office is open on each working day of the week. ".repeat(8);
    for part in [
        "<div><button aria-expanded=false aria-controls=p1>When?</button><div id=p1>Each day.</div></div>"
            .into(),
        "<div><a href='#'><button><i class=icon></i></button>When?</a><p>Each day.</p></div>".into(),
        "<p>The price list is on <a href=p>another page</a>.</p>".into(),
        format!("<div><p>{long}</p><button>Ask</button></div>"),
    ] {
        assert_eq!(frame(&part), FrameCandidate::No, "{part}");
    }
}

#[test]
fn a_short_list_in_an_item_is_a_part_of_it() {
    let options = "<ul><li>Card</li><li>Cash on delivery</li></ul>";
    let loose = options.replace("<li>", "<li>\n<p>").replace("</li>", "</p>\n</li>");
    for lead in ["Choose how to pay:", "<p>Choose how to pay:</p>", "Choose <b>how to pay:</b>"] {
        for options in [options, &loose] {
            let page = page(&format!(
                "<!doctype html><ol><li>Sign in.</li><li>{lead}\n{options}</li><li>Confirm.</li></ol>"
            ));
            assert_eq!(
                page.text, "Sign in.\nChoose how to pay: Card; Cash on delivery\nConfirm.",
                "{lead} {options}"
            );
            assert!(page.blocks.iter().all(|block| block.kind == BlockKind::Item));
        }
    }
    let after = format!("<ul><li>Pay with: {options}<p>Keep the receipt.</p></li></ul>");
    assert_eq!(text(&after), "Pay with: Card; Cash on delivery\nKeep the receipt.");
    let prices =
        "<ul><li>Pay: <ul><li><b>Card</b><i>1 €</i></li><li><b>Cash</b><i>2 €</i></li></ul></li></ul>";
    assert_eq!(text(prices), "Pay: Card 1 €; Cash 2 €");
    let long = "Students of the first year use the number of their application.";
    for (apart, lines) in [
        (format!("<ol><li>Sign in.{options}</li></ol>"), 3),
        (format!("<ol><li>Sign in:<ul><li>{long}</li><li>{long}</li></ul></li></ol>"), 3),
        (format!("<ol><li>Pay:<ul>{}</ul></li></ol>", "<li>Card</li>".repeat(7)), 8),
        (format!("<ol><li>Pay:<ul><li>Card:{options}</li><li>Cash</li></ul></li></ol>"), 3),
        (format!("<p>Pay with:</p>{options}"), 3),
        ("<ul><li>Pay with:<ul><li>Card</li></ul></li></ul>".into(), 2),
        (format!("<ul><li>Pay with:</li></ul>{options}"), 3),
    ] {
        assert_eq!(text(&apart).lines().count(), lines, "{apart}");
    }
}

#[test]
fn a_panel_stands_below_the_name_of_its_tab() {
    let tabs = [
        // Docusaurus: in their order
        "<div><ul role=tablist><li role=tab>App</li><li role=tab>Shop</li></ul><div><div role=tabpanel>ONE</div><div role=tabpanel hidden>TWO</div></div></div>",
        // Bootstrap 5 and 3
        "<ul class='nav nav-tabs' role=tablist><li><button data-bs-toggle=tab data-bs-target='#p1' role=tab id=t1>App</button></li>\
         <li><button role=tab id=t2>Shop</button></li></ul><div><div id=p1>ONE</div><div role=tabpanel aria-labelledby=t2>TWO</div></div>",
        "<ul class='nav nav-tabs'><li><a data-toggle=tab href='#p1'>App</a></li><li><a data-toggle=tab href='#p2'>Shop</a></li></ul>\
         <div><div id=p1><h3>App</h3>ONE</div><div id=p2 style='display:none'>TWO</div></div>",
        // WooCommerce
        "<ul class=tabs role=tablist><li role=tab aria-controls=p1><a href='#p1'>App</a></li><li role=tab aria-controls=p2><a href='#p2'>Shop</a></li></ul>\
         <div role=tabpanel id=p1><h2>App</h2>ONE</div><div role=tabpanel id=p2 style='display:none'>TWO</div>",
        // MkDocs, VitePress and Sphinx: fields and labels
        "<input type=radio id=t1><div class='tabbed-labels'><label for=t1>App</label><label for=t2>Shop</label></div><div><div>ONE</div><div>TWO</div></div>",
        "<div class=tabs><input type=radio id=t1><label for=t1>App</label><input type=radio id=t2><label for=t2>Shop</label></div><div><div>ONE</div><div>TWO</div></div>",
        "<div><label class='sd-tab-label' for=t1>App</label><div>ONE</div><label class='sd-tab-label' for=t2>Shop</label><div>TWO</div></div>",
        // Elementor: the tabs are there twice, for narrow windows
        "<div role=tablist><div id=t1 role=tab aria-controls=p1>App</div><div id=t2 role=tab aria-controls=p2>Shop</div></div><div><div role=tab aria-controls=p1>App</div>\
         <div role=tabpanel id=p1>ONE</div><div role=tab aria-controls=p2>Shop</div><div role=tabpanel id=p2 hidden>TWO</div></div>",
    ];
    for tabs in tabs {
        let tabs =
            tabs.replace("ONE", "<ol><li>Open it.</li></ol>").replace("TWO", "<h3>Where</h3><p>In Huế.</p>");
        let page = page(&format!("<!doctype html><main><h1>T</h1><h2>Code</h2>{tabs}</main>"));
        assert_eq!(page.text, "T\nCode\nApp\nOpen it.\nShop\nWhere\nIn Huế.", "{tabs}");
        let kinds = page.blocks.iter().map(|block| block.kind).collect::<Vec<_>>();
        let heading = BlockKind::Heading;
        let expected =
            [heading(1), heading(2), heading(3), BlockKind::Item, heading(3), heading(4), BlockKind::Text];
        assert_eq!(kinds, expected, "{tabs}");
    }
    // The headings of an accordion stand above its panels already, and links to sections are no tabs.
    let accordion = "<div role=tab id=t1><h4><a href='#p1'>App</a></h4></div><div id=p1 role=tabpanel aria-labelledby=t1><p>Open it.</p></div>";
    assert_eq!(text(&format!("<main><h1>T</h1>{accordion}</main>")), "T\nApp\nOpen it.");
    let contents = "<ul class=tabs><li><a href='#a'>Fees</a></li></ul><h2 id=a>Fees</h2><p>None.</p>";
    assert_eq!(text(&format!("<main><h1>T</h1>{contents}</main>")), "T\nFees\nFees\nNone.");
}

#[test]
fn the_button_of_an_accordion_is_the_heading_of_its_panel() {
    let accordion = |button: &str| {
        format!(
            "<main><h1>A</h1><button aria-expanded=false aria-controls=p1>{button}</button><div id=p1 hidden>Có, trong 7 ngày.</div></main>"
        )
    };
    let read = page(&format!("<!doctype html><title>T</title>{}", accordion("Có đổi size không?")));
    assert_eq!(read.text, "A\nCó đổi size không?\nCó, trong 7 ngày.");
    assert_eq!(read.blocks[1].kind, BlockKind::Heading(6));
    assert_eq!(text(&accordion("Xem thêm")), "A\nCó, trong 7 ngày.");
    let in_heading =
        accordion("Đổi size?").replace("<button", "<h2><button").replace("</button>", "</button></h2>");
    let read = page(&format!("<!doctype html><title>T</title>{in_heading}"));
    assert_eq!((read.blocks[1].kind, read.blocks.len()), (BlockKind::Heading(2), 3));
}

#[test]
fn each_row_of_a_table_repeats_the_cells_that_span_it() {
    let spans = "<table><thead><tr><th rowspan=2>Gói</th><th colspan=2>Giá</th></tr><tr><th>Tháng</th><th>Năm</th></tr></thead>\
        <tbody><tr><td rowspan=0>Cơ bản</td><td>10</td><td>100</td></tr><tr><td colspan=2>Miễn phí</td></tr></tbody>\
        <tfoot><tr><td colspan=99>Chưa gồm thuế</td></tr></tfoot></table>";
    assert_eq!(
        text(spans),
        "Gói | Giá / Tháng | Giá / Năm\nCơ bản | 10 | 100\nCơ bản | Miễn phí | Miễn phí\nChưa gồm thuế"
    );
    let picture =
        "<table><tr><td rowspan=2><img src=i></td><th>Note</th></tr><tr><td>Read this.</td></tr></table>";
    assert_eq!(text(picture), "Note\nRead this.");
    let nested = "<table><tr><th>Gói</th><th>Hạn</th></tr><tr><td>A</td><td><table><tr><td>1 năm</td><td>9đ</td></tr><tr><td>2 năm</td><td>8đ</td></tr></table></td></tr></table>";
    assert_eq!(text(nested), "Gói | Hạn\nA | 1 năm, 9đ; 2 năm, 8đ");
    let placed = "<table><tr><td><h1>T</h1><p>One.</p><p>Two.</p></td><td><table><tr><td>A</td><td>1</td></tr></table></td></tr></table>";
    assert_eq!(text(placed), "T\nOne.\nTwo.\nA | 1");
    let headings = "<table><tr><th><h3>Gói A</h3></th><td>10</td></tr></table>";
    assert_eq!(text(headings), "Gói A | 10");
}

#[test]
fn a_hostile_page_is_limited() {
    let nested = |open: &str| open.repeat(100_000) + "deep";
    let spans = format!(
        "<table><tr>{}</tr>{}</table>",
        format!("<td colspan=1000 rowspan=65534>{}</td>", "x".repeat(200)).repeat(50),
        "<tr><td>y</td></tr>".repeat(50_000)
    );
    let formatting: String = (0..20_000).map(|i| format!("<b id={i}><p>")).collect();
    let rules: String =
        (0..20_000).map(|i| format!(".a{i} .b > :nth-child({i}n) ~ p{{display:none}}")).collect();
    let pages = [
        nested("<div>"),
        nested("<span style='visibility:hidden'>"),
        nested("<section><h2 id=menu>"),
        nested("<div id=menu><header>"),
        nested("<table><th>"),
        nested("<ul><li><a href=#>"),
        nested("<div role=tab id=a aria-controls=b>"),
        nested("<div role=button aria-controls=a id=a>"),
        "<div class=faq><div>a?</div><div>b".repeat(20_000),
        "<div class=c><div>a</div><div>1</div><div>b</div>".repeat(20_000),
        "<div role=tablist><a role=tab>a</a><a role=tab>b</a></div>".repeat(20_000),
        "<div><span>a</span><span>1</span></div>".repeat(20_000),
        "<b>a</b><i>1</i>".repeat(50_000),
        formatting,
        spans,
        format!("<style>{rules}</style>{}", "<p class=b>x</p>".repeat(20_000)),
        format!("<style>{}", "@media screen{".repeat(100_000)),
        format!("<style>{}{{display:none}}</style><p>x", ":not(".repeat(50_000)),
        format!("<p style='{}'>x", "((((".repeat(50_000)),
        format!("<p>{}", "<svg><title>".repeat(20_000)),
    ];
    for page in pages {
        let limits = Limits { seconds: 2, ..LIMITS };
        match extract(Path::new("page.html"), page.clone().into_bytes(), limits) {
            Ok(document) => assert!(document.text.len() < 4 * page.len() + 3_000_000),
            Err(error) => assert!(
                matches!(error, ReadError::TooSlow(_) | ReadError::Empty)
                    || ["multiply", "nested"].iter().any(|why| error.to_string().contains(why)),
                "{error}: {}",
                &page[..60]
            ),
        }
    }
}
