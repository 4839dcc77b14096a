//! Connects the server to Halo, makes companies, technicians and a key, as an administrator would.

use anyhow::{Context as _, Result, bail};
use countersign_app::people::NewTechnician;
use countersign_domain::{audit::Actor, role::Role};
use serde_json::{Value, json};

use crate::call::{Caller, items, text};

use super::{
    document::Say,
    halo::{Access, Halo},
    memory::Memory,
};
use crate::serve::Running;

/// Companies the story plays in.
const COMPANIES: usize = 3;

/// A technician with a token that may decide.
#[derive(Clone)]
pub(super) struct Decider {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) token: String,
}

/// A company with what Halo holds of it.
#[derive(Clone)]
pub(crate) struct Company {
    pub(crate) name: String,
    pub(crate) sites: Vec<String>,
    pub(crate) assets: Vec<String>,
    /// Name and mail address.
    pub(crate) people: Vec<(String, String)>,
}

/// Everything the story needs.
pub(super) struct Desk {
    pub(super) server: Caller,
    pub(super) first: Decider,
    pub(super) second: Decider,
    pub(super) companies: Vec<Company>,
    pub(super) enrollment_key: String,
    pub(super) sign_in_url: String,
}

impl Desk {
    /// Calls with the first technician's token.
    pub(super) fn portal(&self) -> Caller {
        self.server.with(&self.first.token)
    }
}

pub(super) async fn set_up(running: &Running, halo: &Halo, memory: &mut Memory, say: &Say) -> Result<Desk> {
    let server = Caller::new(&running.url)?;
    let admin = server.with(&administrator(running, memory).await?);
    connect(&admin, halo.access()).await.context("The connection to HaloPSA could not be made")?;
    say.line("Connected; ticket type, statuses and outcome are chosen from what Halo offers.");
    let companies = companies(&admin).await?;
    let (first, second) = technicians(&admin, memory).await?;
    say.line(format!(
        "Linked: {}; technicians {} and {}.",
        companies.iter().map(|company| company.name.as_str()).collect::<Vec<_>>().join(", "),
        first.name,
        second.name
    ));
    let enrollment_key = if let Some(key) = memory.get("enrollment_key") {
        key
    } else {
        let wish = json!({ "name": "Demo", "any_company": true, "trusts_known_machines": true });
        let key = text(&admin.post("/api/v1/enrollment-keys", &wish).await?, "/enrollment_key")?;
        memory.keep("enrollment_key", &key)?;
        key
    };
    let link = running.app.make_sign_in_link(Actor::CommandLine, &first.id.parse()?).await?;
    let sign_in_url = format!("{}{link}", running.url);
    Ok(Desk { server, first, second, companies, enrollment_key, sign_in_url })
}

/// The first administrator and his token, made as at the command line.
async fn administrator(running: &Running, memory: &mut Memory) -> Result<String> {
    if let Some(token) = memory.get("admin_token") {
        return Ok(token);
    }
    let email = "admin@example.com";
    let new = NewTechnician {
        email: email.to_owned(),
        name: "Demo Administrator".to_owned(),
        role: Role::Administrator,
        companies: None,
    };
    let admin = match running.app.add_technician(Actor::CommandLine, new).await {
        Ok(row) => row,
        // Killed after it was made and before its token was kept.
        Err(error) if error.code() == "taken" => running.app.technician_by_email(email).await?,
        Err(error) => return Err(error.into()),
    };
    let (_, token) = running.app.make_token(Actor::CommandLine, &admin.technician.id, "Demo", true).await?;
    memory.keep("admin_token", &token)?;
    Ok(token)
}

/// Connects the server to Halo, with the ticket type that it suggests and without a limit on calls.
pub(crate) async fn connect(admin: &Caller, access: &Access) -> Result<()> {
    let connection = json!({
        "resource_url": format!("{}/api", access.url), "auth_url": format!("{}/auth", access.url),
        "tenant": if access.tenant.is_empty() { Value::Null } else { access.tenant.clone().into() },
        "client_id": access.client_id, "client_secret": access.client_secret,
        "settle_s": 10, "budget": { "off": true },
    });
    let settings = admin.patch("/api/v1/ticketing", &connection).await?;
    if settings.pointer("/ticket_type").is_some_and(Value::is_string) {
        return Ok(());
    }
    let choices = admin.get("/api/v1/ticketing/choices").await?;
    let Some(kind) = choices.pointer("/suggested/ticket_type").and_then(Value::as_str) else {
        bail!(
            "Halo offers our agent no ticket type that it may create. Allow one for the agent, under its ticket types."
        );
    };
    admin.patch("/api/v1/ticketing", &json!({ "ticket_type": kind })).await?;
    Ok(())
}

/// The first customers that have a site and an asset, imported as companies.
pub(crate) async fn companies(admin: &Caller) -> Result<Vec<Company>> {
    let customers = admin.get("/api/v1/psa-records?kind=company").await?;
    let mut companies = Vec::new();
    for customer in items(&customers) {
        if companies.len() == COMPANIES {
            break;
        }
        let imported =
            admin.post("/api/v1/companies/import", &json!({ "psa_ids": [text(customer, "/psa_id")?] })).await?;
        let id = text(&imported, "/items/0/id")?;
        let sites = admin.get(&format!("/api/v1/psa-records?kind=location&company={id}")).await?;
        let assets = admin.get(&format!("/api/v1/psa-records?kind=computer&company={id}")).await?;
        let people = admin.get(&format!("/api/v1/psa-records?kind=contact&company={id}")).await?;
        let names =
            |list: &Value| items(list).iter().filter_map(|item| text(item, "/psa_name").ok()).collect::<Vec<_>>();
        let people = items(&people).iter().filter_map(|item| {
            let email = item
                .pointer("/keys")?
                .as_array()?
                .iter()
                .find_map(|key| key.as_str().filter(|key| key.contains('@')))?;
            Some((text(item, "/psa_name").ok()?, email.to_owned()))
        });
        let company = Company {
            name: text(customer, "/psa_name")?,
            sites: names(&sites),
            assets: names(&assets),
            people: people.collect(),
        };
        if !company.sites.is_empty() && !company.assets.is_empty() {
            companies.push(company);
        }
    }
    if companies.is_empty() {
        bail!("Halo shows our agent no customer that has a site and an asset. The demo needs one.");
    }
    Ok(companies)
}

/// Two technicians with the mail addresses of two of Halo's agents, linked by them.
async fn technicians(admin: &Caller, memory: &mut Memory) -> Result<(Decider, Decider)> {
    let agents = admin.get("/api/v1/psa-records?kind=technician").await?;
    let mut deciders = Vec::new();
    for agent in items(&agents) {
        let email = agent
            .pointer("/keys")
            .and_then(Value::as_array)
            .and_then(|keys| keys.iter().filter_map(Value::as_str).find(|key| key.contains('@')));
        let Some(email) = email else { continue };
        let role = if deciders.is_empty() { "administrator" } else { "l2" };
        deciders.push(technician(admin, memory, &text(agent, "/psa_name")?, email, role).await?);
        if let [first, second] = deciders.as_slice() {
            return Ok((first.clone(), second.clone()));
        }
    }
    match deciders.as_slice() {
        [only, ..] => Ok((only.clone(), only.clone())),
        [] => bail!("Halo shows our agent no agent with a mail address. It needs a default team to see others."),
    }
}

async fn technician(admin: &Caller, memory: &mut Memory, name: &str, email: &str, role: &str) -> Result<Decider> {
    let new = json!({ "email": email, "name": name, "role": role });
    let answer = admin.try_post("/api/v1/technicians", &new).await?;
    let id = if answer.status == 409 {
        let all = admin.get("/api/v1/technicians?limit=200").await?;
        let same = |item: &&Value| item.pointer("/email").and_then(Value::as_str) == Some(email);
        text(items(&all).iter().find(same).context("a technician is taken and not there")?, "/id")?
    } else {
        text(&answer.ok()?, "/id")?
    };
    admin.post(&format!("/api/v1/technicians/{id}/link"), &json!({})).await?;
    let place = format!("token {id}");
    let token = if let Some(token) = memory.get(&place) {
        token
    } else {
        let wish = json!({ "name": "Demo", "technician_id": id, "decide": true });
        let token = text(&admin.post("/api/v1/tokens", &wish).await?, "/token")?;
        memory.keep(&place, &token)?;
        token
    };
    Ok(Decider { id, name: name.to_owned(), token })
}
