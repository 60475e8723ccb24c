//! Named parts of an experiment, such as `Lif(leak: 0.9)`.

use std::fmt;

use ron::{ser::PrettyConfig, value::RawValue};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error as _},
    ser::Error as _,
};

use super::node::{Node, NodeContent, bare};
use super::plain::plain;
use super::text::as_written;
use super::{Fault, PartError, from_ron, options};
use crate::text::excerpt;

/// A name and the RON text of its fields, as written in a file, before it is looked up in the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The name, such as `Lif`.
    pub name: String,
    /// The fields with their brackets, such as `(leak: 0.9)`; empty if there are none.
    pub fields: String,
}

impl Part {
    /// Creates the part called `name` with all fields at their defaults.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), fields: String::new() }
    }

    /// Parses `Name` or `Name(field: value, ...)`. Comments and surrounding spaces are dropped; `Some(Name)` is read as
    /// `Name`.
    ///
    /// # Errors
    /// [`PartError`] if there is no name, or if anything but fields follows it. The fields themselves are not parsed.
    pub fn parse(text: &str) -> Result<Self, PartError> {
        let other = |sentence: String| Err(Fault::Other(sentence).into());
        let Ok(text) = plain(text) else { return other("a comment is never closed with */".to_owned()) };
        let text = text.trim();
        let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let fields = rest.trim();
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return other(format!("expected a name, found {}", excerpt(text)));
        }
        if !fields.is_empty() && !fields.starts_with('(') {
            let (name, fields) = (excerpt(name), excerpt(fields));
            return other(format!("{name} may only be followed by (...), found {fields}"));
        }
        match fields.rfind(')') {
            None if !fields.is_empty() => {
                let name = excerpt(name);
                other(format!("the bracket after {name} is not closed, as in {name}(field: value)"))
            }
            Some(close) if close + 1 < fields.len() => {
                let found = excerpt(fields[close + 1..].trim_start()).into_owned();
                other(format!("nothing may follow {}(...), found {found}", excerpt(name)))
            }
            _ => Ok(Self { name: name.to_owned(), fields: fields.to_owned() }),
        }
    }

    /// Creates the part called `name` with the serialised `fields`.
    ///
    /// # Errors
    /// [`PartError`] if the fields cannot be written as RON.
    pub fn of(name: impl Into<String>, fields: &impl Serialize) -> Result<Self, PartError> {
        let mut part = Self::new(name);
        part.write(fields)?;
        Ok(part)
    }

    /// Replaces the value of `field` by the RON text `value`. Returns whether there is such a field.
    pub fn set(&mut self, field: &str, value: &str) -> bool {
        let Ok(Node { content: NodeContent::Fields(fields), .. }) = Node::read(&self.fields) else { return false };
        let Some(found) = fields.iter().find(|found| bare(found.key) == field) else { return false };
        let span = found.value.span();
        self.fields.replace_range(span, value);
        true
    }

    /// Deserialises the fields as a `C`, and writes fields that were left at their defaults into this part.
    ///
    /// # Errors
    /// [`PartError`] if the fields are not those of a `C`.
    pub fn resolve<C: Serialize + DeserializeOwned>(&mut self) -> Result<C, PartError> {
        let fields = self.read()?;
        self.write(&fields)?;
        Ok(fields)
    }

    pub(crate) fn read<C: DeserializeOwned>(&self) -> Result<C, PartError> {
        from_ron(if self.fields.is_empty() { "()" } else { &self.fields })
    }

    pub(crate) fn write(&mut self, fields: &impl Serialize) -> Result<(), PartError> {
        let text = |depth| options().to_string_pretty(fields, PrettyConfig::new().depth_limit(depth));
        let written = text(0).and_then(|line| if line.contains('[') { text(2) } else { Ok(line) });
        let written = written.map_err(|error| Fault::Other(error.to_string()))?;
        self.fields = if written == "()" { String::new() } else { written };
        Ok(())
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, self.fields)
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&as_written(deserializer)?).map_err(D::Error::custom)
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
    struct ExampleLayer {
        #[serde(default)]
        neuron: Option<Part>,
        loss: Part,
    }

    #[test]
    fn a_part_is_read_and_written_within_other_text() {
        let text = "(neuron: /* of all */ Lif ( leak: 0.9, gradient: Atan(alpha: 2.0) ), // yes\n loss: SquaredError)";
        let layer: ExampleLayer = options().from_str(text).unwrap();
        let neuron = layer.neuron.as_ref().unwrap();
        assert_eq!(
            (neuron.name.as_str(), neuron.fields.as_str()),
            ("Lif", "( leak: 0.9, gradient: Atan(alpha: 2.0) )")
        );
        assert_eq!(layer.loss, Part::new("SquaredError"));
        let written = options().to_string(&layer).unwrap();
        assert_eq!(options().from_str::<ExampleLayer>(&written).unwrap(), layer);
        assert_eq!(options().from_str::<ExampleLayer>("(loss: A)").unwrap().neuron, None);
    }

    #[test]
    fn comments_around_a_part_are_dropped() {
        let part = Part::parse(" // the paper's\n /* neuron */ Lif(leak: 1.0) // with a comment").unwrap();
        assert_eq!(part.to_string(), "Lif(leak: 1.0)");
        for text in
            ["Mnist // digits", "Mnist /* (digits) */", "/* a /* ) */ b */ Mnist // (digits)\n", "Some(Some(Mnist,))"]
        {
            assert_eq!(Part::parse(text).unwrap(), Part::new("Mnist"), "{text}");
        }
        let part = Part::parse("Sequence // all (of them)\n (kappa: 1.0) /* ) */").unwrap();
        assert_eq!((part.name.as_str(), part.fields.as_str()), ("Sequence", "(kappa: 1.0)"));
        assert!(Part::parse("Mnist /* digits").is_err());
    }

    #[test]
    fn a_field_can_be_set_where_there_is_one() {
        let mut part = Part::parse("Lif(leak: 0.9, gradient: Atan(alpha: 2.0))").unwrap();
        assert!(part.set("gradient", "Boxcar"));
        assert!(!part.set("alpha", "1.0"));
        assert_eq!(part.to_string(), "Lif(leak: 0.9, gradient: Boxcar)");
        assert!(!Part::new("Relu").set("leak", "1.0"));
    }

    #[test]
    fn what_has_no_name_is_not_a_part() {
        for text in ["", "(leak: 1.0)", "3.0", "[Lif]", "\"Lif\"", "Lif 3", "Lif(leak: 1.0) more"] {
            assert!(Part::parse(text).is_err(), "{text}");
        }
    }
}
