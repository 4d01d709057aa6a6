/// A text in which digits that are grouped by spaces are grouped by points: `1 000 000` becomes `1.000.000`.
///
/// `100 200 300` are three numbers: the first group must be shorter than the others, or the last one be `000`; a single group
/// behind the first must be `000`. A telephone number begins with 0, with `+` or with four digits.
pub(super) fn join_thousands(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    let mut at = 0;
    while at < bytes.len() {
        if !digit(at) {
            at += 1;
            continue;
        }
        let first = (at..).take_while(|&i| digit(i)).count();
        let starts =
            bytes[at] != b'0' && first <= 3 && text[..at].chars().next_back().is_none_or(may_precede);
        let mut end = at + first;
        let mut groups = 0;
        while starts && bytes.get(end) == Some(&b' ') && (1..=3).all(|i| digit(end + i)) && !digit(end + 4) {
            end += 4;
            groups += 1;
        }
        let round = groups > 0 && &bytes[end - 3..end] == b"000";
        if round || (groups > 1 && first < 3) {
            out.push_str(&text[copied..at]);
            out.push_str(&text[at..end].replace(' ', "."));
            copied = end;
        }
        at = end;
    }
    out.push_str(&text[copied..]);
    out
}

fn may_precede(c: char) -> bool {
    !c.is_alphanumeric() && !matches!(c, '.' | ',' | '-' | '+' | '/' | ':' | '_')
}

#[cfg(test)]
mod tests {
    use super::join_thousands;

    #[test]
    fn digits_grouped_by_spaces_are_one_number() {
        for (written, form) in [
            ("1 000 000 đ", "1.000.000 đ"),
            ("giá 20 000đ", "giá 20.000đ"),
            ("1 234 567", "1.234.567"),
            ("250 500 000", "250.500.000"),
            ("100 200 300", "100 200 300"),
            ("0236 000 0147", "0236 000 0147"),
            ("+84 236 000 014", "+84 236 000 014"),
            ("1900 0147", "1900 0147"),
            ("S1 000", "S1 000"),
            ("2 100 GB", "2 100 GB"),
            ("10:30 000", "10:30 000"),
            ("1 0000", "1 0000"),
        ] {
            assert_eq!(join_thousands(written), form);
        }
    }
}
