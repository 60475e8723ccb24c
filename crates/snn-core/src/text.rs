//! Shortens text from files and arguments for messages.

use std::borrow::Cow;
use std::fmt::Display;

/// Maximum number of characters of a name or value in a message.
const LONGEST: usize = 80;

/// Maximum number of list entries in a message; the second one applies to names to choose from.
const MOST: usize = 10;
const MOST_CHOICES: usize = 40;

/// Returns `text`, or its first 79 characters and `…` if it is longer than 80.
pub fn excerpt(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(LONGEST) {
        None => Cow::Borrowed(text),
        Some(_) => Cow::Owned(text.chars().take(LONGEST - 1).chain(['…']).collect()),
    }
}

/// Joins up to 10 of `items`, each shortened by [`excerpt`], with commas, followed by ` and N more` if there are more.
pub fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    first(items, MOST)
}

/// As [`list`], but for up to 40 items to choose from.
pub fn choices<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    first(items, MOST_CHOICES)
}

/// Lists up to 10 of `lines`, each on its own line, indented by two spaces, followed by `and N more` if there are more.
pub fn lines<T: Display>(lines: impl IntoIterator<Item = T>) -> String {
    let mut lines = lines.into_iter();
    let mut shown: Vec<String> = lines.by_ref().take(MOST).map(|line| format!("  {line}")).collect();
    match lines.count() {
        0 => {}
        more => shown.push(format!("  and {more} more")),
    }
    shown.join("\n")
}

/// Formats the shape of a tensor, such as `[64, 3, 3]`.
pub fn extents(extents: &[usize]) -> String {
    format!("[{}]", list(extents))
}

fn first<T: Display>(items: impl IntoIterator<Item = T>, most: usize) -> String {
    let mut items = items.into_iter();
    let shown: Vec<String> = items.by_ref().take(most).map(|item| excerpt(&item.to_string()).into_owned()).collect();
    match items.count() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut() {
        assert_eq!(excerpt("conv1"), "conv1");
        let (fits, long) = ("ö".repeat(80), "ö".repeat(81));
        assert_eq!(excerpt(&fits), fits);
        assert_eq!(excerpt(&long), format!("{}…", "ö".repeat(79)));
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(list(["a", "b"]), "a, b");
        assert_eq!(list([0; 0]), "");
        assert_eq!(list(1..=10), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10");
        assert_eq!(list(1..=12), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more");
        assert_eq!(choices(1..=40).split(", ").count(), 40);
        assert!(choices(1..=41).ends_with(", 40 and 1 more"));
        assert_eq!(lines(["a", "b"]), "  a\n  b");
        assert!(lines(1..=12).ends_with("\n  10\n  and 2 more"));
        assert_eq!(extents(&[64, 3, 3]), "[64, 3, 3]");
        assert!(extents(&vec![1; 100_000]).ends_with(", 1 and 99990 more]"));
        assert!(list(vec!["x".repeat(1_000_000); 1000]).len() < 1000);
    }
}
