//! Parts that are one statement: the keeper runs them, and nobody else has the connection meanwhile.
//!
//! On SQLite a trip to the connection's thread costs several times as much as the row that it writes. So equal statements
//! that wait for their turn one behind the other make the trip together, as one text:
//!
//! ```text
//! INSERT INTO t VALUES ($1, $2); INSERT INTO t VALUES ($3, $4); …
//! ```
//!
//! Each remains what it is: it is answered with its own count, one that fails is undone alone, and those behind it are
//! run after it.

use std::{
    any::type_name,
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sqlx::{
    Connection, Database, Encode, Type,
    error::{BoxDynError, Error as SqlError},
};
use tokio::sync::oneshot;

use super::Answer;
use crate::Error;

/// Equal statements that make a trip together at most: with twice as many, the trip is a few per cent cheaper.
pub(super) const TOGETHER: usize = 32;

/// A statement with its parameters, in the words of the database behind `C`.
pub struct StatementOf<C: Connection> {
    pub(super) text: &'static str,
    binds: Box<dyn Binds<C::Database> + Sync>,
}

/// The parameters of a statement, to be added to those of the statements before it. The macros make tuples of them.
pub trait Binds<D: Database>: Send {
    /// Adds them, in order.
    fn add_to(&self, arguments: &mut D::Arguments) -> Result<(), BoxDynError>;
}

macro_rules! binds {
    ($($name:ident)*) => {
        impl<Db: Database, $($name),*> Binds<Db> for ($($name,)*)
        where
            $($name: for<'q> Encode<'q, Db> + Type<Db> + Send),*
        {
            fn add_to(&self, arguments: &mut Db::Arguments) -> Result<(), BoxDynError> {
                #[expect(non_snake_case, reason = "a value is called like its type")]
                let ($($name,)*) = self;
                $( sqlx::Arguments::add(arguments, $name)?; )*
                Ok(())
            }
        }
    };
}

impl<Db: Database> Binds<Db> for () {
    fn add_to(&self, _: &mut Db::Arguments) -> Result<(), BoxDynError> {
        Ok(())
    }
}

binds!(A);
binds!(A B);
binds!(A B C);
binds!(A B C D);
binds!(A B C D E);
binds!(A B C D E F);

impl<C: Connection> StatementOf<C> {
    /// What the macros of this crate say.
    pub fn new(text: &'static str, binds: impl Binds<C::Database> + Sync + 'static) -> Self {
        Self { text, binds: Box::new(binds) }
    }

    /// Whether it can make a trip with `other`.
    fn is_like(&self, other: &Self) -> bool {
        std::ptr::eq(self.text, other.text)
    }
}

impl<C: Connection> fmt::Debug for StatementOf<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(type_name::<Self>()).field("text", &self.text).finish_non_exhaustive()
    }
}

/// One statement, and whom to tell how it ended.
#[derive(Debug)]
pub(super) struct Alone<C: Connection> {
    pub(super) statement: StatementOf<C>,
    pub(super) answer: Answer,
    pledge: Pledge,
}

/// Whether a statement will be run is decided once: by the keeper that begins with it, or by the caller who has waited
/// long enough. So a caller who is told that its turn did not come can believe it.
#[derive(Debug, Clone, Default)]
pub(super) struct Pledge(Arc<AtomicBool>);

impl<C: Connection> Alone<C> {
    pub(super) fn new(
        statement: StatementOf<C>,
    ) -> (Self, oneshot::Receiver<Result<u64, Error>>, Pledge) {
        let (answer, durable) = oneshot::channel();
        let pledge = Pledge::default();
        (Self { statement, answer, pledge: pledge.clone() }, durable, pledge)
    }

    /// Whether whoever asked has stopped waiting.
    pub(super) fn is_left(&self) -> bool {
        self.answer.is_closed()
    }

    /// Whether it can make a trip with `other`.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.statement.is_like(&other.statement)
    }

    /// What is to be run, and whom to tell; nothing if nobody waits for it any more.
    pub(super) fn begin(self) -> Option<(StatementOf<C>, Answer)> {
        self.pledge.withdraw().then_some((self.statement, self.answer))
    }
}

impl Pledge {
    /// Whether nobody was before us.
    pub(super) fn withdraw(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// How equal statements ended that were run one after the other.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The rows that each changed.
    pub(super) rows: Vec<u64>,
    /// What the one behind them met; those behind it have not been run.
    pub(super) failed: Option<SqlError>,
}

/// Texts that say one statement several times, kept so that each is put together and prepared once.
#[derive(Debug, Default)]
pub(crate) struct Texts(HashMap<(usize, usize), Arc<str>>);

impl Texts {
    /// `text` so many times, each with parameters of its own, of which it has `parameters`.
    pub(super) fn repeated(
        &mut self,
        text: &'static str,
        times: usize,
        parameters: usize,
    ) -> Arc<str> {
        // Texts are static, so an address is a text, and cheaper to look up.
        let key = (text.as_ptr().addr(), times);
        let made = || {
            let each = (0..times).map(|nth| shifted(text, nth * parameters) + ";");
            each.collect::<String>().into()
        };
        Arc::clone(self.0.entry(key).or_insert_with(made))
    }
}

/// `text` with `by` added to the number of each parameter, outside of quotes.
fn shifted(text: &str, by: usize) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let (mut rest, mut is_quoted) = (text, false);
    while let Some(at) = rest.find(['$', '\'']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let (sign, after) = from.split_at(1);
        out.push_str(sign);
        is_quoted ^= sign == "'";
        let digits = after.len() - after.trim_start_matches(|it: char| it.is_ascii_digit()).len();
        let (number, behind) = after.split_at(digits);
        match number.parse::<usize>() {
            Ok(number) if sign == "$" && !is_quoted => out.push_str(&(number + by).to_string()),
            _ => out.push_str(number),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// Takes the arguments of several statements together; gives how many each has.
pub(super) fn arguments_of<C: Connection>(
    statements: &[StatementOf<C>],
) -> Result<(<C::Database as Database>::Arguments, usize), SqlError> {
    let mut arguments = <C::Database as Database>::Arguments::default();
    let times = statements.len();
    for statement in statements {
        statement.binds.add_to(&mut arguments).map_err(SqlError::Encode)?;
    }
    let each = sqlx::Arguments::len(&arguments) / times.max(1);
    Ok((arguments, each))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_moved_and_texts_in_quotes_are_not() {
        let text = "UPDATE t SET a = $1, b = '$1 it''s $2' WHERE c = $12 AND d -> '$.x' = $3";
        let moved = "UPDATE t SET a = $11, b = '$1 it''s $2' WHERE c = $22 AND d -> '$.x' = $13";
        assert_eq!(shifted(text, 10), moved);
        assert_eq!(shifted(text, 0), text);
        assert_eq!(shifted("SELECT '$", 1), "SELECT '$");
        assert_eq!(shifted("", 1), "");
    }

    #[test]
    fn a_text_is_repeated_with_parameters_of_its_own_and_put_together_once() {
        let mut texts = Texts::default();
        let text = "INSERT INTO t VALUES ($1, $2)";
        let twice = texts.repeated(text, 2, 2);
        assert_eq!(&*twice, "INSERT INTO t VALUES ($1, $2);INSERT INTO t VALUES ($3, $4);");
        assert!(Arc::ptr_eq(&twice, &texts.repeated(text, 2, 2)));
    }
}
