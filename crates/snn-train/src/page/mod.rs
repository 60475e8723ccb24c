//! Self-contained HTML pages: no scripts, no external resources.

pub(crate) mod html;
pub(crate) mod plots;

/// A complete HTML page.
pub(crate) fn document(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n<style>\n{}</style>\n</head>\n\
         <body>\n{body}\n</body>\n</html>\n",
        html::escape(title),
        include_str!("page.css"),
    )
}
