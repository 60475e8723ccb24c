//! Blanks out comments and other text without meaning in RON, keeping all byte positions.

use std::borrow::Cow;
use std::ops::Range;

/// Replaces comments, non-ASCII white space and `Some( )` around a value by spaces. All other bytes, including line
/// breaks, keep their position, so that positions in the result are valid in `text`.
///
/// # Errors
/// The byte at which an unclosed comment starts.
pub(super) fn plain(text: &str) -> Result<Cow<'_, str>, usize> {
    let mut lexer = Lexer { text, out: text.as_bytes().to_vec(), at: 0, word: 0..0, open: Vec::new() };
    while lexer.at < text.len() {
        lexer.step()?;
    }
    if lexer.out == text.as_bytes() {
        return Ok(Cow::Borrowed(text));
    }
    Ok(String::from_utf8(lexer.out).map_or(Cow::Borrowed(text), Cow::Owned))
}

struct Lexer<'a> {
    text: &'a str,
    out: Vec<u8>,
    at: usize,
    /// Byte range of the last word, if only spaces followed it.
    word: Range<usize>,
    /// Currently open brackets.
    open: Vec<Bracket>,
}

struct Bracket {
    at: usize,
    /// Byte range of the word `Some` before the bracket, if there is one.
    some: Option<Range<usize>>,
    commas: Vec<usize>,
}

impl Lexer<'_> {
    /// Advances past one comment, string, word or character.
    fn step(&mut self) -> Result<(), usize> {
        let (start, rest) = (self.at, &self.text[self.at..]);
        let Some(c) = rest.chars().next() else { return Ok(()) };
        if rest.starts_with("//") {
            self.at += rest.find('\n').unwrap_or(rest.len());
            self.blank(start..self.at);
        } else if rest.starts_with("/*") {
            self.at += block_comment(rest).ok_or(start)?;
            self.blank(start..self.at);
        } else if c.is_whitespace() || matches!(c, '\u{200e}' | '\u{200f}') {
            self.at += c.len_utf8();
            if !c.is_ascii() {
                self.blank(start..self.at);
            }
        } else if is_word(c) {
            self.at += rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            self.word = start..self.at;
            let (word, after) = (&self.text[self.word.clone()], &self.text[self.at..]);
            if let Some(hashes) = raw(word).filter(|_| after.starts_with('"')) {
                let end = format!("\"{hashes}");
                self.at += after[1..].find(&end).map_or(after.len(), |at| 1 + at + end.len());
            }
        } else {
            self.at += match c {
                '"' => string(rest),
                '\'' => character(rest),
                _ => c.len_utf8(),
            };
            self.bracket(start, c);
            self.word = 0..0;
        }
        Ok(())
    }

    /// Records a bracket or comma and the word before it. On the closing bracket of a `Some( )`, blanks it out.
    fn bracket(&mut self, at: usize, c: char) {
        match c {
            '(' | '[' | '{' => {
                let is_some = c == '(' && &self.text[self.word.clone()] == "Some";
                self.open.push(Bracket { at, some: is_some.then(|| self.word.clone()), commas: Vec::new() });
            }
            ',' => {
                if let Some(bracket) = self.open.last_mut() {
                    bracket.commas.push(at);
                }
            }
            ')' | ']' | '}' => {
                let Some(Bracket { at: open, some: Some(some), commas }) = self.open.pop() else { return };
                let is_blank = |range: Range<usize>| self.out[range].iter().all(u8::is_ascii_whitespace);
                let end = commas.first().copied().unwrap_or(at);
                let holds_one = commas.len() <= 1 && !is_blank(open + 1..end) && is_blank((end + 1).min(at)..at);
                if holds_one {
                    for range in [some, open..open + 1, end..end + 1, at..at + 1] {
                        self.blank(range);
                    }
                }
            }
            _ => {}
        }
    }

    /// Replaces all bytes of `range` except line breaks by spaces.
    fn blank(&mut self, range: Range<usize>) {
        for byte in &mut self.out[range] {
            if !matches!(*byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '+' | '-' | '#')
}

/// The hashes of a word before the quote of a raw string, such as `##` of `r##`. `None` if it is not such a word.
fn raw(word: &str) -> Option<&str> {
    let hashes = word.strip_prefix("br").or_else(|| word.strip_prefix('r'))?;
    hashes.bytes().all(|byte| byte == b'#').then_some(hashes)
}

/// Length in bytes of the comment at the start of `text`, including nested comments. `None` if it is unclosed.
fn block_comment(text: &str) -> Option<usize> {
    let (bytes, mut at, mut depth) = (text.as_bytes(), 0, 0_usize);
    loop {
        match bytes.get(at..at + 2)? {
            b"/*" => (at, depth) = (at + 2, depth + 1),
            b"*/" => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Length in bytes of the string at the start of `text`.
fn string(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        if byte == b'"' && !is_escaped {
            return at + 1;
        }
        is_escaped = byte == b'\\' && !is_escaped;
    }
    text.len()
}

/// Length in bytes of the quoted character at the start of `text`, or of the quote if there is no such character.
fn character(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), Some((at, c))) => {
            let after = at + c.len_utf8();
            text[after..].find('\'').map_or(1, |end| after + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_become_spaces() {
        for (text, expected) in [
            ("A /* ( \" */ ,", "A           ,"),
            ("A // )\n, B//", "A     \n, B  "),
            ("/* a /* ) */ b */A", "                 A"),
            ("A(b: \"// no /* \\\" \") // yes", "A(b: \"// no /* \\\" \")       "),
            ("A(b: r#\"\" /* \"#, c: '\"') /**/", "A(b: r#\"\" /* \"#, c: '\"')     "),
            ("a\u{a0}b /* ö */", "a  b         "),
        ] {
            assert_eq!(plain(text).unwrap(), expected, "{text}");
        }
        assert_eq!(plain("A /* /* */"), Err(2));
    }

    #[test]
    fn some_is_what_it_holds() {
        for (text, expected) in [
            ("Some(1)", "     1 "),
            ("Some ( Some(Mnist ,) )", "            Mnist     "),
            ("A(b: Some((0.9, 1)))", "A(b:      (0.9, 1) )"),
            ("Some(1, 2)", "Some(1, 2)"),
            ("Some()", "Some()"),
            ("(Awesome(1), \"Some(1)\")", "(Awesome(1), \"Some(1)\")"),
        ] {
            assert_eq!(plain(text).unwrap(), expected, "{text}");
        }
    }
}
