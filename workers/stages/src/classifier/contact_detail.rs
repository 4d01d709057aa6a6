//! Tells a question for a telephone number, an address or the one in charge, which the documents may hold, from the wish for a
//! person.

use super::phrase_match::FoldedWords;

/// Folded names of such details, and questions for whom to ask.
const DETAILS: [&str; 23] = [
    "so dien thoai",
    "sdt",
    "hotline",
    "so tong dai",
    "so may",
    "dia chi",
    "email",
    "phone number",
    "telephone number",
    "address",
    "opening hours",
    "lien he ai",
    "gap ai",
    "hoi ai",
    "goi ai",
    "gui cho ai",
    "so nao",
    "who handles",
    "who is responsible",
    "who do i contact",
    "who should i contact",
    "who can i contact",
    "which department",
];

/// Whether a text names a detail by which a site can be reached.
pub(super) fn asks_for_contact_detail(text: &str) -> bool {
    FoldedWords::of(text).contain_any(&DETAILS)
}

#[cfg(test)]
mod tests {
    use super::asks_for_contact_detail;

    #[test]
    fn a_number_is_asked_for_and_not_a_person() {
        for text in [
            "Số điện thoại tư vấn mua hàng là gì?",
            "cho xin hotline",
            "dia chi cua hang o dau",
            "What is the phone number of the support team?",
            "khiếu nại thì gặp ai",
            "Để quên đồ trong phòng thì liên hệ ai?",
            "who handles complaints?",
        ] {
            assert!(asks_for_contact_detail(text), "{text}");
        }
        for text in [
            "Cho tôi gặp nhân viên",
            "nối máy với tổng đài giúp em",
            "let me talk to a human",
            "gọi lại cho tôi",
        ] {
            assert!(!asks_for_contact_detail(text), "{text}");
        }
    }
}
