//! Places in a JSON value (RFC 6901).

use std::{fmt, str::FromStr};

use serde_json::Value;

/// The text is no pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pointer is empty or begins with /; ~ stands only in ~0 and ~1")]
pub struct BadPointer;

/// A place in a value: the names and indexes on the way to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Pointer(Vec<String>);

impl Pointer {
    /// The whole value.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// One member of the whole value.
    pub fn member(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }

    /// The steps of the way, unescaped.
    pub fn tokens(&self) -> &[String] {
        &self.0
    }

    /// Whether it is the whole value.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// What stands there.
    pub fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(value, |at, token| match at {
            Value::Object(fields) => fields.get(token),
            Value::Array(items) => items.get(index(token)?),
            _ => None,
        })
    }
}

/// RFC 6901 §4: digits without a leading zero.
fn index(token: &str) -> Option<usize> {
    let is_plain = token == "0" || !token.starts_with(['0', '+']);
    token.parse().ok().filter(|_| is_plain)
}

impl FromStr for Pointer {
    type Err = BadPointer;

    fn from_str(text: &str) -> Result<Self, BadPointer> {
        let Some(rest) = text.strip_prefix('/') else {
            return if text.is_empty() { Ok(Self::root()) } else { Err(BadPointer) };
        };
        rest.split('/').map(unescape).collect::<Result<_, _>>().map(Self)
    }
}

fn unescape(token: &str) -> Result<String, BadPointer> {
    let mut parts = token.split('~');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (sign, rest) = match part.split_at_checked(1) {
            Some(("0", rest)) => ('~', rest),
            Some(("1", rest)) => ('/', rest),
            _ => return Err(BadPointer),
        };
        plain.push(sign);
        plain.push_str(rest);
    }
    Ok(plain)
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|token| write!(f, "/{}", escape(token)))
    }
}

fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

/// Where a reader stands in a document: the text of a pointer, which grows on the way down.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place(String);

impl Place {
    /// The whole document.
    pub const fn root() -> Self {
        Self(String::new())
    }

    /// The member or element `token` of this place.
    #[must_use]
    pub fn at(&self, token: impl fmt::Display) -> Self {
        Self(format!("{}/{}", self.0, escape(&token.to_string())))
    }

    /// The pointer as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The examples of RFC 6901 §5 that stand in strings.
    #[test]
    fn the_examples_of_the_rfc_lead_where_they_say() {
        let value = json!({"foo": ["bar", "baz"], "": 0, "a/b": 1, "m~n": 8, " ": 7});
        let at = |text: &str| text.parse::<Pointer>().unwrap().find(&value).cloned();
        assert_eq!(at(""), Some(value.clone()));
        assert_eq!(at("/foo/0"), Some(json!("bar")));
        assert_eq!(at("/"), Some(json!(0)));
        assert_eq!(at("/a~1b"), Some(json!(1)));
        assert_eq!(at("/m~0n"), Some(json!(8)));
        assert_eq!(at("/foo/00"), None);
        assert_eq!(at("/foo/+1"), None);
        assert_eq!(at("/foo/-"), None);
    }

    #[test]
    fn what_is_no_pointer_is_refused_and_text_goes_there_and_back() {
        for bad in ["a", "a/b", "/~", "/~2", "/a~"] {
            assert_eq!(bad.parse::<Pointer>(), Err(BadPointer), "{bad}");
        }
        for good in ["", "/", "/a~1b/m~0n/0", "//"] {
            assert_eq!(good.parse::<Pointer>().unwrap().to_string(), good);
        }
        assert_eq!(Place::root().at("a/b").at(3).as_str(), "/a~1b/3");
    }
}
