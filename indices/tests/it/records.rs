//! Cards and tables that a page makes of `<div>`.

use std::path::Path;

use hoidap_indices::document::{BlockKind, Document, Limits, extract};

fn page(body: &str) -> Document {
    let html = format!("<!doctype html><title>T</title><main><h1>A</h1>{body}</main>");
    let limits = Limits { bytes: 1 << 20, seconds: 20, chars: 100_000 };
    extract(Path::new("page.html"), html.into_bytes(), limits).unwrap()
}

/// The lines below the title, and what they are.
fn lines(body: &str) -> Vec<(BlockKind, String)> {
    let page = page(body);
    page.blocks.iter().map(|block| block.kind).zip(page.text.lines().map(String::from)).skip(1).collect()
}

/// A page with a card for each plan, in a shape with N for its name, P for its price and V for more.
fn cards(shape: &str, cards: &[[&str; 3]]) -> String {
    let cards = cards
        .iter()
        .map(|[name, price, more]| shape.replace("NAME", name).replace("PRICE", price).replace("MORE", more));
    cards.collect()
}

#[test]
fn a_card_is_an_item_with_its_name() {
    let plans = [
        ["Starter", "19 euros", "5 seats"],
        ["Team", "49 euros", "20 seats"],
        ["Business", "On request", "Any number"],
    ];
    let shapes = [
        "<div class=plan><div class=title>NAME</div><div class=price>PRICE</div><div class=bullet>MORE</div></div>",
        // Bootstrap, and a wrapper for each part
        "<div class='col-md-4'><div class=card><div class=card-body><p class=card-title><b>NAME</b></p><p>PRICE</p><p>MORE</p><a href=x>Book now</a></div></div></div>",
        "<div class=col><div class=header><div class=title>NAME</div><div class=price>PRICE</div></div><div class=items><div class=item>MORE</div></div></div>",
        // Tailwind: a list in the card
        "<div class='rounded p-6'><div class='text-lg'>NAME</div><div class='text-4xl'>PRICE</div><ul><li><span>MORE</span></li></ul><button>Buy</button></div>",
        // Wix and Elementor: every text in the same element
        "<div class='item'><div class='comp-2'><p><span>NAME</span></p></div><div class='comp-3'><p><span>PRICE</span></p></div><div class='comp-4'><p>MORE</p></div></div>",
        "<li><div><span class=t>NAME</span><span class=sep></span><span class=p>PRICE</span></div><p>MORE</p></li>",
        "<li><span>NAME</span><span>PRICE</span><span>MORE</span></li>",
    ];
    for shape in shapes {
        let expected =
            ["Starter: 19 euros; 5 seats", "Team: 49 euros; 20 seats", "Business: On request; Any number"];
        let expected = expected.map(|line| (BlockKind::Item, line.to_string()));
        assert_eq!(lines(&cards(shape, &plans)), expected, "{shape}");
    }
    let fields = "<div class=b><div class=n>NAME</div><div class=r><span>Address:</span> <span>PRICE</span></div><div class=r><span>Telephone:</span> <span>MORE</span></div></div>";
    let read = lines(&cards(fields, &[["Huế", "45 Bến Nghé", "0234"], ["Hội An", "27 Trần Phú", "0235"]]));
    assert_eq!(read[1].1, "Hội An: Address: 27 Trần Phú; Telephone: 0235");
}

#[test]
fn what_stands_before_a_name_is_no_name() {
    // A counter, the number of a step, a badge that not all have; a name that is a link.
    let shapes = [
        (
            "<div class=c><div>46.000+</div><div>Guests</div></div><div class=c><div>27</div><div>Rooms</div></div>",
            "Rooms: 27",
        ),
        (
            "<div class=s><div>01</div><div>Order</div><div>Press the button</div></div><div class=s><div>02</div><div>Wait</div><div>For 2 days</div></div>",
            "Wait: For 2 days",
        ),
        (
            "<div class=p><i class=badge>-20%</i><p class=cat>Tea</p><p class=name><a href=a>Oolong</a></p><p class=price>9 euros</p></div>\
             <div class=p><p class=cat>Tea</p><p class=name><a href=b>Sencha</a></p><p class=price>8 euros</p></div>",
            "Sencha: Tea; 8 euros",
        ),
    ];
    for (shape, expected) in shapes {
        let read = lines(shape);
        assert_eq!((read.len(), read[1].1.as_str()), (2, expected), "{read:?}");
    }
}

#[test]
fn rows_of_divs_are_a_table() {
    let rows = |row: &str, head: &str| {
        let cells = [["Area", "Time", "Fee"], ["City", "Today", "20"], ["Island", "7 days", "60"]];
        let row_of = |[a, b, c]: &[&str; 3], shape: &str| {
            shape.replace("NAME", a).replace("PRICE", b).replace("MORE", c)
        };
        row_of(&cells[0], head) + &row_of(&cells[1], row) + &row_of(&cells[2], row)
    };
    let plain = "<div class=r><div>NAME</div><div>PRICE</div><div>MORE</div></div>";
    let columns = "<div class='row'><div class='col-4'>NAME</div><div class='col-4'>PRICE</div><div class='col-4'>MORE</div></div>";
    let tables = [
        (plain, plain),
        (columns, columns),
        (
            "<ul class=r><li>NAME</li><li>PRICE</li><li>MORE</li></ul>",
            "<ul class='r head'><li>NAME</li><li>PRICE</li><li>MORE</li></ul>",
        ),
        (plain, "<div class=table-header><div>NAME</div><div>PRICE</div><div>MORE</div></div>"),
        (plain, "<div class=r><div><b>NAME</b></div><div><b>PRICE</b></div><div><b>MORE</b></div></div>"),
    ];
    for (row, head) in tables {
        let expected = [
            (BlockKind::Head, "Area | Time | Fee".to_string()),
            (BlockKind::Row, "City | Today | 20".to_string()),
            (BlockKind::Row, "Island | 7 days | 60".to_string()),
        ];
        assert_eq!(lines(&rows(row, head)), expected, "{head}");
    }
    let empty = "<div class='r head'><b>Feature</b><b>Basic</b></div><div class=r><div>Help</div><div></div></div><div class=r><div>Copies</div><div>Yes</div></div>";
    assert!(
        lines(empty).iter().all(|(kind, _)| *kind != BlockKind::Head),
        "other elements: {:?}",
        lines(empty)
    );
}

#[test]
fn texts_of_their_own_are_no_records() {
    let long = "We bring all that you order within two hours to any place in the city, by bicycle or by boat, and we call before.";
    let shapes = [
        format!("<div class=c><div>NAME</div><div>PRICE</div><p>{long}</p></div>"),
        "<div class=c><h3>NAME</h3><div>PRICE</div><div>MORE</div></div>".to_string(),
        "<div class=c><div>NAME</div><a href=a>PRICE</a><div><a href=b>MORE</a></div></div>".to_string(),
        "<div class=c><p>NAME.</p><p>PRICE.</p><p>MORE.</p></div>".to_string(),
        "<div class=c><a href=a>NAME</a><div>PRICE</div><a href=a>Read on</a></div>".to_string(),
        "<div class=c><button aria-expanded=false aria-controls=x>NAME</button><p>PRICE</p><p>MORE</p></div>"
            .to_string(),
        "<figure><div>NAME</div><div>PRICE</div><figcaption>MORE</figcaption></figure>".to_string(),
    ];
    for shape in shapes {
        let read = lines(&cards(&shape, &[["Fast", "By us", "Always"], ["Safe", "By them", "Often"]]));
        assert!(!read.iter().any(|(_, line)| line.contains(':') || line.contains(';')), "{shape}: {read:?}");
    }
}
