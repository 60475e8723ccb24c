//! Error messages that show the source line at fault, in the style of compilers.

use std::{fmt, ops::Range};

use crate::elsewhere;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// An error message: what is wrong, where, and how to correct it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnosis {
    /// What is wrong, in one line.
    pub title: String,
    /// The source text at fault; `None` for errors of the command line.
    pub place: Option<SourceSpan>,
    /// Lines below the source text: known names, what to do.
    pub notes: Vec<String>,
}

/// A byte range of a source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSpan {
    /// Name of the file that holds the text.
    pub file: String,
    /// The whole text.
    pub text: String,
    /// The byte range of `text` at fault.
    pub span: Range<usize>,
    /// Label shown beside it; may be empty.
    pub label: String,
}

/// Maximum number of characters of the title and of each note, and of the marked text.
const LONGEST_LINE: usize = 2000;
const LONGEST_MARK: usize = 80;

impl Diagnosis {
    /// Formats the message with its `error:` prefix, and with colours if `styled`.
    pub fn render(&self, styled: bool) -> String {
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        let cut = |text: &str| text.chars().take(LONGEST_LINE).collect::<String>();
        let (title, notes) = (cut(&self.title), self.notes.iter().map(|note| cut(note)));
        let mut group = Group::with_title(Level::ERROR.primary_title(title));
        if let Some(place) = &self.place {
            let label = (!place.label.is_empty()).then_some(place.label.as_str());
            let annotation = AnnotationKind::Primary.span(marked(&place.text, &place.span)).label(label);
            group = group.element(Snippet::source(&place.text).path(&place.file).annotation(annotation));
        }
        for note in notes {
            group = group.element(Level::NOTE.no_name().message(note));
        }
        renderer.render(&[group])
    }
}

/// Shortens `span` in `text` to what fits on a line.
fn marked(text: &str, span: &Range<usize>) -> Range<usize> {
    let value = text.get(span.clone()).unwrap_or_default();
    let length = value.char_indices().nth(LONGEST_MARK).map_or(value.len(), |(end, _)| end);
    span.start..span.start + length
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.render(false);
        f.write_str(text.strip_prefix("error: ").unwrap_or(&text))
    }
}

/// Maximum length in bytes of a name that is compared with others.
const LONGEST_NAME: usize = 100;

/// Returns what a word of another library corresponds to here, or `did you mean X?` for the known name closest to
/// `found`. `None` if no name is close.
pub(crate) fn did_you_mean(found: &str, known: &[impl AsRef<str>]) -> Option<String> {
    if found.len() > LONGEST_NAME {
        return None; // comparing takes time with the product of both lengths
    }
    let is_misspelt = known.iter().any(|name| name.as_ref().eq_ignore_ascii_case(found));
    if let Some(meaning) = elsewhere::meaning(found).filter(|_| !is_misspelt) {
        return Some(meaning);
    }
    let closeness = |name: &str| strsim::normalized_damerau_levenshtein(&found.to_lowercase(), &name.to_lowercase());
    let scored = known.iter().map(|name| (closeness(name.as_ref()), name.as_ref()));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= 0.5).then(|| format!("did you mean {}?", best.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_close_names_are_suggested() {
        let known = ["Lif", "PoolIf", "Readout"];
        assert_eq!(did_you_mean("Lief", &known).as_deref(), Some("did you mean Lif?"));
        assert_eq!(did_you_mean("readot", &known).as_deref(), Some("did you mean Readout?"));
        assert_eq!(did_you_mean("Telephone", &known), None);
        assert!(did_you_mean("LIFNode", &known).unwrap().contains("is Lif(leak: 0.5, "));
        assert_eq!(did_you_mean("RATE", &["rate"]).as_deref(), Some("did you mean rate?"));
    }
}
