//! Tells instructions from facts among the lines of a list.

use unicode_segmentation::UnicodeSegmentation as _;

use crate::generator::text::numbering::is_numbered_step;

/// Verbs that begin an instruction.
const INSTRUCTION_VERBS: &str = " add allow ask attach call change check choose clear click close complete confirm connect contact copy create \
    delete disconnect do download drag enable enter fill find follow format give go hold insert install invite keep leave let log look make \
    mark move open paste pay pick place plug pour press print pull push put read remove repeat replace reset restart return review run save \
    scan search see select send set share sign start stop submit swipe switch take tap tick turn type uncheck unlock unplug update upload \
    use verify visit wait wash wipe write \
    bấm bán bật báo bỏ bóc bôi bớt cài cắm cạo cắt cấp chạy chép cho chờ chọn chuẩn chụp chuyển chia cuộn dán dùng đánh đăng đặt đậy đẩy đem đến \
    để điền đo đóng đọc đổ đổi đợi đưa đun gạt gắn ghép ghi giữ gõ gỡ gọi gửi hoàn hủy huỷ in kéo kết khóa khoá khởi khuấy kích kiểm ký \
    làm lắp lấy lật liên lưu mang mở mua mời nạp ngắt nhắn nhả nhấn nhập nhờ nối nộp pha quay quét rửa rút sạc sao sắp sửa tải tạo tắt tháo thay \
    thêm thoát thử thực tìm tra treo truy trở vặn vào về vệ viết xả xác xem xếp xin xóa xoá xoay yêu ";
/// Words that begin a place, a time or a condition before the verb.
const LEADING_WORDS: &str = " on in at under from if when then first next after tại trong trên ở từ nếu khi sau rồi với để muốn đầu tiếp cuối ";
/// Most words between such a beginning and the verb.
const MAX_WORDS_TO_VERB: usize = 14;

/// Whether a line is a numbered step, or starts with an instruction, or with a place, time or condition followed by one.
pub(crate) fn is_instruction(line: &str) -> bool {
    if is_numbered_step(line) {
        return true;
    }
    let lower = line.to_lowercase();
    let listed = |list: &str, word: &str| list.contains(&format!(" {word} "));
    let mut words = lower.unicode_words();
    let Some(first) = words.next() else { return false };
    let behind = listed(LEADING_WORDS, first) && lower.contains(',');
    listed(INSTRUCTION_VERBS, first)
        || behind && words.take(MAX_WORDS_TO_VERB).any(|word| listed(INSTRUCTION_VERBS, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_told_from_facts() {
        for step in [
            "Mở Cài đặt → Bảo mật.",
            "Tại trang đăng nhập, bấm Quên mật khẩu.",
            "Choose Schedule and enter a name.",
            "On the last page, press Finish.",
            "Tháo nắp bình và đổ nước cũ.",
            "3. Súc miệng trong 30 giây.",
            "Bước 2: Luồn chỉ vào kẽ răng.",
            "Step 4 – Rinse.",
        ] {
            assert!(is_instruction(step), "{step}");
        }
        for fact in [
            "Gói Free có 2 GB.",
            "Sound only: 100 kb/s.",
            "Hà Nội: không có văn phòng.",
            "Free moves up to 1 GB.",
            "3.500 khách mỗi năm.",
            "– tối đa 2 trụ mỗi khách",
            "15 days after the order.",
            "Bước chân đầu tiên",
        ] {
            assert!(!is_instruction(fact), "{fact}");
        }
    }
}
