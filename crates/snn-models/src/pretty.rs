//! Formats RON text for reading: a value that fits on a line stays on one line.

use snn_core::part::{Node, NodeContent};

/// Maximum line width in columns.
const WIDTH: usize = 120;

/// Formats `text`, a single RON value, with line breaks and without comments. The outermost value has one line for each
/// field, and so has each value that is too wide. Items of a list are on one line each, however wide, unless they
/// contain lists.
///
/// Text that cannot be parsed is returned unchanged.
pub(crate) fn lay_out(text: &str) -> String {
    match Node::read(text) {
        Ok(node) => {
            let mut writer = Writer { out: String::new() };
            writer.broken(&node, 0);
            writer.out + "\n"
        }
        Err(_) => text.to_owned(),
    }
}

struct Writer {
    out: String,
}

impl Writer {
    /// Writes the value with one line for each of its fields or items.
    fn broken(&mut self, node: &Node<'_>, depth: usize) {
        let (open, close) = brackets(node);
        self.out += node.name;
        self.out += open;
        self.out += "\n";
        match &node.content {
            NodeContent::Scalar => {}
            NodeContent::Fields(fields) => {
                for field in fields {
                    self.line(Some(field.key), &field.value, depth + 1);
                }
            }
            NodeContent::Items(items) => {
                for item in items {
                    self.line(None, item, depth + 1);
                }
            }
        }
        self.out += &"    ".repeat(depth);
        self.out += close;
    }

    /// Writes a field or item, on one or several lines.
    fn line(&mut self, key: Option<&str>, value: &Node<'_>, depth: usize) {
        self.out += &"    ".repeat(depth);
        let mut width = 4 * depth + 1;
        if let Some(key) = key {
            self.out += key;
            self.out += ": ";
            width += key.len() + 2;
        }
        let flat = flat(value);
        let fits = width + flat.chars().count() <= WIDTH;
        if fits || value.is_empty() || (key.is_none() && !flat.contains('[')) {
            self.out += &flat;
        } else {
            self.broken(value, depth);
        }
        self.out += ",\n";
    }
}

/// Formats the value on one line.
fn flat(node: &Node<'_>) -> String {
    let (open, close) = brackets(node);
    let inside: Vec<String> = match &node.content {
        // RON's writer marks an enum variant `None` with `r#`, which is not necessary.
        NodeContent::Scalar if node.text == "r#None" => return "None".to_owned(),
        NodeContent::Scalar => return node.text.to_owned(),
        NodeContent::Fields(fields) => {
            fields.iter().map(|field| format!("{}: {}", field.key, flat(&field.value))).collect()
        }
        NodeContent::Items(items) => items.iter().map(flat).collect(),
    };
    format!("{}{open}{}{close}", node.name, inside.join(", "))
}

fn brackets(node: &Node<'_>) -> (&'static str, &'static str) {
    if node.text.ends_with(']') { ("[", "]") } else { ("(", ")") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_a_line_stays_on_one() {
        let wide = "x".repeat(110);
        let text = format!(
            "A(b: [1, 2], c: C(d: \"a, b\", e: (0.9, 0.99)), f: [G(h: 1, {wide}: 2), G()], i: /* no */ J({wide}: ()))"
        );
        let laid_out = lay_out(&text).replace(&wide, "x");
        insta::assert_snapshot!(laid_out, @r#"
        A(
            b: [1, 2],
            c: C(d: "a, b", e: (0.9, 0.99)),
            f: [
                G(h: 1, x: 2),
                G(),
            ],
            i: J(
                x: (),
            ),
        )
        "#);
        assert_eq!(lay_out(&laid_out), lay_out(&lay_out(&laid_out)));
    }
}
