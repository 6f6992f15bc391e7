//! What a local server gives to programs on its machine, believed only from the server whose operator's public half can
//! be read here (`spec/trust.md` 7).

use api::json::{LocalCredentials, LocalInit};
use bytes::Bytes;
use keys::{LocalProof, Nonce, PublicKey, Signature};
use names::Handle;
use reqwest::{Method, header};

use super::{
    Client, ClientError,
    repositories::JSON,
    transport::{BrowserSession, Call, MAX_JSON_BYTES, header_text},
};

impl Client {
    /// Is let in by a local server as its one person, if it proves that `operator` is its own. From then on requests are
    /// signed by the session that it gave.
    pub async fn let_in(&mut self, operator: &PublicKey) -> Result<Handle, ClientError> {
        let nonce = Nonce::generate(&self.random).to_string();
        let asked = LocalInit { client_nonce: nonce.clone() };
        let body = serde_json::to_vec(&asked)
            .map_err(|error| ClientError::Setup(format!("a request cannot be written: {error}")))?;
        let call = Call {
            method: Method::POST,
            target: "/api/v1/local-init".to_owned(),
            accept: JSON,
            content_type: JSON,
            body: Bytes::from(body),
            is_wire: false,
            max_answer_bytes: MAX_JSON_BYTES,
        };
        let response = self.respond(&call).await?;
        let cookie = header_text(&response, header::SET_COOKIE).to_owned();
        let answer = self.body(response, call.max_answer_bytes).await?;
        let given: LocalCredentials = serde_json::from_slice(&answer)
            .map_err(|_| self.unbelievable("it gives no credentials"))?;
        if !proves(operator, &nonce, &given.proof) {
            return Err(self.unbelievable(
                "it cannot prove that it is the server of this data directory; something else listens there",
            ));
        }
        let handle = given.handle.parse();
        let handle = handle.map_err(|_| self.unbelievable("it names nobody who could be"))?;
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        self.session = Some(BrowserSession { cookie, csrf: given.csrf });
        Ok(handle)
    }
}

fn proves(operator: &PublicKey, nonce: &str, proof: &str) -> bool {
    let message = LocalProof::new(nonce).ok();
    let signature: Option<Signature> = proof.parse().ok();
    message
        .zip(signature)
        .is_some_and(|(message, signature)| operator.verify(message.text().as_bytes(), &signature))
}

#[cfg(test)]
mod tests {
    use keys::PrivateKey;
    use names::Random;

    use super::*;

    #[test]
    fn only_the_operators_signature_over_our_nonce_proves_anything() {
        let random = Random::seeded(1);
        let (operator, stranger) = (PrivateKey::generate(&random), PrivateKey::generate(&random));
        let signed = |key: &PrivateKey, text: &str| key.sign(text.as_bytes()).to_string();
        let message = LocalProof::new("nonce").unwrap();
        assert!(proves(operator.public(), "nonce", &signed(&operator, message.text())));
        for wrong in [
            signed(&stranger, message.text()),
            signed(&operator, "motet-local-v1\nother"),
            signed(&operator, "nonce"),
            String::new(),
        ] {
            assert!(!proves(operator.public(), "nonce", &wrong), "{wrong}");
        }
    }
}
