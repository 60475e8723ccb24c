//! Builders for pieces of HTML.

/// A table cell.
pub(crate) struct Cell {
    class: &'static str,
    text: String,
}

impl Cell {
    /// A cell of text, aligned left.
    pub(crate) fn text(text: &str) -> Self {
        Self { class: "text", text: escape(text) }
    }

    /// A cell of a number, aligned right.
    pub(crate) fn number(text: String) -> Self {
        Self { class: "", text }
    }
}

/// Escapes HTML special characters.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Concatenates the results of `make` for all `items`.
pub(crate) fn each<I: IntoIterator>(items: I, make: impl FnMut(I::Item) -> String) -> String {
    items.into_iter().map(make).collect::<Vec<String>>().concat()
}

/// A card: a prominent figure, with a label above and a note below.
pub(crate) fn card(label: &str, figure: &str, note: &str) -> String {
    let (label, figure, note) = (escape(label), escape(figure), escape(note));
    format!(
        "<div class=\"card\"><span class=\"label\">{label}</span><b>{figure}</b><span class=\"note\">{note}</span></div>"
    )
}

/// A list of labels and their texts.
pub(crate) fn facts(facts: &[(&str, String)]) -> String {
    let line = |(label, text): &(&str, String)| format!("<dt>{}</dt><dd>{}</dd>", escape(label), escape(text));
    format!("<dl class=\"facts\">{}</dl>", each(facts, line))
}

/// A section of the page: title, introduction, two figures, and a table, which may be empty.
pub(crate) fn section(title: &str, introduction: &str, figures: &[String; 2], table: &str) -> String {
    let (title, introduction, figures) = (escape(title), escape(introduction), figures.concat());
    format!("<h2>{title}</h2><p>{introduction}</p><div class=\"figures\">{figures}</div>{table}")
}

/// A plot with its title, and a legend of colour classes and their meaning.
pub(crate) fn figure(title: &str, legend: &[(&str, &str)], svg: &str) -> String {
    let title = escape(title);
    let entry = |(class, text): &(&str, &str)| format!("<span><i class=\"{class}\"></i>{}</span>", escape(text));
    let legend = each(legend, entry);
    let svg = svg.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{title}\" "), 1);
    format!("<figure><figcaption>{title}<div class=\"legend\">{legend}</div></figcaption>{svg}</figure>")
}

/// A table. Each row has its own CSS class.
pub(crate) fn table<'a>(head: &[&str], rows: impl Iterator<Item = (&'a str, Vec<Cell>)>) -> String {
    let rows: Vec<(&str, Vec<Cell>)> = rows.collect();
    let is_text = |column: usize| {
        rows.first().is_some_and(|(_, cells)| cells.get(column).is_some_and(|cell| cell.class == "text"))
    };
    let class = |is_text: bool| if is_text { " class=\"text\"" } else { "" };
    let title = |(column, text): (usize, &&str)| format!("<th{}>{}</th>", class(is_text(column)), escape(text));
    let head = each(head.iter().enumerate(), title);
    let cell = |cell: &Cell| format!("<td{}>{}</td>", class(cell.class == "text"), cell.text);
    let row = |(class, cells): &(&str, Vec<Cell>)| format!("<tr class=\"{class}\">{}</tr>\n", each(cells, cell));
    let rows = each(&rows, row);
    format!("<div class=\"scroll\"><table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></div>")
}
