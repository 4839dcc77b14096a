//! Sets the measured server up through its public APIs: Halo, companies, computers, a technician who decides.

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::{asking::Computer, books::Books, processes::Server};
use crate::{
    call::{Caller, items, text},
    demo::{halo::Access, setup},
};

/// Who asks and who decides.
pub(super) struct Desk {
    /// Calls with the token of a linked technician who may decide.
    pub(super) portal: Caller,
    pub(super) computers: Vec<Computer>,
}

pub(super) async fn set_up(server: &Server, halo: &Access, computers: usize) -> Result<(Desk, Books)> {
    let nobody = Caller::new(&server.url)?;
    let admin = nobody.with(&server.admin_token);
    setup::connect(&admin, halo).await.context("The server cannot be connected to the stand-in")?;
    // What is measured is more than a few computers may ask for.
    admin.patch("/api/v1/caps", &json!({ "per_computer": null, "per_company": null })).await?;
    let companies = setup::companies(&admin).await?;
    let portal = nobody.with(&technician(&admin).await?);
    let wish = json!({ "name": "Load", "any_company": true, "trusts_known_machines": true });
    let key = text(&admin.post("/api/v1/enrollment-keys", &wish).await?, "/enrollment_key")?;
    let mut enrolled = Vec::with_capacity(computers);
    for (n, company) in (0..computers).zip(companies.iter().cycle()) {
        let (Some(site), Some(asset)) = (company.sites.first(), company.assets.get(n / companies.len())) else {
            bail!("{} has too few assets for {computers} computers", company.name);
        };
        let person = company.people.get(n % company.people.len().max(1));
        let (name, email) = person.map_or(("Sam Okoro", None), |(name, email)| (name.as_str(), Some(email.as_str())));
        let body = json!({
            "enrollment_key": key, "company": company.name, "location": site,
            "computer": { "name": asset, "os": "Windows 11 Pro", "os_version": "24H2", "machine_id": format!("load-{n}") },
            "agent_version": env!("CARGO_PKG_VERSION"),
        });
        let answer = nobody.post("/agent/v1/enroll", &body).await?;
        enrolled.push(Computer {
            caller: nobody.with(&text(&answer, "/credential")?),
            end_user: json!({ "account": format!("SAMPLE\\user{n}"), "display_name": name, "email": email }),
        });
    }
    Ok((Desk { portal, computers: enrolled }, Books::new(Caller::new(&halo.url)?)))
}

/// The token of a technician who is linked to the first of Halo's agents with a mail address.
async fn technician(admin: &Caller) -> Result<String> {
    let agents = admin.get("/api/v1/psa-records?kind=technician").await?;
    let found = items(&agents).iter().find_map(|agent| {
        let keys = agent.pointer("/keys")?.as_array()?;
        let email = keys.iter().filter_map(Value::as_str).find(|key| key.contains('@'))?;
        Some((agent, email))
    });
    let (agent, email) = found.context("the stand-in shows no agent with a mail address")?;
    let new = json!({ "email": email, "name": text(agent, "/psa_name")?, "role": "l2" });
    let id = text(&admin.post("/api/v1/technicians", &new).await?, "/id")?;
    admin.post(&format!("/api/v1/technicians/{id}/link"), &json!({})).await?;
    let wish = json!({ "name": "Load", "technician_id": id, "decide": true });
    text(&admin.post("/api/v1/tokens", &wish).await?, "/token")
}
