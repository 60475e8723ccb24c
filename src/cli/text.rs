//! Formatting of numbers and text layout.

use std::fmt;

use comfy_table::{CellAlignment, Table, presets::NOTHING};
use console::{Term, measure_text_width, style};

pub(crate) use crate::train::units::{duration, significant, thousands};

/// Width of the label column.
const LABEL: usize = 14;

/// Formats a fraction as `98.3 %`; with two decimals from 99 % on.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.*} %", if share >= 0.99 { 2 } else { 1 }, 100.0 * share)
}

/// Formats a count with its noun: `1 epoch`, `2,000 epochs`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{} {what}{}", thousands(count), if count == 1 { "" } else { "s" })
}

/// Formats bytes as `142 MB`, in powers of 1000.
pub(crate) fn bytes(bytes: usize) -> String {
    let mut value = bytes as f64;
    for unit in ["bytes", "kB", "MB", "GB"] {
        if value < 999.5 {
            let decimals = usize::from(value < 9.95 && unit != "bytes");
            return format!("{value:.decimals$} {unit}");
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

/// Formats a number with three digits and an SI prefix, such as `12.3 G`.
pub(crate) fn scaled(value: f64) -> String {
    let mut value = value;
    for prefix in ["", "k", "M", "G"] {
        if value < 999.5 {
            return format!("{} {prefix}", figures(value));
        }
        value /= 1000.0;
    }
    format!("{} T", figures(value))
}

/// Formats a number with three digits, or all digits of a larger one: `0.123`, `12.3`, `1,230`.
pub(crate) fn figures(value: f64) -> String {
    match value {
        _ if value >= 99.95 => thousands(value.round() as u64),
        _ if value >= 9.995 => format!("{value:.1}"),
        _ if value >= 0.9995 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Describes the spikes per image of all populations, and of the input unless it is numbers.
pub(crate) fn spikes(populations: f64, input: Option<f64>) -> String {
    let whole = |spikes: f64| thousands(spikes.round() as u64);
    let input = match input {
        Some(0.0) => "0 of the input: it never spiked".to_owned(),
        Some(input) => format!("{} of the input", whole(input)),
        None => "numbers as input".to_owned(),
    };
    format!("{} an image, and {input}", whole(populations))
}

/// Width of the terminal on standard output in columns; `usize::MAX` if it is not a terminal.
pub(crate) fn columns() -> usize {
    Term::stdout().size_checked().map_or(usize::MAX, |(_, columns)| columns.into())
}

/// Text with a label at the left, wrapped to the terminal width.
pub(crate) fn labelled(label: &str, text: impl fmt::Display) -> String {
    let indent = LABEL + 2;
    let head = format!("  {}", style(format!("{label:LABEL$}")).dim());
    head + wrapped(&text.to_string(), indent, indent).trim_start()
}

/// Text that starts at column `first`, wrapped to the terminal width, with further lines at column `rest`.
pub(crate) fn wrapped(text: &str, first: usize, rest: usize) -> String {
    let mut lines = " ".repeat(first);
    let mut at = first;
    for (index, word) in text.split(' ').enumerate() {
        let width = measure_text_width(word);
        if index > 0 && at > rest && at + 1 + width > columns() {
            lines.push('\n');
            lines.push_str(&" ".repeat(rest));
            at = rest;
        } else if index > 0 {
            lines.push(' ');
            at += 1;
        }
        lines.push_str(word);
        at += width;
    }
    lines
}

/// Joins RON text of several lines into one.
pub(crate) fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace("( ", "(").replace(",)", ")").replace(", )", ")").replace("[ ", "[").replace(", ]", "]")
}

/// Lines of label, text, and an aside in a separate column. If the terminal is too narrow for the asides, they are
/// omitted and the text is wrapped. The first label is highlighted.
pub(crate) fn header(lines: &[(&str, String, String)]) -> String {
    let label = lines.iter().map(|(label, ..)| label.len() + 3).max().unwrap_or(0).max(LABEL);
    let width = lines.iter().map(|(_, text, _)| measure_text_width(text)).max().unwrap_or(0);
    let asides = lines.iter().map(|(.., aside)| measure_text_width(aside)).max().unwrap_or(0);
    let is_wide = 2 + label + width + 3 + asides <= columns();
    let line = |(index, (name, text, aside)): (usize, &(&str, String, String))| {
        let name = style(format!("{name:label$}"));
        let name = if index == 0 { name.bold() } else { name.dim() };
        let gap = " ".repeat(width - measure_text_width(text) + 3);
        let aside = if aside.is_empty() || !is_wide { String::new() } else { format!("{gap}{}", style(aside).dim()) };
        format!("  {name}{}{aside}\n", wrapped(text, 2 + label, 2 + label).trim_start())
    };
    lines.iter().enumerate().map(line).collect()
}

/// Formats a table with a dim header. Columns in `right` are right-aligned. With `has_sum`, the last row is separated
/// by a line.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>], right: &[usize], has_sum: bool) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(head.to_vec()).add_rows(rows.to_vec());
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((2, 0));
        if right.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    let width = lines.iter().map(|line| measure_text_width(line)).max().unwrap_or(0);
    let rule = format!("  {}\n", style("─".repeat(width.saturating_sub(2))).dim());
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        if index == 1 || (has_sum && index + 1 == lines.len()) {
            text.push_str(&rule);
        }
        match (index, line.find('━')) {
            (0, _) => text.push_str(&style(line).dim().to_string()),
            (_, Some(bar)) => text.extend([&line[..bar], &style(&line[bar..]).cyan().to_string()]),
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// Formats a table like [`table`]. If the terminal is too narrow for all columns, uses the first set of columns in
/// `fewer` that fits, or the last one.
pub(crate) fn table_or(
    head: &[&str],
    rows: &[Vec<String>],
    right: &[usize],
    has_sum: bool,
    fewer: &[&[usize]],
) -> String {
    let fits = |table: &String| table.lines().all(|line| measure_text_width(line) <= columns());
    let mut made = table(head, rows, right, has_sum);
    for kept in fewer {
        if fits(&made) {
            break;
        }
        let pick =
            |row: &Vec<String>| kept.iter().map(|&column| row.get(column).cloned().unwrap_or_default()).collect();
        let rows: Vec<Vec<String>> = rows.iter().map(pick).collect();
        let head: Vec<&str> = kept.iter().map(|&column| head[column]).collect();
        let right: Vec<usize> = (0..kept.len()).filter(|&at| right.contains(&kept[at])).collect();
        made = table(&head, &rows, &right, has_sum);
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!([0.0, 0.983, 0.9941, 1.0].map(percent), ["0.0 %", "98.3 %", "99.41 %", "100.00 %"]);
        assert_eq!(spikes(61_617.2, Some(300.0)), "61,617 an image, and 300 of the input");
        assert_eq!(spikes(61_617.2, None), "61,617 an image, and numbers as input");
        assert_eq!(spikes(0.0, Some(0.0)), "0 an image, and 0 of the input: it never spiked");
        assert_eq!(
            [0.0123, 1.0, 9.996, 12.34, 99.96, 1234.5].map(figures),
            ["0.012", "1.00", "10.0", "12.3", "100", "1,235"]
        );
        assert_eq!([12.0, 1.5e9, 999.9e9, 3.2e13].map(scaled), ["12.0 ", "1.50 G", "1.00 T", "32.0 T"]);
        assert_eq!([12, 1_500, 142_000_000, 999_700_000].map(bytes), ["12 bytes", "1.5 kB", "142 MB", "1.0 GB"]);
    }
}
