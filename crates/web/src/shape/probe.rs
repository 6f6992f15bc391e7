//! One look into a type: it reads something that has one path and nothing else, and says what it expects at its end. It is
//! never given anything there, so each look ends with an error.

use std::{cell::Cell, fmt};

use serde::{
    Deserializer,
    de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer as _, Visitor, value},
};

use super::{Found, Leaf, Step};

/// What `T` expects at the end of `path`, and whether it may be nothing.
pub(super) fn look<T: DeserializeOwned>(path: &[Step]) -> (Found, bool) {
    let (found, is_nullable) = (Cell::new(Found::Leaf(Leaf::Any)), Cell::new(false));
    // Always ends early: what counts is what was noted.
    let _ended = T::deserialize(Look { path, found: &found, is_nullable: &is_nullable });
    (found.get(), is_nullable.get())
}

/// The look is over.
#[derive(Debug)]
struct Over;

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the look is over")
    }
}

impl std::error::Error for Over {}

impl de::Error for Over {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

#[derive(Clone, Copy)]
struct Look<'a> {
    path: &'a [Step],
    found: &'a Cell<Found>,
    is_nullable: &'a Cell<bool>,
}

impl Look<'_> {
    /// The same, a step further.
    fn further(self) -> Option<(Step, Self)> {
        let (step, path) = self.path.split_first()?;
        Some((*step, Self { path, ..self }))
    }

    fn note<T>(self, found: Found) -> Result<T, Over> {
        if self.path.is_empty() {
            self.found.set(found);
        }
        Err(Over)
    }
}

/// Methods of a deserializer that end the look with a leaf.
macro_rules! leaves {
    ($( $method:ident => $leaf:ident; )+) => {
        $( fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Over> {
            self.note(Found::Leaf(Leaf::$leaf))
        } )+
    };
}

impl<'de> Deserializer<'de> for Look<'_> {
    type Error = Over;

    leaves! {
        deserialize_any => Any;
        deserialize_ignored_any => Any;
        deserialize_bytes => Any;
        deserialize_byte_buf => Any;
        deserialize_unit => Any;
        deserialize_identifier => Any;
        deserialize_bool => Bool;
        deserialize_i8 => Integer;
        deserialize_i16 => Integer;
        deserialize_i32 => Integer;
        deserialize_i64 => Integer;
        deserialize_u8 => Count;
        deserialize_u16 => Count;
        deserialize_u32 => Count;
        deserialize_u64 => Count;
        deserialize_f32 => Number;
        deserialize_f64 => Number;
        deserialize_char => Text;
        deserialize_str => Text;
        deserialize_string => Text;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Over> {
        if self.path.is_empty() {
            self.is_nullable.set(true);
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Over> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: V,
    ) -> Result<V::Value, Over> {
        self.note(Found::Leaf(Leaf::Any))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Over> {
        match self.further() {
            Some((Step::Item, next)) => visitor.visit_seq(Only { key: "", next: Some(next) }),
            Some(_) => Err(Over),
            None => self.note(Found::List),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Over> {
        self.note(Found::Leaf(Leaf::Any))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        _: V,
    ) -> Result<V::Value, Over> {
        self.note(Found::Leaf(Leaf::Any))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Over> {
        match self.further() {
            // Keys of maps may be words; the value is seen only if this is one.
            Some((Step::Value, next)) => visitor.visit_map(Only { key: "hub", next: Some(next) }),
            Some(_) => Err(Over),
            None => self.note(Found::Map),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Over> {
        match self.further() {
            Some((Step::Field(key), next)) => visitor.visit_map(Only { key, next: Some(next) }),
            Some(_) => Err(Over),
            None => self.note(Found::Fields(fields)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Over> {
        self.note(Found::Leaf(Leaf::Word(variants)))
    }
}

/// The one thing on the path.
struct Only<'a> {
    key: &'static str,
    next: Option<Look<'a>>,
}

impl<'de> de::MapAccess<'de> for Only<'_> {
    type Error = Over;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Over> {
        let key: value::StrDeserializer<'_, Over> = self.key.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Over> {
        seed.deserialize(self.next.take().ok_or(Over)?)
    }
}

impl<'de> de::SeqAccess<'de> for Only<'_> {
    type Error = Over;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Over> {
        seed.deserialize(self.next.take().ok_or(Over)?).map(Some)
    }
}
