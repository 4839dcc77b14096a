//! Plays an endpoint: enrols, asks, waits, checks the signed grant, redeems it, says how it ended.

use anyhow::{Result, bail};
use countersign_wire::{PublicKey, grant::SignedGrant, keys::SignedKeySet};
use serde_json::{Value, json};

use crate::call::{Caller, text};

use super::{memory::Memory, setup::Desk};

/// A computer with its credential.
#[derive(Clone)]
pub(super) struct Computer {
    pub(super) id: String,
    pub(super) name: String,
    caller: Caller,
    root: PublicKey,
}

/// What a computer asks for.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) id: String,
    pub(super) body: Value,
}

impl Computer {
    /// Enrols a computer, or takes up its credential again.
    pub(super) async fn enroll(
        desk: &Desk,
        memory: &mut Memory,
        company: &str,
        location: &str,
        name: &str,
    ) -> Result<Self> {
        let place = format!("computer {company}/{name}");
        let enrolled: Value = if let Some(kept) = memory.get(&place) {
            serde_json::from_str(&kept)?
        } else {
            let body = json!({
                "enrollment_key": desk.enrollment_key, "company": company, "location": location,
                "computer": { "name": name, "os": "Windows 11 Pro", "os_version": "24H2", "machine_id": place },
                "agent_version": env!("CARGO_PKG_VERSION"),
            });
            let answer = desk.server.post("/agent/v1/enroll", &body).await?;
            memory.keep(&place, &answer.to_string())?;
            answer
        };
        Ok(Self {
            id: text(&enrolled, "/computer_id")?,
            name: name.to_owned(),
            caller: desk.server.with(&text(&enrolled, "/credential")?),
            root: serde_json::from_value(enrolled.pointer("/root_key").cloned().unwrap_or_default())?,
        })
    }

    /// Asks; asking again for the same changes nothing.
    pub(super) async fn ask(&self, wish: &Wish) -> Result<()> {
        self.caller.put(&format!("/agent/v1/requests/{}", wish.id), &wish.body).await?.ok()?;
        Ok(())
    }

    /// Waits until the request is decided; an approval is checked, redeemed and ended.
    pub(super) async fn see_it_through(&self, wish: &Wish) -> Result<String> {
        let address = format!("/agent/v1/requests/{}", wish.id);
        loop {
            let answer = self.caller.get(&format!("{address}?wait=25")).await?;
            let state = text(&answer, "/state")?;
            if state == "pending" {
                continue;
            }
            if let Some(grant) = answer.pointer("/grant").filter(|grant| !grant.is_null()) {
                self.use_grant(wish, grant).await?;
            }
            return Ok(state);
        }
    }

    async fn use_grant(&self, wish: &Wish, grant: &Value) -> Result<()> {
        let keys: SignedKeySet = serde_json::from_value(self.caller.get("/agent/v1/keys").await?)?;
        let trusted = keys.open(&self.root)?;
        let signed: SignedGrant = serde_json::from_value(grant.clone())?;
        let at = countersign_wire::Time::parse(&text(&wish.body, "/requested_at")?)?;
        let grant = signed.open(&trusted, at)?;
        let asked = text(&wish.body, "/program/sha256")?;
        if grant.computer.as_str() != self.id
            || grant.request.as_str() != wish.id
            || grant.program_sha256.as_str() != asked
        {
            bail!("the grant for {} is for something else", wish.id);
        }
        let outcome = format!("/agent/v1/requests/{}/outcome", wish.id);
        let said = |what: &str| json!({ "outcome": what, "exit_code": 0, "at": text(&wish.body, "/requested_at").ok(), "use_id": wish.id });
        self.caller.put(&outcome, &said("started")).await?.ok()?;
        self.caller.put(&outcome, &said("finished")).await?.ok()?;
        Ok(())
    }
}
