//! What a Halo tells about itself.

use serde::Deserialize;

use crate::error::Error;
use crate::send::Query;
use crate::{Client, loose};

/// What Halo tells anybody who asks, without a token.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct AuthInfo {
    /// The authorisation server.
    #[serde(deserialize_with = "loose::text")]
    pub auth_url: Option<String>,
    /// The tenant.
    #[serde(deserialize_with = "loose::text")]
    pub tenant_id: Option<String>,
}

/// What Halo tells those who signed in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct InstanceInfo {
    /// Its version.
    #[serde(deserialize_with = "loose::text")]
    pub app_version: Option<String>,
    /// Where agents open it in a browser; may differ from the API's host.
    #[serde(deserialize_with = "loose::text")]
    pub agent_url: Option<String>,
}

impl Client {
    /// Asks who issues tokens. Needs no sign-in, so it tells a wrong address from a wrong secret.
    ///
    /// # Errors
    /// If the call fails or answers something else than JSON.
    pub async fn auth_info(&self) -> Result<AuthInfo, Error> {
        self.get_unsigned("/authinfo").await?.first()
    }

    /// Version and addresses.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn instance_info(&self) -> Result<InstanceInfo, Error> {
        self.get("/InstanceInfo".into(), Query::new()).await?.first()
    }
}
