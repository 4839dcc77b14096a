//! HaloPSA behind the neutral trait.
//!
//! Here each call of the trait becomes calls of `halopsa`; [`map`] translates, [`find`] looks for records and for
//! tickets of ours, [`check`] tries the connection out. Called through [`Psa`](crate::Psa) alone; the server makes a
//! [`HaloConnect`] once. The decision a reader would undo: what an answer shows is compared with what was asked, since
//! Halo ignores silently what it does not know.

mod check;
mod choices;
mod find;
mod map;
mod sentence;
mod walk;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use countersign_domain::{
    link::{Kind, Theirs},
    time::Time,
};
use countersign_egress::Egress;
use halopsa::{ActionFilter, Client, Config, ErrorKind, SignIn, Tenant, Urgency};
use url::Url;

use crate::{
    ActionNow, Budget, Cause, Check, CheckPlan, CheckTitle, Choices, Class, Connect, Connection, Discovered, Fault,
    NewAction, NewTicket, Opened, Priority, Psa, Records, Refused, StatusChoice, Sweep, SweepRange, Tell, TicketChange,
    TicketNow, Written,
};
use map::fault;

/// The configuration key whose hosts the given [`Egress`] must allow; refusals name it.
pub const ALLOW_HOSTS: &str = map::ALLOW_HOSTS;

/// Makes connections to HaloPSA through one way out.
#[derive(Debug, Clone)]
pub struct HaloConnect {
    egress: Egress,
    deadline: Option<Duration>,
}

impl HaloConnect {
    /// Connections that go out through `egress`.
    #[must_use]
    pub fn new(egress: Egress) -> Self {
        Self { egress, deadline: None }
    }

    /// The same, with another longest time for one call than 30 seconds.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    fn client(&self, mut config: Config, budget: Arc<dyn Budget>) -> Result<Client, Fault> {
        let http = self.egress.client_for(&[&config.resource, &config.auth]).map_err(|refusal| Fault {
            class: Class::Refused,
            cause: Cause::AddressNotAllowed,
            status: None,
            words: refusal.to_string(),
            fix: String::new(),
        })?;
        config.deadline = self.deadline.unwrap_or(config.deadline);
        Ok(Client::new(http.into(), config, Arc::new(BudgetPermit(budget))))
    }
}

#[async_trait]
impl Connect for HaloConnect {
    fn connect(&self, connection: &Connection, budget: Arc<dyn Budget>) -> Result<Arc<dyn Psa>, Fault> {
        let (resource, auth) = (address(&connection.resource_url)?, address(&connection.auth_url)?);
        let secret = connection.client_secret.as_str();
        let mut config = Config::new(resource.clone(), auth, connection.client_id.as_str(), secret);
        config.tenant = connection.tenant.clone().filter(|tenant| !tenant.trim().is_empty()).map(Tenant::Query);
        let client = self.client(config, budget)?;
        Ok(Arc::new(Halo { client, resource, ticket_url: connection.ticket_url.clone(), agent_url: OnceLock::new() }))
    }

    async fn discover(&self, typed: &str) -> Result<Discovered, Fault> {
        let typed = typed.trim().trim_end_matches('/');
        let with_scheme = if typed.contains("://") { typed.to_owned() } else { format!("https://{typed}") };
        let mut base = address(&with_scheme)?;
        base.set_query(None);
        base.set_fragment(None);
        // People paste whichever address they see; all of Halo's stand below the same root.
        let path = base.path().trim_end_matches('/');
        let root = ["/auth/token", "/auth", "/api"].into_iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path);
        let below = |end: &str| {
            let mut url = base.clone();
            url.set_path(&format!("{root}/{end}"));
            url
        };
        let (resource, auth) = (below("api"), below("auth"));
        let client = self.client(Config::new(resource.clone(), auth.clone(), "", ""), Arc::new(NoBudget))?;
        let info = client.auth_info().await.map_err(|error| fault(&error))?;
        let auth_url = info.auth_url.map_or(auth, |url| url.parse().unwrap_or(below("auth")));
        Ok(Discovered {
            resource_url: resource.to_string(),
            auth_url: auth_url.as_str().trim_end_matches('/').to_owned(),
            tenant: info.tenant_id,
        })
    }
}

/// Whether a browser opens it as a page, and not as a script or a file.
fn is_web_address(text: &str) -> bool {
    text.parse::<Url>().is_ok_and(|url| url.has_host() && matches!(url.scheme(), "https" | "http"))
}

fn address(text: &str) -> Result<Url, Fault> {
    let url = text.trim().parse::<Url>().ok().filter(Url::has_host);
    url.ok_or_else(|| map::invalid(&format!("{text:?} is not an address such as https://example.halopsa.com/api")))
}

/// The shared allowance as `halopsa` asks for it.
struct BudgetPermit(Arc<dyn Budget>);

#[async_trait]
impl halopsa::Permit for BudgetPermit {
    async fn acquire(&self, urgency: Urgency) {
        let priority = match urgency {
            Urgency::First => Priority::Decision,
            Urgency::Normal => Priority::Create,
            Urgency::Background => Priority::Sync,
        };
        self.0.acquire(priority).await;
    }

    async fn limited(&self, retry_after: Option<Duration>) {
        self.0.limited(retry_after).await;
    }
}

/// For the one call before there is a connection.
struct NoBudget;

#[async_trait]
impl Budget for NoBudget {
    async fn acquire(&self, _priority: Priority) {}

    async fn limited(&self, _retry_after: Option<Duration>) {}
}

/// One connection to one HaloPSA.
struct Halo {
    client: Client,
    resource: Url,
    ticket_url: Option<String>,
    /// Where agents open Halo, once it was asked.
    agent_url: OnceLock<String>,
}

impl Halo {
    /// For everything that can wait.
    fn sync(&self) -> Client {
        self.client.at(Urgency::Background)
    }

    /// Asks where people open Halo, unless that is known. Not worth a failure: the resource address does mostly.
    async fn learn_agent_url(&self) {
        if self.ticket_url.is_none() && self.agent_url.get().is_none() {
            match self.sync().instance_info().await {
                Ok(info) => {
                    let found = info.agent_url.filter(|url| is_web_address(url));
                    // Another call may have been quicker; both learnt the same.
                    let _ = self.agent_url.set(found.unwrap_or_default());
                }
                Err(error) => tracing::debug!(%error, "the instance's own address is not known"),
            }
        }
    }
}

#[async_trait]
impl Psa for Halo {
    async fn open_ticket(&self, ticket: &NewTicket) -> Result<Opened, Fault> {
        let mut body = map::new_ticket(ticket)?;
        if let (Some(user), None) = (body.user_id, body.site_id) {
            // Halo wants a user's site with the user. One that vanished is left out: the ticket matters more.
            match self.client.user(user).await {
                Ok(user) => body.site_id = user.site_id,
                Err(error) if error.kind == ErrorKind::NotFound => body.user_id = None,
                Err(error) => return Err(fault(&error)),
            }
        }
        let opened = self.client.open_ticket(&body).await.map_err(|error| fault(&error))?;
        let now = map::ticket_now(opened);
        match &now.reference {
            Some(other) if *other != ticket.reference => Err(map::not_understood(&format!(
                "HaloPSA answered with ticket {}, which is not the one asked for",
                now.id
            ))),
            _ => Ok(Opened { id: now.id.clone(), now }),
        }
    }

    async fn write_action(&self, action: &NewAction) -> Result<Written, Fault> {
        let body = map::new_action(action)?;
        let written = self.client.at(Urgency::First).add_action(&body).await.map_err(|error| fault(&error))?;
        // An answer may leave the note out; one with another note is another action.
        let note = written.note_html.as_deref().or(written.note.as_deref());
        if note.is_some_and(|note| !note.contains(&action.reference)) {
            let words = format!("HaloPSA answered with action {}, which is not the one asked for", written.id);
            return Err(map::not_understood(&words));
        }
        Ok(map::written(written))
    }

    async fn change_ticket(&self, change: &TicketChange) -> Result<(), Fault> {
        self.client.change_ticket(&map::ticket_change(change)?).await.map_err(|error| fault(&error))?;
        Ok(())
    }

    async fn tickets(&self, ids: &[String]) -> Result<Vec<TicketNow>, Fault> {
        let ids = ids.iter().map(|id| map::id(id)).collect::<Result<Vec<i64>, Fault>>()?;
        let found = self.sync().tickets_by_id(&ids).await.map_err(|error| fault(&error))?;
        Ok(found.into_iter().map(map::ticket_now).collect())
    }

    async fn statuses(&self) -> Result<Vec<StatusChoice>, Fault> {
        choices::statuses(&self.sync(), None).await
    }

    async fn changed_tickets(&self, since: Time, limit: usize) -> Result<Vec<TicketNow>, Fault> {
        find::changed(&self.sync(), since, limit).await
    }

    async fn ticket(&self, id: &str) -> Result<Option<TicketNow>, Fault> {
        let found = find::or_none(self.sync().ticket(map::id(id)?).await)?;
        Ok(found.map(map::ticket_now))
    }

    async fn actions(&self, ticket: &str) -> Result<Vec<ActionNow>, Fault> {
        // Asked for where a decision's action is in doubt: it waits for the answer.
        let actions = self.client.at(Urgency::First).actions(map::id(ticket)?, ActionFilter::WithHtml).await;
        let mut actions = actions.map_err(|error| fault(&error))?;
        actions.sort_by_key(|action| action.id);
        Ok(actions.into_iter().map(map::action_now).collect())
    }

    async fn sweep(&self, range: &SweepRange) -> Result<Sweep, Fault> {
        self.learn_agent_url().await;
        // New tickets wait for it.
        find::sweep(&self.client, range).await
    }

    async fn ticket_details(&self, id: &str) -> Result<Option<String>, Fault> {
        let found = find::or_none(self.sync().ticket(map::id(id)?).await)?;
        Ok(found.map(|ticket| ticket.details_html.or(ticket.details).unwrap_or_default()))
    }

    async fn look_up(&self, kind: Kind, customer: Option<&str>, name: &str) -> Result<Vec<Theirs>, Fault> {
        find::look_up(&self.sync(), kind, customer, name).await
    }

    async fn record(&self, kind: Kind, id: &str) -> Result<Option<Theirs>, Fault> {
        find::record(&self.sync(), kind, map::id(id)?).await
    }

    async fn records(&self, kind: Kind, customer: Option<&str>, limit: usize) -> Result<Vec<Theirs>, Fault> {
        find::records(&self.sync(), kind, customer, limit).await
    }

    async fn search(&self, kind: Kind, customer: Option<&str>, part: &str, limit: usize) -> Result<Vec<Theirs>, Fault> {
        find::search(&self.sync(), kind, customer, part, limit).await
    }

    async fn sign_in(&self) -> Result<(), Fault> {
        self.sync().sign_in(SignIn::Fresh).await.map(|_| ()).map_err(|error| fault(&error))
    }

    fn walk(&self, kind: Kind, since: Option<Time>) -> Box<dyn Records> {
        walk::walk(self.sync(), kind, since)
    }

    async fn choices(&self, ticket_type: Option<&str>) -> Result<Choices, Fault> {
        choices::choices(&self.client.at(Urgency::First), ticket_type).await
    }

    async fn knock(&self) -> Vec<Check> {
        let checks = check::knock(self).await;
        self.learn_agent_url().await;
        checks
    }

    fn check_lines(&self, plan: &CheckPlan) -> Vec<CheckTitle> {
        check::titles(plan)
    }

    async fn check(&self, plan: &CheckPlan, tell: Tell<'_>) {
        check::check(self, plan, tell).await;
    }

    fn suspect(&self, refused: Refused) -> Check {
        check::suspect(refused)
    }

    fn ticket_url(&self, id: &str) -> String {
        if let Some(template) = &self.ticket_url {
            return template.replace("{id}", id);
        }
        let learnt = self.agent_url.get().map(String::as_str).filter(|url| !url.is_empty());
        let root = learnt.unwrap_or(self.resource.as_str()).trim_end_matches('/');
        format!("{}/ticket?id={id}", root.strip_suffix("/api").unwrap_or(root))
    }
}
