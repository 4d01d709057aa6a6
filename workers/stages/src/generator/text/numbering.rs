//! Recognises lines that begin with their number in a list.

/// Words before the number of a step.
const STEP_WORDS: [&str; 2] = ["bước", "step"];

/// Whether a line begins with its number in a list: "2. …", "2) …".
pub(crate) fn is_numbered(line: &str) -> bool {
    line.starts_with(|c: char| c.is_ascii_digit()) && is_numbered_step(line)
}

/// Whether a line is a numbered step ("2. …", "Bước 2: …", "Step 2 - …").
pub(crate) fn is_numbered_step(line: &str) -> bool {
    let line = line.trim_start();
    let number = line.trim_start_matches(char::is_alphabetic);
    let word = &line[..line.len() - number.len()];
    let number = number.trim_start();
    let rest = number.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = number.len() - rest.len();
    let behind = rest.strip_prefix(['.', ')', ':', '/', '-', '–']);
    let is_marked = behind.is_some_and(|behind| !behind.starts_with(|c: char| c.is_ascii_digit()));
    let is_step = STEP_WORDS.contains(&word.to_lowercase().as_str());
    (1..=2).contains(&digits) && (word.is_empty() && is_marked || is_step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_a_step_is_told_from_an_amount() {
        for line in ["2. Mở nắp.", "3) Press Save", "Bước 2: Luồn chỉ.", "Step 4 – Rinse."] {
            assert!(is_numbered_step(line), "{line}");
        }
        for line in [
            "3.500 khách",
            "15 days",
            "Bước chân",
            "– tối đa 2 trụ",
            "2024: mở cửa",
            "8:00 – 17:00",
            "B3-301",
            "",
        ] {
            assert!(!is_numbered_step(line), "{line}");
        }
        assert!(is_numbered("2. Mở nắp.") && !is_numbered("Bước 2: Mở nắp."));
    }
}
