//! Paths to values, such as `network.layers[2].channels`.

use std::fmt;

/// One segment of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// A field, by its name: `.channels`.
    Field(String),
    /// An item of a list, by its index from 0: `[2]`.
    Index(usize),
}

/// The path of a value, from the outermost value inwards.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path(pub Vec<Segment>);

impl Path {
    /// Parses a path such as `a.b[2].c`. `None` if the text is empty or has another form.
    pub fn parse(text: &str) -> Option<Self> {
        let mut segments = Vec::new();
        for part in text.trim().split('.') {
            let (field, mut indices) = part.split_at(part.find('[').unwrap_or(part.len()));
            let is_name = |c: char| c.is_alphanumeric() || c == '_';
            if field.is_empty() || !field.chars().all(is_name) {
                return None;
            }
            segments.push(Segment::Field(field.to_owned()));
            while !indices.is_empty() {
                let (index, rest) = indices.strip_prefix('[')?.split_once(']')?;
                segments.push(Segment::Index(index.trim().parse().ok()?));
                indices = rest;
            }
        }
        Some(Self(segments))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Field(name) if place == 0 => f.write_str(name)?,
                Segment::Field(name) => write!(f, ".{name}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_as_they_print() {
        for path in ["steps", "network.layers[2].neuron", "training.optimizer.betas[0]"] {
            assert_eq!(Path::parse(path).unwrap().to_string(), path);
        }
        for wrong in ["", "a..b", "a[", "a[x]", "a[1]b", "a b", ".a", "a[-1]"] {
            assert_eq!(Path::parse(wrong), None, "{wrong}");
        }
    }
}
