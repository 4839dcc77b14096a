//! Which Halo the demo plays against: its own stand-in, or one that was named.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use halo_sim::{Config, Sim};
use serde::{Deserialize, Serialize};
use url::Url;

use super::Args;

/// How to reach a Halo.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Access {
    /// Address without `/api`.
    pub(crate) url: String,
    /// Client id.
    pub(crate) client_id: String,
    /// Client secret.
    pub(crate) client_secret: String,
    /// Tenant.
    pub(crate) tenant: String,
}

impl Access {
    /// How to reach a stand-in.
    pub(crate) fn of(sim: &Sim) -> Self {
        Self {
            url: sim.url(),
            client_id: sim.client_id().to_owned(),
            client_secret: sim.client_secret().to_owned(),
            tenant: sim.tenant().to_owned(),
        }
    }

    /// Host and port, for the server's list of allowed hosts.
    pub(crate) fn host(&self) -> Result<String> {
        let url = Url::parse(&self.url)?;
        let host = url.host_str().ok_or_else(|| anyhow!("{url} names no host"))?;
        Ok(format!("{host}:{}", url.port_or_known_default().unwrap_or(443)))
    }
}

/// A Halo.
pub(crate) struct Halo {
    access: Access,
    own: Option<Sim>,
}

fn from_environment(name: &str) -> Result<String> {
    std::env::var(name).map_err(|_| anyhow!("{name} is not set: a Halo that is named with --halo needs it"))
}

impl Halo {
    pub(crate) async fn find(args: &Args, folder: &Path) -> Result<Self> {
        if let Some(url) = &args.halo {
            let access = Access {
                url: url.as_str().trim_end_matches('/').to_owned(),
                client_id: from_environment("COUNTERSIGN_HALO_CLIENT_ID")?,
                client_secret: from_environment("COUNTERSIGN_HALO_CLIENT_SECRET")?,
                tenant: std::env::var("COUNTERSIGN_HALO_TENANT").unwrap_or_default(),
            };
            return Ok(Self { access, own: None });
        }
        let config =
            Config { listen: args.halo_listen, snapshot: Some(folder.join("halo-sim.jsonl")), ..Config::default() };
        let sim = Sim::start(config).await.with_context(|| {
            format!(
                "The HaloPSA stand-in cannot start on {}; choose another address with --halo-listen",
                args.halo_listen
            )
        })?;
        Ok(Self { access: Access::of(&sim), own: Some(sim) })
    }

    pub(crate) const fn access(&self) -> &Access {
        &self.access
    }

    pub(crate) const fn kind(&self) -> &'static str {
        if self.own.is_some() { "stand-in" } else { "as named" }
    }

    pub(crate) async fn stop(self) {
        if let Some(sim) = self.own {
            sim.stop().await;
        }
    }
}
