//! A refresh token makes the next `agent` token and the next refresh token, once.

use keys::TokenText;
use names::{Id, UnixMillis};
use uuid::Uuid;

use super::{ACCESS_LIFE, Agreed, FlowFault, Issued, Line, Promise, Words, owner_of, store};
use crate::{
    Allowed, Anything, Error, TokenKind, Trust, act,
    audit::{Chain, Entry, Noted, On},
    store as rows,
};

impl Trust {
    /// Renews the one `agent` token of a line; the old one ends. Whoever shows a used refresh token is not who it was
    /// given to, or that one was robbed: the whole line ends.
    pub async fn renew(
        &self,
        _: &Allowed<act::FlowStart, Anything>,
        client_id: &str,
        token: &str,
        resource: Option<&str>,
    ) -> Result<Issued, Error> {
        self.check_target(resource)?;
        let text = TokenText::parse(token).map_err(|_| FlowFault::Grant)?;
        let now = self.0.clock.now();
        let mut tx = self.0.db.write().await?;
        let application = self.application(&mut tx, client_id).await?.id.uuid();
        let hash = text.hash();
        let Some(row) = store::take_refresh(&mut tx, &hash, application, now).await? else {
            if let Some(line) = store::line_of_used(&mut tx, &hash).await? {
                self.end_line(&mut tx, line, "refresh_reused").await?;
                tx.commit().await?;
            }
            return Err(FlowFault::Grant.into());
        };
        let agent = rows::actor(&mut tx, Id::from_uuid(row.principal_id)).await?;
        let person = rows::actor(&mut tx, Id::from_uuid(row.minted_by)).await?;
        let is_there = |it: &rows::Who| it.principal.is_active;
        let agent = agent.filter(is_there).ok_or(FlowFault::Grant)?;
        person.filter(is_there).ok_or(FlowFault::Grant)?;
        let chain = self.chain_of(&mut tx, owner_of(&agent)).await?;
        store::note_application(&mut tx, application, now).await?;
        let issued = self.renewed(&mut tx, row, application, chain).await?;
        tx.commit().await?;
        Ok(issued)
    }

    async fn renewed(
        &self,
        tx: &mut db::Tx,
        row: store::RefreshRow,
        application: Uuid,
        chain: Chain,
    ) -> Result<Issued, Error> {
        let now = self.0.clock.now();
        let ends_at = UnixMillis(row.expires_at);
        let scope = serde_json::from_str(&row.scope);
        let promise = Promise {
            principal: row.principal_id,
            words: Words::default(),
            scope: scope.map_err(db::Error::corrupt("tokens.scope"))?,
            label: row.label,
            application: Some(application),
            ends_at_ms: row.expires_at,
        };
        let key = row.minted_with.map(Id::from_uuid);
        let agreed = Agreed { person: Id::from_uuid(row.minted_by), key };
        store::end_agent_tokens(tx, row.line_id, now).await?;
        let line = Line { id: Id::from_uuid(row.line_id), promise: &promise, agreed };
        let expires_at = now.plus(ACCESS_LIFE).min(ends_at);
        let (access, token) = self.add_token(tx, line, TokenKind::Agent, expires_at).await?;
        let (refresh, _) = self.add_token(tx, line, TokenKind::Refresh, ends_at).await?;
        let on = On { kind: "token", id: token.to_string() };
        let entry = Entry::done(Noted::TokenRotated, agreed.who(), on)
            .with("line", row.line_id.to_string())
            .with("application", application.to_string());
        self.note(tx, chain, entry).await?;
        let expires_in = expires_at.since(now);
        Ok(Issued { access, expires_in, refresh: Some(refresh), scope: None })
    }
}
