use super::*;

fn one(text: &str) -> (String, Option<&'static str>) {
    let found = quantities(text);
    assert_eq!(found.len(), 1, "{text}: {found:?}");
    found.into_iter().next().map(|quantity| (quantity.value, quantity.unit)).unwrap()
}

#[test]
fn one_number_has_one_form() {
    for text in [
        "2.000.000 đồng",
        "2,000,000 đồng",
        "2000000đ",
        "2.000.000 ₫",
        "2,000,000 VND",
        "2 triệu đồng",
        "2tr đồng",
        "VND 2,000,000",
    ] {
        assert_eq!(one(text), ("2000000".into(), Some("vnd")), "{text}");
    }
    for text in ["2,95 triệu", "2.95 million", "2tr95", "2.950.000", "2950k"] {
        assert_eq!(one(text), ("2950000".into(), None), "{text}");
    }
    assert_eq!(one("1,5 GB"), ("1.5".into(), Some("gb")));
    assert_eq!(one("1.234,5 MB."), ("1234.5".into(), Some("mb")));
    assert_eq!(one("sau 30 ngày"), one("after 30 days"));
    assert_eq!(one("$5"), ("5".into(), Some("usd")));
    assert_eq!(one("$5.50"), one("5,5 đô"));
    assert_eq!(one("10 phần trăm"), one("10%"));
    assert_eq!(one("3 working days"), one("ba ngày"));
}

#[test]
fn one_time_of_day_has_one_form() {
    for text in ["8:00", "8h", "8 giờ", "8h00", "8am", "8 AM", "8 giờ sáng", "08:00"] {
        assert_eq!(one(text), ("8".into(), Some("hour")), "{text}");
    }
    for text in ["20:30", "20h30", "20 giờ 30", "8:30 pm", "8 giờ 30 tối", "20 giờ 30 phút"] {
        assert_eq!(one(text), ("20:30".into(), Some("hour")), "{text}");
    }
    let both: Vec<_> = extract("từ 8 đến 19 giờ").stated;
    assert!(both.iter().all(|quantity| quantity.unit == Some("hour")), "{both:?}");
    assert_eq!(extract("8-19h").stated, extract("8h–19h").stated);
}

#[test]
fn codes_stay_whole() {
    assert_eq!(one("lỗi DX-M101."), ("dx-m101".into(), None));
    assert_eq!(one("(24/7)"), ("24/7".into(), None));
    assert_eq!(one("5.1.1"), ("5.1.1".into(), None));
    assert_eq!(one("149.000đ/tháng"), ("149000".into(), Some("vnd")));
    assert_eq!(quantities("20-30 GB").len(), 2);
    assert_ne!(one("2.1"), one("2.10"));
}

#[test]
fn another_value_or_unit_is_no_ground() {
    let have = quantities("20 GB trong 30 ngày, 36 tháng, 6 lần, 5; giá");
    let holds = |text: &str| quantities(text).iter().all(|quantity| contains_quantity(quantity, &have));
    assert!(holds("20GB") && holds("30 days") && holds("no figure at all") && holds("3 năm"));
    assert!(!holds("20 TB") && !holds("30 giờ") && !holds("21 GB") && !holds("6 phút") && !holds("30 lần"));
    assert!(holds("20") && holds("6") && holds("5 phút"), "a bare number may leave its unit away");
}

#[test]
fn words_are_numbers_before_a_unit() {
    assert_eq!(one("hai tuần"), one("2 weeks"));
    assert_eq!(one("Giờ: $7; Ngày: không"), ("7".into(), Some("usd")));
    assert_eq!(extract("30.000đ/tháng").implied, extract("phí mỗi tháng").implied);
    assert!(quantities("ba loại hoa văn").is_empty() && quantities("một tháng").is_empty());
    let have: BTreeSet<_> = extract("ba loại hoa văn, phí tính mỗi tháng").implied.into_iter().collect();
    assert!(
        quantities("3 loại, 1 tháng").iter().all(|quantity| contains_quantity(quantity, &have)),
        "{have:?}"
    );
}

#[test]
fn the_rest_is_what_is_no_figure() {
    assert_eq!(extract("Phí 30.000đ mỗi đơn").without_quantities, "phí  .  mỗi đơn");
}
