//! Parameters of a query or a form, each at most once (RFC 6749 section 3.1).

use std::collections::BTreeMap;

use trust::FlowFault;
use web::Problem;

/// Parameters by name. Those that nobody knows are passed over, as the RFC demands.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Refuses what stands twice: each side could take another one for the meant one.
    pub(super) fn of(pairs: Vec<(String, String)>) -> Result<Self, Problem> {
        let count = pairs.len();
        let fields: BTreeMap<_, _> = pairs.into_iter().collect();
        if fields.len() < count {
            return Err(wrong("a parameter stands twice"));
        }
        Ok(Self(fields))
    }

    /// The value; empty if it is missing.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The value, if there is one.
    pub(super) fn some(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value, which may not be missing.
    pub(super) fn need(&self, name: &str) -> Result<&str, Problem> {
        let found = self.some(name).filter(|it| !it.is_empty());
        found.ok_or_else(|| wrong(&format!("the parameter {name} is missing")))
    }

    /// What follows `prefix` in the names of all that begin so.
    pub(super) fn ends_of<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.keys().filter_map(move |it| it.strip_prefix(prefix))
    }
}

fn wrong(message: &str) -> Problem {
    trust::Error::from(FlowFault::Request(message.to_owned())).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_stands_once_and_unknown_ones_are_passed_over() {
        let pairs = |text: &str| {
            let pair = |it: &str| {
                let (name, value) = it.split_once('=').unwrap();
                (name.to_owned(), value.to_owned())
            };
            Fields::of(text.split('&').map(pair).collect())
        };
        let fields = pairs("a=1&word:hub:read=on&b=").unwrap();
        assert_eq!((fields.text("a"), fields.text("x"), fields.some("b")), ("1", "", Some("")));
        assert_eq!(fields.ends_of("word:").collect::<Vec<_>>(), ["hub:read"]);
        assert!(fields.need("a").is_ok() && fields.need("b").is_err() && fields.need("x").is_err());
        assert!(pairs("a=1&a=1").is_err());
    }
}
