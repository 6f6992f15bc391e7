//! What must not be seen.

use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A value that is never printed, serialized or compared in variable time, and is wiped when dropped.
///
/// It has no `Debug`, `Display`, `Serialize` or `PartialEq`, so a struct that derives one of them does not
/// compile with a secret inside (`spec/trust.md` 12).
///
/// ```compile_fail
/// println!("{:?}", names::Secret::new([0u8; 32]));
/// ```
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Hides `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Shows the value. Each call is a place for a reviewer to look at.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize + AsRef<[u8]>> Secret<T> {
    /// Whether `claimed` are the same bytes, in time that depends on their length alone.
    pub fn matches(&self, claimed: &[u8]) -> bool {
        self.0.as_ref().ct_eq(claimed).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_compare_by_their_bytes() {
        let secret = Secret::new(*b"0123456789abcdef");
        assert!(secret.matches(b"0123456789abcdef"));
        assert!(!secret.matches(b"0123456789abcdeF"));
        assert!(!secret.matches(b"0123"));
    }
}
