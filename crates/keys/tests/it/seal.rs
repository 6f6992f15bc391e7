//! Sealing: what opens, and what does not (`spec/trust.md` 5; 16, point 29).

use keys::{CannotOpen, InstallKey, Place, Sealed, Sealer};
use names::Random;

const HERE: Place<'_> = Place { table: "secrets", column: "value", row: "one" };
const VALUE: &[u8] = b"what must not be seen";

fn sealer(random: &Random) -> Sealer {
    Sealer::new(&InstallKey::generate(random))
}

#[test]
fn what_is_sealed_opens_where_it_was_sealed() {
    let random = Random::seeded(1);
    let with = sealer(&random);
    let sealed = with.seal(&random, HERE, VALUE);
    assert!(with.open(HERE, &sealed).unwrap().matches(VALUE));
    let stored = Sealed::from_bytes(&sealed.to_bytes()).unwrap();
    assert_eq!(stored, sealed);
    assert_ne!(with.seal(&random, HERE, VALUE), sealed, "each is sealed with its own key");
    let bytes = sealed.to_bytes();
    assert!(!bytes.windows(VALUE.len()).any(|window| window == VALUE));
    assert!(with.open(HERE, &with.seal(&random, HERE, b"")).unwrap().matches(b""));
}

#[test]
fn a_sealed_value_copied_elsewhere_does_not_open() {
    let random = Random::seeded(2);
    let with = sealer(&random);
    let sealed = with.seal(&random, HERE, VALUE);
    for elsewhere in [
        Place { row: "two", ..HERE },
        Place { column: "other", ..HERE },
        Place { table: "tokens", ..HERE },
        // The same letters, cut elsewhere.
        Place { table: "secretsv", column: "alue", row: "one" },
    ] {
        assert_eq!(with.open(elsewhere, &sealed).map(drop), Err(CannotOpen), "{elsewhere:?}");
    }
    let other = with.seal(&random, Place { row: "two", ..HERE }, VALUE);
    let mixed = Sealed { data_key: sealed.data_key.clone(), value: other.value };
    assert!(with.open(HERE, &mixed).is_err());
}

#[test]
fn another_install_key_or_a_changed_bit_does_not_open() {
    let random = Random::seeded(3);
    let (with, other) = (sealer(&random), sealer(&random));
    let bytes = with.seal(&random, HERE, VALUE).to_bytes();
    assert!(other.open(HERE, &Sealed::from_bytes(&bytes).unwrap()).is_err());
    for at in 0..bytes.len() {
        let mut bent = bytes.clone();
        bent[at] ^= 1;
        assert!(with.open(HERE, &Sealed::from_bytes(&bent).unwrap()).is_err(), "byte {at}");
    }
    for length in 0..bytes.len() {
        let cut = Sealed::from_bytes(&bytes[..length]).and_then(|it| with.open(HERE, &it));
        assert!(cut.is_err(), "{length} bytes");
    }
}

#[test]
fn the_name_of_the_install_key_is_all_that_shows() {
    let key =
        InstallKey::parse(b"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
            .unwrap();
    let sealer = Sealer::new(&key);
    assert_eq!(sealer.key_id(), "9ed1ae700f3617e1");
    assert_eq!(format!("{sealer:?}"), "Sealer(9ed1ae700f3617e1)");
}
