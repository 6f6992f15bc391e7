//! Answers that show a secret, once.

use serde::Serialize;

use super::{
    BootstrapToken, FoundedPublisher, GitToken, Invitation, MadeSecret, MadeWebhook, MintedToken,
};

/// An answer that shows a secret. Whoever repeats its request with the same `Idempotency-Key` gets it without
/// (`spec/trust.md` 5, Form).
pub trait ShownOnce: Serialize {
    /// The same without what it shows.
    #[must_use]
    fn withheld(self) -> Self;
}

impl ShownOnce for MintedToken {
    fn withheld(self) -> Self {
        Self { value: None, secret_shown: true, ..self }
    }
}

impl ShownOnce for GitToken {
    fn withheld(self) -> Self {
        Self { token: None, secret_shown: true, ..self }
    }
}

impl ShownOnce for BootstrapToken {
    fn withheld(self) -> Self {
        Self { value: None, secret_shown: true, ..self }
    }
}

impl ShownOnce for Invitation {
    fn withheld(self) -> Self {
        Self { code: None, secret_shown: true, ..self }
    }
}

impl ShownOnce for MadeWebhook {
    fn withheld(self) -> Self {
        Self { secret: None, secret_shown: true, ..self }
    }
}

/// What was brought along was never shown.
impl ShownOnce for MadeSecret {
    fn withheld(self) -> Self {
        Self { secret_shown: self.value.is_some(), value: None, ..self }
    }
}

impl ShownOnce for FoundedPublisher {
    fn withheld(self) -> Self {
        let Self { publisher, admin_token, webhook_signing, subcommand_bearer } = self;
        Self {
            publisher,
            admin_token: admin_token.withheld(),
            webhook_signing: webhook_signing.withheld(),
            subcommand_bearer: subcommand_bearer.withheld(),
        }
    }
}
