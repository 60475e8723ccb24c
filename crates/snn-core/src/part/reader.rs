//! Deserialises values from a syntax tree by serde.
//!
//! If a value does not have the type that is asked for, the error holds its path. Numbers and strings are parsed by
//! RON's own reader.

use std::iter::Enumerate;
use std::marker::PhantomData;
use std::slice::Iter;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;

use super::node::{Field, Node, NodeContent, bare};
use super::plain::plain;
use super::text::AS_WRITTEN;
use super::{Fault, IN_BRACKETS, PartError};

type Names = &'static [&'static str];

impl Node<'_> {
    /// Deserialises the value as a `T`. A name without the brackets that it needs, as in `reset: Hard`, is read with
    /// all fields at their defaults.
    ///
    /// # Errors
    /// [`PartError`] with the path, from this value, of the value at fault.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, PartError> {
        self.give(PhantomData)
    }

    fn give<'de, S: DeserializeSeed<'de>>(&self, seed: S) -> Result<S::Value, PartError> {
        seed.deserialize(self).map_err(|error| self.blamed(error))
    }

    /// Fills in what was found, in the error of a type that only states what it expects.
    fn blamed(&self, mut error: PartError) -> PartError {
        if let Fault::Range { found, .. } = &mut *error.fault
            && found.is_empty()
        {
            *found = self.found();
        }
        error
    }

    /// Passes the fields in the brackets to `visitor`, or no fields if there are no brackets. `known` names the fields
    /// that exist.
    fn fields<'de, V: Visitor<'de>>(&self, known: Names, visitor: V) -> Result<V::Value, PartError> {
        match &self.content {
            NodeContent::Scalar => visitor.visit_map(Fields { rest: [].iter(), value: None }),
            NodeContent::Fields(fields) => visitor.visit_map(Fields { rest: fields.iter(), value: None }),
            NodeContent::Items(_) => Err(Fault::Unnamed { known }.into()),
        }
    }
}

macro_rules! whole_numbers {
    ($($deserialize:ident $visit:ident $type:ty,)*) => { $(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PartError> {
            visitor.$visit(self.whole_number(<$type>::MIN.into(), <$type>::MAX.into())?)
        }
    )* };
}

impl<'de> Deserializer<'de> for &Node<'_> {
    type Error = PartError;

    whole_numbers! {
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PartError> {
        visitor.visit_f32(self.number()?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PartError> {
        visitor.visit_f64(self.number()?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PartError> {
        visitor.visit_bool(self.scalar().ok_or_else(|| self.must_be("true or false"))?)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PartError> {
        visitor.visit_char(self.scalar().ok_or_else(|| self.must_be("a character in ' '"))?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PartError> {
        visitor.visit_string(self.string()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PartError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PartError> {
        if self.text == "None" { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PartError> {
        if self.is_empty() && !self.is_scalar() { visitor.visit_unit() } else { Err(self.must_be("()")) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, PartError> {
        self.check_name(name)?;
        if self.is_empty() { visitor.visit_unit() } else { Err(self.must_be(name)) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, PartError> {
        if name == AS_WRITTEN {
            return visitor.visit_str(&plain(self.text).unwrap_or(self.text.into()));
        }
        self.check_name(name)?;
        let value = &self.values(1)?[0];
        visitor.visit_newtype_struct(value).map_err(|error| value.blamed(error).within("[0]"))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PartError> {
        match &self.content {
            NodeContent::Items(items) if self.is_list() => visitor.visit_seq(Items::of(items)),
            _ => Err(self.must_be("a list in [ ]")),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, PartError> {
        if !self.name.is_empty() {
            return Err(self.must_be(IN_BRACKETS));
        }
        visitor.visit_seq(Items::of(self.values(length)?))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, PartError> {
        self.check_name(name)?;
        visitor.visit_seq(Items::of(self.values(length)?))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PartError> {
        if self.is_scalar() { Err(self.must_be(IN_BRACKETS)) } else { self.fields(&[], visitor) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        known: Names,
        visitor: V,
    ) -> Result<V::Value, PartError> {
        self.check_name(name)?;
        self.fields(known, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        _known: Names,
        visitor: V,
    ) -> Result<V::Value, PartError> {
        self.choice()?;
        visitor.visit_enum(self).map_err(|mut error| {
            if let Fault::NoSuch { kind, .. } = &mut *error.fault
                && kind.is_empty()
            {
                *kind = last_word(name);
            }
            error
        })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PartError> {
        visitor.visit_unit()
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PartError> {
        match &self.content {
            NodeContent::Items(items) => visitor.visit_seq(Items::of(items)),
            NodeContent::Fields(fields) if fields.is_empty() => visitor.visit_unit(),
            NodeContent::Fields(_) => self.fields(&[], visitor),
            NodeContent::Scalar if self.name.is_empty() => self.deserialize_str(visitor),
            NodeContent::Scalar => match self.scalar() {
                Some(ron::Value::Bool(is_so)) => visitor.visit_bool(is_so),
                Some(ron::Value::Option(None)) => visitor.visit_none(),
                Some(number @ ron::Value::Number(_)) => match (as_type(&number), as_type(&number), as_type(&number)) {
                    (Some(number), ..) => visitor.visit_u64(number),
                    (_, Some(number), _) => visitor.visit_i64(number),
                    (.., number) => visitor.visit_f64(number.unwrap_or(f64::NAN)),
                },
                _ => visitor.visit_str(bare(self.name)),
            },
        }
    }

    forward_to_deserialize_any! { bytes byte_buf identifier }
}

/// The remaining named values.
struct Fields<'a> {
    rest: Iter<'a, Field<'a>>,
    value: Option<&'a Field<'a>>,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = PartError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, PartError> {
        self.value = self.rest.next();
        self.value.map(|field| seed.deserialize(StrDeserializer::new(bare(field.key)))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, PartError> {
        let field = self.value.take().ok_or_else(|| PartError::custom("a value was asked for before its name"))?;
        field.value.give(seed).map_err(|error| error.within(bare(field.key)))
    }
}

/// The remaining unnamed values.
struct Items<'a> {
    rest: Enumerate<Iter<'a, Node<'a>>>,
}

impl<'a> Items<'a> {
    fn of(items: &'a [Node<'a>]) -> Self {
        Self { rest: items.iter().enumerate() }
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = PartError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, PartError> {
        let read =
            |(index, item): (usize, &Node<'_>)| item.give(seed).map_err(|error| error.within(&format!("[{index}]")));
        self.rest.next().map(read).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

impl<'de> EnumAccess<'de> for &Node<'_> {
    type Error = PartError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), PartError> {
        let name: StrDeserializer<'_, PartError> = StrDeserializer::new(self.choice()?);
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for &Node<'_> {
    type Error = PartError;

    fn unit_variant(self) -> Result<(), PartError> {
        if self.is_scalar() { Ok(()) } else { Err(Fault::Brackets { name: bare(self.name).to_owned() }.into()) }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, PartError> {
        self.values(1)?[0].give(seed).map_err(|error| error.within("[0]"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, PartError> {
        visitor.visit_seq(Items::of(self.values(length)?))
    }

    fn struct_variant<V: Visitor<'de>>(self, known: Names, visitor: V) -> Result<V::Value, PartError> {
        self.fields(known, visitor)
    }
}

fn as_type<T: DeserializeOwned>(number: &ron::Value) -> Option<T> {
    number.clone().into_rust().ok()
}

/// Derives the name of a choice from its type, for messages: an `IntegratorGradient` is a gradient.
fn last_word(name: &str) -> String {
    name[name.rfind(char::is_uppercase).unwrap_or(0)..].to_lowercase()
}
