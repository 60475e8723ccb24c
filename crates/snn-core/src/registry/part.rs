//! A named part of an experiment: `Lif(leak: 0.9)`.

use std::fmt;

use ron::{ser::PrettyConfig, value::RawValue};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error as _},
    ser::Error as _,
};

use super::{Fault, PartError, Unread, from_ron, options};

/// A name and the RON text of its fields: what a file says before the registry has been asked what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The name, such as `Lif`.
    pub name: String,
    /// The fields with their brackets, such as `(leak: 0.9)`; empty where there are none.
    pub fields: String,
}

impl Part {
    /// The part called `name`, all fields at their defaults.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), fields: String::new() }
    }

    /// Reads `Name` or `Name(field: value, ...)`. Comments and spaces around it are dropped.
    ///
    /// # Errors
    /// [`PartError`] if there is no name, or something else than fields follows it. The fields themselves are not read.
    pub fn parse(text: &str) -> Result<Self, PartError> {
        let text = skip(text);
        let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let fields = rest.trim();
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(Fault::Other(format!("expected a name, found {text}")).into());
        }
        let fields = match fields.rfind(')') {
            Some(close) if fields.starts_with('(') && skip(&fields[close + 1..]).is_empty() => &fields[..=close],
            None if skip(fields).is_empty() => "",
            None if fields.starts_with('(') => {
                return Err(Fault::Other(format!(
                    "the bracket after {name} is not closed, as in {name}(field: value)"
                ))
                .into());
            }
            _ => return Err(Fault::Other(format!("{name} may only be followed by (...), found {fields}")).into()),
        };
        Ok(Self { name: name.to_owned(), fields: fields.to_owned() })
    }

    /// Reads the fields as a `C`, and writes into this part those that were left at their defaults.
    ///
    /// # Errors
    /// [`PartError`] if the fields are not those of a `C`.
    pub fn resolve<C: Serialize + DeserializeOwned>(&mut self) -> Result<C, PartError> {
        let fields = self.read()?;
        self.write(&fields)?;
        Ok(fields)
    }

    pub(super) fn read<C: DeserializeOwned>(&self) -> Result<C, PartError> {
        let text = if self.fields.is_empty() { "()" } else { &self.fields };
        from_ron(text).map_err(|Unread { error, path, at }| {
            let fault = Fault::Text { error, at: self.name.len() + at, inner: path.clone() };
            PartError { path, fault: Box::new(fault) }
        })
    }

    pub(super) fn write(&mut self, fields: &impl Serialize) -> Result<(), PartError> {
        let text = |depth| options().to_string_pretty(fields, PrettyConfig::new().depth_limit(depth));
        let written = text(0).and_then(|line| if line.contains('[') { text(2) } else { Ok(line) });
        let written = written.map_err(|error| Fault::Other(error.to_string()))?;
        self.fields = if written == "()" { String::new() } else { written };
        Ok(())
    }
}

/// `text` from its first character that is neither space nor comment.
fn skip(text: &str) -> &str {
    let text = text.trim_start();
    let after = |mark: &str| text.find(mark).map_or("", |at| &text[at + mark.len()..]);
    if text.starts_with("//") {
        skip(after("\n"))
    } else if text.starts_with("/*") {
        skip(after("*/"))
    } else {
        text
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, self.fields)
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Self::parse(raw.get_ron()).map_err(D::Error::custom)
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.to_string();
        RawValue::from_ron(&text).map_err(S::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Layer {
        #[serde(default)]
        neuron: Option<Part>,
        loss: Part,
    }

    #[test]
    fn a_part_is_read_and_written_within_other_text() {
        let text = "(neuron: /* of all */ Lif ( leak: 0.9, gradient: Atan(alpha: 2.0) ), // yes\n loss: SquaredError)";
        let layer: Layer = options().from_str(text).unwrap();
        let neuron = layer.neuron.as_ref().unwrap();
        assert_eq!(
            (neuron.name.as_str(), neuron.fields.as_str()),
            ("Lif", "( leak: 0.9, gradient: Atan(alpha: 2.0) )")
        );
        assert_eq!(layer.loss, Part::new("SquaredError"));
        let written = options().to_string(&layer).unwrap();
        assert_eq!(options().from_str::<Layer>(&written).unwrap(), layer);
        assert_eq!(options().from_str::<Layer>("(loss: A)").unwrap().neuron, None);
    }

    #[test]
    fn comments_around_a_part_are_dropped() {
        let part = Part::parse(" // the paper's\n /* neuron */ Lif(leak: 1.0) // with a comment").unwrap();
        assert_eq!(part.to_string(), "Lif(leak: 1.0)");
        assert_eq!(Part::parse("Mnist // digits").unwrap(), Part::new("Mnist"));
    }

    #[test]
    fn what_has_no_name_is_not_a_part() {
        for text in ["", "(leak: 1.0)", "3.0", "[Lif]", "\"Lif\"", "Lif 3", "Lif(leak: 1.0) more"] {
            assert!(Part::parse(text).is_err(), "{text}");
        }
    }
}
