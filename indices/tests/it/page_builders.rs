//! What page builders and shop systems write: accordions, footers, comments, texts that only a style sheet parts.

use hoidap_indices::document::{BlockKind, FrameCandidate};

use crate::html::{page, text};

#[test]
fn the_title_of_a_text_that_is_opened_is_a_heading() {
    let shapes = [
        // Elementor, Flatsome, Yoast, Bootstrap, Shopify, a script of the page's own
        "<div class=item><div id=tN role=button aria-controls=pN aria-expanded=false><span aria-hidden=true>+</span><a class=accordion-title>Q</a></div><div id=pN aria-labelledby=tN>A</div></div>",
        "<div class=accordion-item><a href='#' class='accordion-title'><button class=toggle><i></i></button><span>Q</span></a><div class=accordion-inner>A</div></div>",
        "<div class=schema-faq-section><strong class=schema-faq-question>Q</strong> <p class=schema-faq-answer>A</p></div>",
        "<div><div data-toggle=collapse data-target='#pN'>Q</div><div id=pN class=collapse>A</div></div>",
        "<details><summary><div><svg></svg><span>Q</span></div></summary><div>A</div></details>",
        "<div><button><span>Q</span></button><div style='display:none'>A</div></div>",
        "<div class=toggle><div class=toggle-title>Q</div><div class=toggle-content style='display:none'>A</div></div>",
        "<div><a href='javascript:void(0)'>Q</a><div>A</div></div>",
        // Questions that nothing opens
        "<div class=item><div class=q><span>Q</span></div><div class=a>A</div></div>",
        "<p><strong>Q</strong></p><p>A</p>",
    ];
    let fill = |shape: &str, n: &str, [q, a]: [&str; 2]| {
        shape.replace('N', n).replace("Q", q).replace(">A<", &format!(">{a}<"))
    };
    for shape in shapes {
        let first = fill(shape, "1", ["Does it hurt?", "No."]);
        let second = fill(
            shape,
            "2",
            [
                "How long does it take?",
                "An hour, as we work with great care and explain each step before we begin it.",
            ],
        );
        let page = page(&format!("<!doctype html><main><h1>T</h1>{first}{second}</main>"));
        let kinds: Vec<_> = page.blocks.iter().map(|block| (block.kind, block.frame)).collect();
        let (heading, text) = (BlockKind::Heading(6), BlockKind::Text);
        let expected = [BlockKind::Heading(1), heading, text, heading, text];
        assert_eq!(kinds, expected.map(|kind| (kind, FrameCandidate::No)), "{shape}: {}", page.text);
        assert!(page.text.contains("\nDoes it hurt?\nNo.\n"), "{shape}: {}", page.text);
    }
}

#[test]
fn elements_of_components_are_read_as_what_they_stand_for() {
    let row = |cells: [&str; 2]| {
        let cells = cells.map(|text| format!("<mat-cell role=cell><span>{text}</span></mat-cell>")).concat();
        format!("<mat-row role=row>{cells}</mat-row>")
    };
    let (head, first, second) = (
        row(["Area", "Up to 5 kg"]).replace("role=cell", "role=columnheader"),
        row(["Hill", "10,000"]),
        row(["Isle", "15,000"]),
    );
    let page = page(&format!(
        "<app-root><main><h1>Surcharges</h1><h2><span><mat-panel-title>Far places</mat-panel-title><mat-panel-description>By parcel\
         </mat-panel-description></span></h2><mat-table role=table>{head}{first}{second}</mat-table>\
         <p>A <x-term>parcel</x-term> of any size.</p></main></app-root>"
    ));
    assert_eq!(
        page.text,
        "Surcharges\nFar places\nBy parcel\nArea | Up to 5 kg\nHill | 10,000\nIsle | 15,000\nA parcel of any size."
    );
}

#[test]
fn roles_are_read_as_the_elements_that_have_them() {
    let cells = |role: &str, texts: [&str; 3]| {
        texts.map(|text| format!("<div role={role}><span>{text}</span></div>")).concat()
    };
    let row = |cells: String| format!("<div role=row>{cells}</div>");
    let (head, first, second) = (
        row(cells("columnheader", ["Level", "At once", "A day"])),
        row(cells("cell", ["Silver", "499 million", "1.5 billion"])),
        row(format!("<div role=rowheader>Gold</div>{}", cells("gridcell", ["", "1 billion", "5 billion"]))
            .replace("<div role=gridcell><span></span></div>", "")),
    );
    let page = page(&format!(
        "<div role=main><div role=heading aria-level=1>Limits</div><div role=heading>Transfers</div>\
         <div role=table><div role=rowgroup>{head}</div><div role=rowgroup>{first}{second}</div></div>\
         <div role=list><div role=listitem>One</div><div role=listitem>Two</div></div></div>"
    ));
    let lines = "Limits\nTransfers\nLevel | At once | A day\nSilver | 499 million | 1.5 billion\n\
                 Gold | 1 billion | 5 billion\nOne\nTwo";
    assert_eq!(page.text, lines);
    let kinds: Vec<_> = page.blocks.iter().map(|block| block.kind).collect();
    let (heading, row, item) = (BlockKind::Heading, BlockKind::Row, BlockKind::Item);
    assert_eq!(kinds, [heading(1), heading(2), BlockKind::Head, row, row, item, item]);
}

#[test]
fn menus_and_page_paths_without_a_name_are_left_out() {
    let entry = |name: &str| format!("<tr><td>&nbsp;<a href={name}.html>{name}</a></td></tr>");
    let menu = ["Fees", "Cards", "Savings", "Loans", "Forms"].map(entry).concat();
    let page = page(&format!(
        "<table width=1000><tr><td width=190><table><tr><td><b>Personal</b></td></tr>{menu}</table></td>\
         <td><div><a href=/>Home</a> &gt; <a href=/fees>Fees</a> &gt; Transfers</div><h1>Transfers</h1>\
         <p><a href=/x>Menu</a> › <a href=/y>Limits</a></p>\
         <p>Fees > 5 dollars: <a href=z>see the list</a></p><p>Open Settings › Account.</p></td></tr></table>"
    ));
    assert_eq!(page.text, "Transfers\nFees > 5 dollars: see the list\nOpen Settings › Account.");
}

#[test]
fn what_only_looks_like_a_title_is_no_heading() {
    let texts = [
        "<div><a href='#'>Book now</a><div>One day.</div></div><div><a href='#'>Book now</a><div>Two days.</div></div>",
        "<div><a href='/fees'>Fees?</a><div>Low.</div></div><div><a href='/time'>Time?</a><div>Short.</div></div>",
        "<p>What do you need?</p><p>Call us.</p>",
        "<details><summary>Read more</summary><p>Text.</p></details>",
        "<div class=toggle aria-expanded=false aria-controls=m>Company</div><ul id=m><li><a href=a>Team</a><li><a href=b>Jobs</a></ul>",
        "<ul class=contents><li><a href='#fees'>Fees?</a></ul><div id=fees>Low.</div>",
        "<ol class=faq><li>Open the lid</li><li>Pour water in</li></ol>",
    ];
    for part in texts {
        let page = page(&format!("<!doctype html><main><h1>T</h1>{part}</main>"));
        let is_heading = |kind| matches!(kind, BlockKind::Heading(_));
        assert!(!page.blocks[1..].iter().any(|block| is_heading(block.kind)), "{part}: {}", page.text);
    }
}

#[test]
fn a_footer_keeps_what_it_says_about_the_site() {
    let parts = "<div class=row><div class=widget><span class=title>Suối</span><p>Tax code 0401987654</p><p>Hotline: <a href='tel:19006286'>1900 6286</a></p></div>\
         <div class=widget><span class=title>Policies</span><ul><li><a href=a>Returns</a></li><li><a href=b>Delivery</a></li></ul></div>\
         <div class=widget><span class=title>Hours</span><p>Mon – Fri: 8 – 20<br>Sat: 8 – 12</p></div></div>\
         <h4>Address</h4><p><a href='https://maps.example/x'>12 Lê Lợi</a></p><aside><h4>Mail</h4><p><a href='mailto:a@b.example'>a@b.example</a></p></aside>\
         <h4>News</h4><form><label>Your address</label><input name=mail><button>Send</button></form>\
         <div><h4>Follow us</h4><a href='https://social.example/x'>Facebook</a></div><nav><a href=c>Home</a></nav>\
         <div>Copyright 2026 © Suối.</div><p>Powered by a shop</p>"
        .replace("maps.example", "maps.google.example");
    let footers = [
        format!("<footer>{parts}</footer>"),
        format!("<div id=footer class='site-footer'><div class='footer-widgets footer'>{parts}</div></div>"),
        format!("<div role=contentinfo>{parts}</div>"),
    ];
    for footer in footers {
        for (open, close) in [("<main>", "</main>"), ("<div>", "</div>")] {
            let read = page(&format!("<!doctype html>{open}<h1>T</h1><p>Text.</p>{close}{footer}"));
            let expected = "T\nText.\nSuối: Tax code 0401987654; Hotline: 1900 6286\nHours: Mon – Fri: 8 – 20; Sat: 8 – 12\n\
                Address\n12 Lê Lợi\nMail\na@b.example";
            assert_eq!(read.text, expected, "{open}{footer}");
            assert!(read.blocks[2..].iter().all(|block| block.frame == FrameCandidate::Footer));
        }
    }
    let owner = "© 2026 Suối, tax code 0401987654";
    assert_eq!(
        text(&format!("<main><h1>T</h1></main><footer><p>{owner}</p></footer>")),
        format!("T\n{owner}")
    );
    let of_article = "<main><article><h1>T</h1><p>Text.</p><footer>Posted by Ines</footer></article></main>";
    assert_eq!(text(of_article), "T\nText.");
}

#[test]
fn what_visitors_wrote_and_lists_of_other_pages_are_left_out() {
    let parts = [
        // WordPress, its older themes, WooCommerce, microdata
        "<div id=comments class='comments-area'><h3>2 comments</h3><ol class='comment-list'><li id='comment-7' class=comment><article class='comment-body'><p>Mine cost 25.</p></article></li></ol><div id=respond class='comment-respond'><h3>Leave a comment</h3><form><label for=c>Text</label><textarea id=c></textarea></form></div></div>",
        "<ol class=commentlist><li class='comment even' id='li-comment-3'><cite>Ines</cite> says: Mine cost 25.</li></ol>",
        "<div id=reviews class='woocommerce-Reviews'><div id=comments><h2>1 review</h2><ol class=commentlist><li class=review><p>Mine cost 25.</p></li></ol></div></div>",
        "<div itemprop=review itemscope itemtype='https://schema.org/Review'><p>Mine cost 25.</p></div>",
        "<section itemprop='comment'><p>Mine cost 25.</p></section>",
        // Lists of other pages: WooCommerce, Haravan, a title alone
        "<section class='related products'><h2>Related products</h2><ul><li><a href=a><h2>Floss with mint</h2><span>39</span></a></li><li><a href=b><h2>Paste</h2><span>75</span></a></li></ul></section>",
        "<div class='list-productRelated'><h2>Others</h2><div><h3><a href=a>Floss with mint</a></h3><p>39</p></div><div><h3><a href=b>Paste with salt</a></h3><p>75</p></div></div>",
        "<div><h3>Bài viết liên quan</h3><ul><li><a href=a>Niềng răng mất bao lâu?</a></li><li><a href=b>Có nên niềng răng?</a></li></ul></div>",
        // Labels of fields
        "<form><label for=o>Sort by</label><select id=o><option>Price</option></select></form>",
        "<div class=sort><span>Sort by:</span><select><option>Price</option></select></div>",
        "<form><p><label>Your name <input name=n></label></p></form>",
    ];
    for part in parts {
        assert_eq!(text(&format!("<main><h1>T</h1><p>Text.</p>{part}</main>")), "T\nText.", "{part}");
    }
    let stays = [
        "<section id=comments><h2>Comments</h2><p>A comment begins with a number sign.</p><pre><code><span class='hljs-comment'># one</span></code></pre></section>",
        "<div id=reviews><h2>Reviews</h2><p>We review each order by hand.</p></div>",
        "<article itemscope itemtype='https://schema.org/Review'><h1>The new boat</h1><p>It is fast.</p></article>",
        "<section id=related><h2>Related</h2><p>The <a href=a>first</a> and <a href=b>second</a> manual.</p></section>",
        "<form><label><input type=radio name=p> Team</label><label><input type=radio name=p> Business</label></form>",
        "<div>Price 45 <input type=number></div>",
        "<ol><li class=comment-rule>Be kind.</li></ol>",
    ];
    for part in stays {
        let read = text(&format!("<main><h1>T</h1>{part}</main>"));
        let words = part.split(['<', '>']).skip(2).step_by(2).flat_map(str::split_whitespace);
        assert!(words.clone().all(|word| read.contains(word)), "{part}: {read}");
    }
}

#[test]
fn texts_that_a_style_sheet_parts_have_a_space_between_them() {
    let lines = [
        // Elementor's price list, a name and a rank, links in a row, a term and its number
        (
            "<span class=a>Cạo vôi răng</span><span></span><span class=b>99.000đ</span>",
            "Cạo vôi răng 99.000đ",
        ),
        ("<span class=n>BS Lan</span><span class=r>Giám đốc</span>", "BS Lan Giám đốc"),
        ("<a href=a>Xem</a><a href=b>Mua</a>", "Xem Mua"),
        ("<b>Hotline</b><a href='tel:1'>1900</a>", "Hotline 1900"),
        ("<b>Giá:</b><span>45</span>", "Giá: 45"),
        ("<span class=n>45</span><span class=u>triệu</span>", "45 triệu"),
        ("<span class=n>Gói A</span><span class=u>(12 tháng)</span>", "Gói A (12 tháng)"),
        ("<span class=n>Team</span><span class=p><bdi>$49</bdi></span>", "Team $49"),
        // Words that an editor split, drop caps, numbers with their signs and units, names
        ("<span>Hel</span><span>lo</span> <span class=c1>wor</span><span class=c2>ld</span>", "Hello world"),
        (
            "<b>W</b>ord <span class=cap>N</span>ăm <span class=a>i</span><span class=b>Phone</span>",
            "Word Năm iPhone",
        ),
        ("<span>Mac</span><span>Book</span> B<b>12</b>, <i>H</i><sub>2</sub>O", "MacBook B12, H2O"),
        (
            "<span class=a>690.000</span><span class=b>₫</span> <span class=a>$</span><span class=b>39</span>",
            "690.000₫ $39",
        ),
        (
            "<span class=a>46</span><span class=b>.000+</span> <span class=a>500</span><span class=b>ml</span>",
            "46.000+ 500ml",
        ),
        (
            "<span class=a>8:</span><span class=b>30</span> <span class=a>(</span><span class=b>x</span>)",
            "8:30 (x)",
        ),
    ];
    for (line, expected) in lines {
        assert_eq!(
            text(&format!("<main><h1>T</h1><p>{line}</p></main>")),
            format!("T\n{expected}"),
            "{line}"
        );
    }
}
