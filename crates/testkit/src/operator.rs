//! The operator of a server, by the key in its data directory.

use keys::PrivateKey;

use crate::{Person, Server};

impl Server {
    /// Whoever runs the install.
    pub fn operator(&self) -> Person {
        let text = std::fs::read_to_string(self.data_dir().join("operator.key")).unwrap();
        let (key, _comment) = PrivateKey::from_openssh(&text).unwrap();
        Person::with_key("operator", key)
    }
}
