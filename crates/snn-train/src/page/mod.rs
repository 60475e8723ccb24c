//! What pages of HTML are made of: no script, and nothing from elsewhere.

pub(crate) mod html;
pub(crate) mod plots;

/// A whole page.
pub(crate) fn document(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n<style>\n{}</style>\n</head>\n\
         <body>\n{body}\n</body>\n</html>\n",
        html::escape(title),
        include_str!("page.css"),
    )
}
