//! Tests questions of every form over invented pages, each with its expected answer.

use hoidap_shared::text::Language;

use crate::generator::{
    answer::assembly::assemble,
    extractive::quote,
    passages::{
        passage_set::{PassageSet, tests::passage},
        segmenter::Segmenter,
    },
    question::tests::parse_question,
    reader::tests::rank,
};

const PLANS_VI: &str = "Bảng giá Kho Ảnh Sen\nQuyền lợi | Cơ bản | Gia đình | Xưởng\nGiá một tháng | 0 đ | 45.000 đ | 120.000 đ\n\
    Dung lượng | 15 GB | 300 GB | 2 TB\nSố người dùng | 1 | 6 | 25\nXoá nền tự động | không | có | có\nHỗ trợ | email | email | điện thoại";
const PLANS_EN: &str = "Plans of Heron Maps\nFeature | Walker | Rider | Fleet\nPrice per month | $0 | $6 | $40\nSaved routes | 10 | 200 | 5,000\n\
    Offline maps | no | yes | yes\nDevices | 1 | 3 | 60\nReply time | 3 days | 1 day | 2 hours";
const BRANCHES_VI: &str = "Các phòng tập Tre Xanh\nPhòng tập | Phí tháng | Diện tích | Bãi xe\nCầu Giấy | 550.000 đ | 800 m2 | có\n\
    Gò Vấp | 420.000 đ | 450 m2 | không\nHải Châu | 480.000 đ | 600 m2 | có";
const CAMERAS_EN: &str = "Cameras for rent\nCamera | Per day | Weight | Waterproof\nOtter | $18 | 410 g | yes\nLynx | $25 | 690 g | no\n\
    Finch | $12 | 300 g | no";
const STEPS_VI: &str = "Thay lõi lọc\nKhoá van nước dưới bồn.\nXoay cốc lọc ngược chiều kim đồng hồ.\nThay lõi mới và lắp cốc lại.\n\
    Mở van và xả nước hai phút.\nĐổi ngày giao\nMở Đơn hàng → Chi tiết.\nBấm Đổi ngày giao và chọn ngày khác.\nBấm Lưu.";
const STEPS_EN: &str = "Pair the remote\nHold the red button for five seconds.\nChoose Add device in the app.\nEnter the code on the back.\n\
    Cancel a booking\nOpen My trips.\nChoose Cancel and confirm.\nCheck the e-mail that tells the refund.";
const FACTS_VI: &str = "Đơn trên 500.000 đ được giao miễn phí. Hàng đổi trả trong 7 ngày. Kho mở cửa lúc 8 giờ. Hotline là 028 0000 0199. \
    Pin dùng được 12 giờ. Bảo hành kéo dài 24 tháng.";
const FACTS_EN: &str = "The museum opens at 9:30. Children under six enter free. Lockers cost $2. The last tram leaves at 23:10. \
    Dogs must stay outside. Photos are allowed without flash.";
const TEA_VI: &str = "Trà xanh\nTrà xanh được sao ngay sau khi hái và không lên men.\nTrà đen\nTrà đen được ủ cho lên men hoàn toàn rồi mới sấy.";
const CARE_EN: &str = "Standard care\nStandard care covers faults of the machine for one year.\nPremium care\nPremium care also covers drops and water for three years.";

fn answer(question: &str, page: &str) -> String {
    let language = Language::guess(page);
    let segmenter = Segmenter::default();
    let passage_set = PassageSet::new(vec![passage(language.code(), page)], &segmenter);
    let parsed = parse_question(question, language);
    let ranked = rank(&passage_set, &parsed);
    let quoted = quote(&passage_set, &ranked, &parsed, &segmenter.analyser);
    quoted
        .map(|quoted| assemble(&quoted.sentences, &passage_set.passages).text.replace(" [1]", ""))
        .unwrap_or_default()
}

/// The questions whose answers differ from the expected ones.
fn wrong(cases: &[(&str, &str, &str)]) -> Vec<String> {
    let cases = cases.iter().map(|(page, question, expected)| (question, expected, answer(question, page)));
    cases
        .filter(|(_, expected, given)| given != *expected)
        .map(|(question, _, given)| format!("{question} → {given}"))
        .collect()
}

#[test]
fn a_comparison_is_told_side_by_side() {
    let all_en = "- Price per month – Walker: $0; Fleet: $40\n- Saved routes – Walker: 10; Fleet: 5,000\n- Offline maps – Walker: no; Fleet: yes\n\
                  - Devices – Walker: 1; Fleet: 60\n- Reply time – Walker: 3 days; Fleet: 2 hours";
    let some_vi = "- Giá một tháng – Gia đình: 45.000 đ; Xưởng: 120.000 đ\n- Dung lượng – Gia đình: 300 GB; Xưởng: 2 TB\n\
                   - Số người dùng – Gia đình: 6; Xưởng: 25\n- Hỗ trợ – Gia đình: email; Xưởng: điện thoại";
    let cases = [
        (PLANS_EN, "What is the difference between Walker and Fleet?", all_en),
        (PLANS_EN, "walker vs fleet", all_en),
        (PLANS_EN, "Does Rider or Fleet allow more saved routes?", "Saved routes – Rider: 200; Fleet: 5,000"),
        (PLANS_VI, "So sánh gói Gia đình và gói Xưởng", some_vi),
        (PLANS_VI, "goi gia dinh khac goi xuong the nao", some_vi),
        (PLANS_VI, "Xưởng hay Gia đình nhiều dung lượng hơn?", "Dung lượng – Gia đình: 300 GB; Xưởng: 2 TB"),
        (
            BRANCHES_VI,
            "Phòng tập Gò Vấp và Hải Châu khác nhau chỗ nào?",
            "- Phí tháng – Gò Vấp: 420.000 đ; Hải Châu: 480.000 đ\n- Diện tích – Gò Vấp: 450 m2; Hải Châu: 600 m2\n- Bãi xe – Gò Vấp: không; Hải Châu: có",
        ),
        (
            CAMERAS_EN,
            "Is the Lynx heavier than the Finch by weight?",
            "- Weight – Lynx: 690 g; Finch: 300 g\n- Per day – Lynx: $25; Finch: $12",
        ),
        (
            TEA_VI,
            "Trà xanh khác gì trà đen?",
            "- Trà xanh được sao ngay sau khi hái và không lên men.\n- Trà đen được ủ cho lên men hoàn toàn rồi mới sấy.",
        ),
        (
            CARE_EN,
            "compare standard care with premium care",
            "- Standard care covers faults of the machine for one year.\n- Premium care also covers drops and water for three years.",
        ),
    ];
    assert_eq!(wrong(&cases), [""; 0]);
}

#[test]
fn how_is_told_by_the_steps() {
    let filter = "- Khoá van nước dưới bồn.\n- Xoay cốc lọc ngược chiều kim đồng hồ.\n- Thay lõi mới và lắp cốc lại.\n- Mở van và xả nước hai phút.";
    let date = "- Mở Đơn hàng → Chi tiết.\n- Bấm Đổi ngày giao và chọn ngày khác.\n- Bấm Lưu.";
    let pair = "- Hold the red button for five seconds.\n- Choose Add device in the app.\n- Enter the code on the back.";
    let cancel = "- Open My trips.\n- Choose Cancel and confirm.\n- Check the e-mail that tells the refund.";
    let cases = [
        (STEPS_VI, "Làm sao để thay lõi lọc?", filter),
        (STEPS_VI, "cach thay loi loc nuoc", filter),
        (STEPS_VI, "Muốn xoay cốc lọc thì làm thế nào?", filter),
        (STEPS_VI, "Làm thế nào để đổi ngày giao đơn hàng?", date),
        (STEPS_VI, "Muốn đổi ngày giao", date),
        (STEPS_EN, "How do I pair the remote?", pair),
        (STEPS_EN, "how can I add the remote as a device", pair),
        (STEPS_EN, "How do I cancel a booking?", cancel),
        (STEPS_EN, "I want to cancel my booking and get the refund", cancel),
        (STEPS_EN, "steps to cancel a booking of trips", cancel),
    ];
    assert_eq!(wrong(&cases), [""; 0]);
}

#[test]
fn a_cell_is_told_by_its_row_and_column() {
    let cases = [
        (PLANS_VI, "Gói Xưởng có dung lượng bao nhiêu?", "Dung lượng – Xưởng: 2 TB"),
        (PLANS_VI, "goi gia dinh gia bao nhieu mot thang", "Giá một tháng – Gia đình: 45.000 đ"),
        (PLANS_VI, "Số người dùng tối đa của gói Cơ bản?", "Số người dùng – Cơ bản: 1"),
        (PLANS_EN, "How many saved routes does Rider have?", "Saved routes – Rider: 200"),
        (PLANS_EN, "price per month of Fleet", "Price per month – Fleet: $40"),
        (PLANS_EN, "number of devices on Walker", "Devices – Walker: 1"),
        (
            BRANCHES_VI,
            "Diện tích phòng tập Cầu Giấy bao nhiêu?",
            "Các phòng tập Tre Xanh: Cầu Giấy – Diện tích: 800 m2",
        ),
        (BRANCHES_VI, "phi thang o hai chau", "Hải Châu – Phí tháng: 480.000 đ"),
        (CAMERAS_EN, "What is the weight of the Otter?", "Otter – Weight: 410 g"),
        (CAMERAS_EN, "per day price of the Lynx", "Lynx – Per day: $25"),
    ];
    assert_eq!(wrong(&cases), [""; 0]);
}

#[test]
fn a_choice_is_told_by_the_rows_that_a_table_picks() {
    let starts = [
        (BRANCHES_VI, "Phòng tập nào rẻ nhất?", "Gò Vấp"),
        (BRANCHES_VI, "Phòng tập nào không có bãi xe?", "Gò Vấp"),
        (BRANCHES_VI, "phong tap nao co dien tich lon nhat", "Cầu Giấy"),
        (BRANCHES_VI, "Phòng tập nào có bãi xe?", "Cầu Giấy"),
        (CAMERAS_EN, "Which camera is the cheapest?", "Finch"),
        (CAMERAS_EN, "which camera is the heaviest", "Lynx"),
        (CAMERAS_EN, "Which camera is waterproof?", "Otter"),
        (CAMERAS_EN, "Which cameras are not waterproof?", "Lynx"),
        (PLANS_EN, "Which plan has no offline maps?", "Offline maps"),
        (PLANS_VI, "Gói nào có dung lượng lớn nhất?", "Dung lượng"),
    ];
    let others = starts.iter().map(|(page, question, start)| (question, start, answer(question, page)));
    let others: Vec<_> = others
        .filter(|(_, start, given)| !given.lines().next().is_some_and(|line| line.contains(*start)))
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn a_fact_is_one_sentence() {
    let cases = [
        (FACTS_VI, "Đơn bao nhiêu thì được giao miễn phí?", "Đơn trên 500.000 đ được giao miễn phí."),
        (FACTS_VI, "Hàng được đổi trả trong mấy ngày?", "Hàng đổi trả trong 7 ngày."),
        (FACTS_VI, "kho mo cua luc may gio", "Kho mở cửa lúc 8 giờ."),
        (FACTS_VI, "Hotline là số nào?", "Hotline là 028 0000 0199."),
        (FACTS_VI, "pin dung duoc bao lau", "Pin dùng được 12 giờ."),
        (FACTS_EN, "When does the museum open?", "The museum opens at 9:30."),
        (FACTS_EN, "how much are lockers", "Lockers cost $2."),
        (FACTS_EN, "When does the last tram leave?", "The last tram leaves at 23:10."),
        (FACTS_EN, "are photos allowed with flash", "Photos are allowed without flash."),
        (FACTS_EN, "Do children under six enter free?", "Children under six enter free."),
    ];
    assert_eq!(wrong(&cases), [""; 0]);
}
