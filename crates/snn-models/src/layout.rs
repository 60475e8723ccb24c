//! RON text laid out to be read: what fits a line stays on one.

use snn_core::part::{Node, NodeContent};

/// Columns of a line.
const WIDTH: usize = 120;

/// `text`, one value of RON, with line breaks and without comments. The outermost value is broken into its fields, and
/// so is all that is too wide; the items of a list stay on a line each, whatever their width, unless they hold lists.
///
/// Text that cannot be read is given back as it is.
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
    /// The value with a line for each of its fields or items.
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

    /// A field or item, on one line or several.
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

/// The value on one line.
fn flat(node: &Node<'_>) -> String {
    let (open, close) = brackets(node);
    let inside: Vec<String> = match &node.content {
        // RON's writer marks a choice called None as a name, which it need not be.
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
