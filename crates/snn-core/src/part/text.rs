//! RON options and helpers shared by all readers and writers.

use std::fmt;

use ron::{Options, extensions::Extensions};
use serde::Deserialize as _;
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};

use super::{Fault, Node, PartError};

/// The RON options used everywhere: `clip: 5.0` rather than `clip: Some(5.0)`.
pub fn options() -> Options {
    Options::default().with_default_extension(Extensions::IMPLICIT_SOME)
}

/// Deserialises `text` by [`Node::read`] and [`Node::parse`].
///
/// # Errors
/// [`PartError`] if the text is not of the form of a `T`.
pub fn from_ron<T: DeserializeOwned>(text: &str) -> Result<T, PartError> {
    Node::read(text).map_err(|unreadable| Fault::Other(unreadable.reason))?.parse()
}

/// The newtype name by which serde asks for the RON text of a value; also recognised by RON's own reader.
pub(super) const AS_WRITTEN: &str = "$ron::private::RawValue";

/// Returns the RON text of a value unparsed.
pub(crate) fn as_written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Written;

    impl<'de> Visitor<'de> for Written {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a value in RON")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
            String::deserialize(deserializer)
        }
    }

    deserializer.deserialize_newtype_struct(AS_WRITTEN, Written)
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::neuron::{Lif, Reset};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Many {
        first: Reset,
        second: Option<Reset>,
        pair: (f32, f64),
        list: Vec<u8>,
        one: One,
        nothing: Nothing,
        text: String,
        letter: char,
        any: Any,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct One(i16);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Nothing;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Any {
        Number(usize),
        Text(String),
        Numbers(Vec<f64>),
        Named { a: bool, b: Option<i8> },
    }

    const MANY: &str = r##"#![enable(implicit_some)]
        Many(first: Hard /* ( */, second: Some(r#None), pair: (1, -1e-3,), list: [0x1f, 0b1, 1_0, 7u8], one: One(-3),
        nothing: Nothing, text: r#"a"\n"#, letter: 'x', any: 5)"##;

    #[test]
    fn values_are_read_as_ron_has_them() {
        let many: Many = from_ron(MANY).unwrap();
        let expected = Many {
            first: Reset::default(),
            second: Some(Reset::None),
            pair: (1.0, -1e-3),
            list: vec![31, 1, 10, 7],
            one: One(-3),
            nothing: Nothing,
            text: "a\"\\n".to_owned(),
            letter: 'x',
            any: Any::Number(5),
        };
        assert_eq!(many, expected);
        assert_eq!(from_ron::<Many>(&options().to_string(&many).unwrap()).unwrap(), many);
        for (any, expected) in [
            ("\"a\\tb\"", Any::Text("a\tb".to_owned())),
            ("name", Any::Text("name".to_owned())),
            ("[1, 2.5]", Any::Numbers(vec![1.0, 2.5])),
            ("(a: true, b: None)", Any::Named { a: true, b: None }),
            ("(b: -1, a: false)", Any::Named { a: false, b: Some(-1) }),
        ] {
            assert_eq!(from_ron::<Many>(&MANY.replace("any: 5", &format!("any: {any}"))).unwrap().any, expected);
        }
        for (text, number) in
            [("inf", f32::INFINITY), ("-inf", f32::NEG_INFINITY), ("1.", 1.0), (".5", 0.5), ("1e3", 1e3)]
        {
            assert_eq!(from_ron::<f32>(text).unwrap(), number, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_path() {
        for (from, to, message) in [
            ("Hard", "Hard(to: high)", "first.to: must be a number, found high"),
            ("Some(r#None)", "Some(Hard(too: 1))", "second: unknown field \"too\"; known fields: to"),
            ("(1, -1e-3,)", "(1, one)", "pair[1]: must be a number, found one"),
            ("(1, -1e-3,)", "(1, 2, 3)", "pair: must be 2 values in ( ), found (1, 2, 3)"),
            ("(1, -1e-3,)", "[1, 2]", "pair: must be values in ( ), found [1, 2]"),
            ("0b1", "256", "list[1]: must be a whole number of at most 255, found 256"),
            ("0b1", "1.5", "list[1]: must be a whole number, found 1.5"),
            ("0b1", "-1", "list[1]: must be a whole number that is not negative, found -1"),
            ("One(-3)", "One(-32769)", "one[0]: must be a whole number of at least -32768, found -32769"),
            ("One(-3)", "Two(-3)", "one: must be called One or nothing, found Two"),
            ("One(-3)", "-3", "one: must be values in ( ), found -3"),
            ("r#\"a\"\\n\"#", "\"\\q\"", "text: unknown escape character"),
            ("'x'", "x", "letter: must be a character in ' ', found x"),
            ("any: 5", "any: 5, any: 5", "field \"any\" is given twice"),
            (", any: 5", "", "missing field \"any\""),
        ] {
            assert!(MANY.contains(from), "{from}");
            assert_eq!(from_ron::<Many>(&MANY.replace(from, to)).unwrap_err().to_string(), message);
        }
        assert_eq!(from_ron::<Many>("3").unwrap_err().to_string(), "must be values in ( ), found 3");
        assert_eq!(from_ron::<Many>("Many(1)").unwrap_err().to_string(), "values must be named, as in (name: value)");
        assert_eq!(from_ron::<Many>(&"(".repeat(1000)).unwrap_err().to_string(), "values are nested too deeply");
    }

    #[test]
    fn a_name_needs_no_brackets() {
        for text in [
            "(reset: Hard)",
            "(reset: Hard /* ) */)",
            "(reset: Hard // (as in the paper)\n)",
            "(reset: Hard//\n,)",
            "Lif",
        ] {
            assert_eq!(from_ron::<Lif>(text).unwrap(), Lif::default(), "{text}");
        }
    }
}
