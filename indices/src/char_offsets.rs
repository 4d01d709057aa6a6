/// Converts character offsets to byte offsets. It moves forwards, so that a whole document costs one pass.
pub(crate) struct CharOffsets<'a> {
    text: &'a str,
    chars: usize,
    bytes: usize,
}

impl<'a> CharOffsets<'a> {
    /// Begins at the start of a text.
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, chars: 0, bytes: 0 }
    }

    /// The byte where a character starts; the end of the text when there are fewer.
    pub(crate) fn byte(&mut self, char: usize) -> usize {
        if char < self.chars {
            (self.chars, self.bytes) = (0, 0);
        }
        let rest = &self.text[self.bytes..];
        let step = rest.char_indices().nth(char - self.chars).map_or(rest.len(), |(i, _)| i);
        (self.chars, self.bytes) = (char, self.bytes + step);
        self.bytes
    }

    /// The text between two characters.
    pub(crate) fn slice(&mut self, start: usize, end: usize) -> &'a str {
        let from = self.byte(start);
        let to = self.byte(end);
        &self.text[from..to]
    }
}
