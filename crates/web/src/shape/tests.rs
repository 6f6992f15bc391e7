//! What is seen is what the types say.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Field, Shape};

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Read,
    Write,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Even;

impl TryFrom<String> for Even {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.len() == 64 { Ok(Self) } else { Err("not 64 digits") }
    }
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only its fields are looked at")]
struct Inner {
    from: u32,
    name: String,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its fields are looked at")]
struct Asked {
    id: Even,
    level: Level,
    #[serde(rename = "ref")]
    revision: Option<String>,
    inner: Inner,
    more: Option<Vec<Inner>>,
    counts: BTreeMap<String, i64>,
    #[serde(default)]
    force: bool,
    anything: serde_json::Value,
}

fn field(name: &'static str, shape: Shape, is_required: bool, is_nullable: bool) -> Field {
    Field { name, shape, is_required, is_nullable }
}

#[test]
fn a_type_says_what_it_takes() {
    let inner = Shape::Fields(vec![
        field("from", Shape::Count, true, false),
        field("name", Shape::Text, true, false),
        field("tags", Shape::List(Box::new(Shape::Text)), false, false),
    ]);
    let asked = Shape::Fields(vec![
        field("id", Shape::Text, true, false),
        field("level", Shape::Word(&["read", "write"]), true, false),
        field("ref", Shape::Text, false, true),
        field("inner", inner.clone(), true, false),
        field("more", Shape::List(Box::new(inner)), false, true),
        field("counts", Shape::Map(Box::new(Shape::Integer)), true, false),
        field("force", Shape::Bool, false, false),
        field("anything", Shape::Any, true, false),
    ]);
    assert_eq!(Shape::of::<Asked>(), asked);
    assert_eq!(Shape::of::<Vec<u64>>(), Shape::List(Box::new(Shape::Count)));
    assert_eq!(Shape::of::<serde_json::Value>(), Shape::Any);
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only its fields are looked at")]
struct Endless {
    next: Option<Box<Endless>>,
}

#[test]
fn a_type_that_holds_itself_ends() {
    let (mut shape, mut depth) = (Shape::of::<Endless>(), 0);
    while let Shape::Fields(mut fields) = shape {
        shape = fields.remove(0).shape;
        depth += 1;
    }
    assert_eq!((shape, depth), (Shape::Any, 6));
}
