use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::{homoglyphs::write_latin, numbers::join_thousands};

/// Letters behind which a raised digit belongs to a unit (`m²`); behind other words it marks a footnote.
const RAISED_UNITS: [&str; 12] = ["m", "mm", "cm", "dm", "km", "hm", "in", "ft", "yd", "mi", "s", "x"];

/// Whether a character is neither seen nor parts words: soft hyphens, zero-width and direction marks, tags, fillers. Variation
/// selectors choose the look of an emoji, so they are none of these.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}'
            | '\u{34F}'
            | '\u{61C}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

/// The form in which texts are searched and compared, never shown: one character for what looks like one.
///
/// - Invisible characters go; every space is a space; quotation marks and apostrophes are `"` and `'`.
/// - Hyphens and minus signs are `-`; a dash that parts words or figures stands between spaces.
/// - Look-alikes of another script or alphabet become the letters that a reader takes them for: `Ð` is `Đ`, a Cyrillic `а` in a
///   Latin word is `a`.
/// - Compatibility forms are spelled out (`ﬁ`, `Ａ`, `㎡`, `…`). What is raised or lowered stays apart from the digits before it, so
///   that `10⁵` is `10^5` and not 105, and `1½` is `1 1/2`; `m²` is `m2`, as it is typed; a footnote's number goes.
/// - `1 000 000` is `1.000.000`.
pub fn search_form(text: &str) -> String {
    if text.is_ascii() {
        return join_thousands(text);
    }
    let chars: Vec<char> = text.nfc().filter(|c| !is_invisible(*c) && !is_selector(*c)).collect();
    let mut form = SearchFormBuilder { out: String::with_capacity(text.len()), script: None };
    for (i, &c) in chars.iter().enumerate() {
        form.push(c, chars.get(i + 1).copied());
    }
    let latin = write_latin(&form.out);
    join_thousands(&latin.nfc().collect::<String>())
}

fn is_selector(c: char) -> bool {
    matches!(c, '\u{FE00}'..='\u{FE0F}')
}

/// What becomes of the raised or lowered digits that are being read.
#[derive(Clone, Copy, PartialEq)]
enum Script {
    /// They are written.
    Kept,
    /// They mark a footnote.
    Dropped,
}

struct SearchFormBuilder {
    out: String,
    script: Option<Script>,
}

impl SearchFormBuilder {
    fn last(&self) -> Option<char> {
        self.out.chars().next_back()
    }

    fn ends_with_digit(&self) -> bool {
        self.out.ends_with(|c: char| c.is_ascii_digit())
    }

    fn space(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with(char::is_whitespace) {
            self.out.push(' ');
        }
    }

    fn push(&mut self, c: char, next: Option<char>) {
        if let Some((digit, raised)) = script_digit(c) {
            self.script_digit(digit, raised);
            return;
        }
        if self.script.take() == Some(Script::Kept) && c.is_ascii_digit() {
            self.space();
        }
        if c.is_ascii() || is_plain(c) {
            self.out.push(c);
        } else if let Some(number) = circled(c) {
            self.space();
            self.out.push_str(&number.to_string());
            self.part(next);
        } else {
            self.special(c, next);
        }
    }

    fn special(&mut self, c: char, next: Option<char>) {
        match c {
            '\u{2028}' | '\u{2029}' | '\u{85}' => self.out.push('\n'),
            c if c.is_whitespace() => self.out.push(' '),
            '\u{2014}' | '\u{2015}' | '\u{2E3A}' | '\u{2E3B}' | '\u{FE58}' => self.dash(next),
            '\u{2013}' if !self.joins_a_code(next) => self.dash(next),
            c if is_hyphen(c) => self.out.push('-'),
            '‘' | '’' | '‚' | '‛' | '′' | '‵' | 'ʹ' | 'ʻ' | 'ʼ' | 'ʽ' | 'ˈ' | '´' | '＇' | 'ꞌ' | '‹'
            | '›' => {
                self.out.push('\'');
            }
            '“' | '”' | '„' | '‟' | '″' | '‶' | '«' | '»' | '〝' | '〞' | '＂' => {
                self.out.push('"')
            }
            '\u{335}' if matches!(self.last(), Some('d' | 'D')) => {
                let stroke = if self.out.pop() == Some('d') { 'đ' } else { 'Đ' };
                self.out.push(stroke);
            }
            'Ð' | 'Ɖ' => self.out.push('Đ'),
            'ð' | 'ɖ' => self.out.push('đ'),
            'ı' => self.out.push('i'),
            'İ' => self.out.push('I'),
            'ȷ' => self.out.push('j'),
            'ɡ' => self.out.push('g'),
            'ɑ' => self.out.push('a'),
            '×' | '✕' | '✖' => self.out.push('x'),
            '∕' | '⁄' => self.out.push('/'),
            '∗' => self.out.push('*'),
            '∶' | '꞉' => self.out.push(':'),
            '∼' | '〜' | '˜' => self.out.push('~'),
            '•' | '‧' | '∙' | '⋅' | '・' => self.out.push('·'),
            '。' => self.out.push('.'),
            '、' => self.out.push(','),
            '˚' => self.out.push('°'),
            'º' if self.out.trim_end().ends_with(|c: char| c.is_ascii_digit()) => self.out.push('°'),
            '™' | '®' | '©' | '℠' | '¨' | '¯' | '¸' | '˘' | '˙' | '˛' | '˝' => self.space(),
            '№' => self.out.push_str("No "),
            c => self.compatible(c),
        }
    }

    fn compatible(&mut self, c: char) {
        let spelled: String = std::iter::once(c).nfkc().map(|c| if c == '⁄' { '/' } else { c }).collect();
        let fraction = spelled.contains('/') && spelled.starts_with(|c: char| c.is_ascii_digit());
        if fraction && self.ends_with_digit() {
            self.out.push(' ');
        }
        self.out.push_str(&spelled);
    }

    /// A dash that parts: without spaces, `thứ 2—thứ 6` would be a code.
    fn dash(&mut self, next: Option<char>) {
        self.space();
        self.out.push('-');
        self.part(next);
    }

    /// Parts what was written from what follows.
    fn part(&mut self, next: Option<char>) {
        if next.is_some_and(|c| !c.is_whitespace()) {
            self.out.push(' ');
        }
    }

    /// Whether an en dash stands in a code (`DX–M101`) and not between the ends of a range (`8h–17h`, `2–4`).
    fn joins_a_code(&self, next: Option<char>) -> bool {
        let word = self.out.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        let begins_as_code = word.starts_with(char::is_alphabetic);
        next.is_some_and(|c| {
            c.is_alphanumeric() && (begins_as_code || (!word.is_empty() && c.is_uppercase()))
        })
    }

    fn script_digit(&mut self, digit: char, raised: bool) {
        let script = *self.script.get_or_insert_with(|| {
            let letters = self.out.trim_end_matches(|c: char| c.is_alphabetic() || is_combining_mark(c));
            let word = &self.out[letters.len()..];
            match (word.is_empty(), raised) {
                (true, _) if self.out.ends_with(|c: char| c.is_ascii_digit()) => {
                    self.out.push(if raised { '^' } else { '_' });
                    Script::Kept
                }
                (false, false) => Script::Kept,
                (false, true) if RAISED_UNITS.contains(&word.to_lowercase().as_str()) => Script::Kept,
                (true, false) => Script::Kept,
                _ => Script::Dropped,
            }
        });
        if script == Script::Kept {
            self.out.push(digit);
        }
    }
}

/// Letters of Vietnamese and its neighbours that are already in their form.
fn is_plain(c: char) -> bool {
    matches!(
        c,
        '\u{1EA0}'..='\u{1EF9}' | 'Ă' | 'ă' | 'Đ' | 'đ' | 'Ĩ' | 'ĩ' | 'Ũ' | 'ũ' | 'Ơ' | 'ơ' | 'Ư' | 'ư'
    ) || (matches!(c, 'À'..='ÿ') && !matches!(c, 'Ð' | 'ð' | '×' | '÷'))
}

/// A raised (`true`) or lowered digit or sign.
fn script_digit(c: char) -> Option<(char, bool)> {
    let digit = |from: u32| char::from_digit(u32::from(c) - from, 10);
    match c {
        '¹' => Some(('1', true)),
        '²' => Some(('2', true)),
        '³' => Some(('3', true)),
        '⁺' => Some(('+', true)),
        '⁻' => Some(('-', true)),
        '\u{2070}' | '\u{2074}'..='\u{2079}' => digit(0x2070).map(|digit| (digit, true)),
        '\u{2080}'..='\u{2089}' => digit(0x2080).map(|digit| (digit, false)),
        _ => None,
    }
}

/// The number in a circle: a mark of a list, so that `①②` is not 12.
fn circled(c: char) -> Option<u32> {
    let from = |first: u32, number: u32| u32::from(c) - first + number;
    match c {
        '\u{2460}'..='\u{2473}' => Some(from(0x2460, 1)),
        '\u{24EA}' => Some(0),
        '\u{24EB}'..='\u{24F4}' => Some(from(0x24EB, 11)),
        '\u{24F5}'..='\u{24FE}' => Some(from(0x24F5, 1)),
        '\u{2776}'..='\u{277F}' => Some(from(0x2776, 1)),
        '\u{2780}'..='\u{2789}' => Some(from(0x2780, 1)),
        '\u{278A}'..='\u{2793}' => Some(from(0x278A, 1)),
        _ => None,
    }
}

/// Hyphens, minus signs and short dashes.
fn is_hyphen(c: char) -> bool {
    matches!(
        c,
        '\u{58A}' | '\u{5BE}' | '\u{1806}' | '\u{2010}'
            ..='\u{2013}'
                | '\u{2043}'
                | '\u{207B}'
                | '\u{208B}'
                | '\u{2212}'
                | '\u{2500}'
                | '\u{2796}'
                | '\u{2E17}'
                | '\u{301C}'
                | '\u{FE63}'
                | '\u{FF0D}'
                | '\u{2D7}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(forms: &[(&str, &str)]) {
        for (written, form) in forms {
            assert_eq!(search_form(written), *form, "{written:?}");
        }
    }

    #[test]
    fn what_looks_like_a_letter_is_that_letter() {
        alike(&[
            ("Ðống Ða, ðường Ɖiện", "Đống Đa, đường Điện"),
            ("d\u{335}i D\u{335}i", "đi Đi"),
            ("Pаssword СОDE", "Password CODE"),
            ("mа\u{323}\u{302}t khẩu", "mật khẩu"),
            ("ΑΒ-12, Α4", "AB-12, A4"),
            ("kıtap İstanbul", "kitap Istanbul"),
            ("5μm, 5µm", "5um, 5um"),
            ("привет, λόγος, α", "привет, λόγος, α"),
        ]);
    }

    #[test]
    fn compatibility_forms_are_spelled_out() {
        alike(&[
            ("certiﬁcate oﬃce", "certificate office"),
            ("ＳＬ－１０１０：２０％", "SL-1010:20%"),
            ("50㎡ là 50 m²", "50m2 là 50 m2"),
            ("Ⅳ … ℃", "IV ... °C"),
            ("30º và 30˚C, nº 5", "30° và 30°C, no 5"),
            ("①②③ ➊Bật", "1 2 3 1 Bật"),
            ("№5", "No 5"),
            ("Hoidap™Pro", "Hoidap Pro"),
        ]);
    }

    #[test]
    fn raised_and_lowered_digits_make_no_other_number() {
        alike(&[
            ("10⁵", "10^5"),
            ("10⁻⁵ V", "10^-5 V"),
            ("CO₂ H₂O", "CO2 H2O"),
            ("log₂8", "log2 8"),
            ("giá 500.000đ¹ một tháng²", "giá 500.000đ một tháng"),
            ("½ giờ, 1½ giờ, 2 ¾", "1/2 giờ, 1 1/2 giờ, 2 3/4"),
            ("100×200", "100x200"),
        ]);
    }

    #[test]
    fn hyphens_spaces_and_quotes_are_one_each() {
        for hyphen in
            ['\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2212}', '\u{FE63}', '\u{FF0D}', '\u{2D7}']
        {
            assert_eq!(search_form(&format!("SL{hyphen}1010")), "SL-1010", "{hyphen:?}");
        }
        for space in ['\u{A0}', '\u{202F}', '\u{2009}', '\u{3000}', '\u{2007}', '\u{1680}', '\u{205F}'] {
            assert_eq!(search_form(&format!("Đà{space}Lạt")), "Đà Lạt", "{space:?}");
        }
        for mark in
            ['\u{AD}', '\u{200B}', '\u{200D}', '\u{2060}', '\u{FEFF}', '\u{34F}', '\u{FE0F}', '\u{E0041}']
        {
            assert_eq!(search_form(&format!("Đà Lạ{mark}t")), "Đà Lạt", "{mark:?}");
        }
        alike(&[("“don’t” «ok»", "\"don't\" \"ok\""), ("−5 °C", "-5 °C")]);
    }

    #[test]
    fn a_dash_that_parts_makes_no_code() {
        alike(&[
            ("thứ 2–thứ 6", "thứ 2 - thứ 6"),
            ("8h–17h30", "8h - 17h30"),
            ("The warranty—24 months—covers", "The warranty - 24 months - covers"),
            ("311892–D3", "311892-D3"),
            ("a – b", "a - b"),
        ]);
    }

    #[test]
    fn the_form_of_a_form_is_itself() {
        for text in ["Ðại lý Ðà Lạt – 10⁵ m² ①②, “1 000 000 đ”", "thứ 2—thứ 6", "log₂8 ½", "ＡＢ　Сode"]
        {
            let once = search_form(text);
            assert_eq!(search_form(&once), once, "{text}");
        }
    }
}
