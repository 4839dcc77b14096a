//! Trying the connection out: what answers, who we are there, what we may read, and what to change where we may not.
//!
//! Halo gives an empty list where something is hidden, so an empty list is never called good. What can be told only
//! by writing is not guessed: that line says `unknown`.

use halopsa::{
    Agent, AgentFilter, AssetFilter, Client, CustomerFilter, Error, ErrorKind, Pages, Record, SignIn, SiteFilter,
    TICKET_SCOPES, TicketFilter, TicketTypeFilter, TokenError, TokenInfo,
};

use super::map::fault;
use crate::{Cause, Check, CheckStatus};

const APPLICATION: &str = "Configuration > Integrations > HaloPSA API > Applications";
const PERMISSIONS: &str = "Configuration > Integrations > HaloPSA API > Applications > Permissions";
const WRONG_PATH: &str = "Copy \"Resource Server\" from HaloPSA; it ends with /api";
const AGENT: &str = "Configuration > Teams & Agents > Agents > the API-only agent";

const fn title(id: &'static str, title: &'static str) -> crate::CheckTitle {
    crate::CheckTitle { id, title }
}

pub(super) const TITLES: [crate::CheckTitle; 13] = [
    title("reach", "Resource server"),
    title("sign_in", "Client ID and Secret (Services)"),
    title("scopes", "Permissions of the application"),
    title("agent", "Agent to log in as"),
    title("customers", "Client Access Level: View (Names Only)"),
    title("sites", "Sites of customers"),
    title("assets", "Assets Access Level: Read Only"),
    title("tickets", "Tickets Access Level: Read and Modify"),
    title("ticket_types", "Ticket types that can be created"),
    title("outcomes", "Outcomes of actions"),
    title("teams", "Teams"),
    title("agents", "Agents, for linking technicians by e-mail"),
    title("writes", "Adding tickets, changing their status, assigning them"),
];

/// Every line, in the order in which things depend on each other.
pub(super) async fn check(client: &Client) -> Vec<Check> {
    let mut checks = vec![reach(client).await];
    let token = client.sign_in(SignIn::Fresh).await;
    checks.push(sign_in(&token));
    let Ok(token) = token else {
        let lines =
            [("scopes", "Permissions of the application"), ("agent", "Agent to log in as"), ("reads", "Reading")];
        checks.extend(lines.map(|(id, title)| line(id, title, CheckStatus::Unknown, "needs the sign-in first")));
        return checks;
    };
    checks.push(scopes(&token));
    checks.push(who(client.me().await, &token));
    checks.push(read(
        "customers",
        "Client Access Level: View (Names Only)",
        "read:customers",
        first(client.customers(&CustomerFilter::default())).await,
    ));
    checks.push(read(
        "sites",
        "Sites of customers",
        "read:customers",
        first(client.sites(&SiteFilter::default())).await,
    ));
    checks.push(read(
        "assets",
        "Assets Access Level: Read Only",
        "read:assets",
        first(client.assets(&AssetFilter::default())).await,
    ));
    checks.push(read(
        "tickets",
        "Tickets Access Level: Read and Modify",
        "read:tickets",
        first(client.tickets(&TicketFilter::default())).await,
    ));
    checks.push(read(
        "ticket_types",
        "Ticket types that can be created",
        "edit:tickets",
        count(client.ticket_types(TicketTypeFilter::Creatable).await),
    ));
    checks.push(read("outcomes", "Outcomes of actions", "read:tickets", count(client.outcomes(None).await)));
    checks.push(read("teams", "Teams", "read:tickets", count(client.teams().await)));
    checks.push(agents(client.agents(AgentFilter::Enabled).await));
    checks.push(Check {
        fix: Some(
            "Watch the first request's ticket: its steps say in Halo's words what is refused, and can be retried"
                .into(),
        ),
        ..line(
            "writes",
            "Adding tickets, changing their status, assigning them",
            CheckStatus::Unknown,
            "can be told only by writing",
        )
    });
    checks
}

fn line(id: &str, title: &str, status: CheckStatus, seen: &str) -> Check {
    Check { id: id.into(), title: title.into(), status, seen: seen.into(), fix: None, r#where: None }
}

async fn reach(client: &Client) -> Check {
    let (id, title) = ("reach", "Resource server");
    let typed = client.config().auth.clone();
    match client.auth_info().await {
        Ok(info) => {
            let same = |told: &str| told.parse::<url::Url>().is_ok_and(|told| told.host() == typed.host());
            match info.auth_url.as_deref() {
                Some(told) if !same(told) => Check {
                    fix: Some(format!("Enter {told} as the authorisation server, unless signing in works")),
                    ..line(
                        id,
                        title,
                        CheckStatus::Warn,
                        &format!("answers, and names {told} as its authorisation server"),
                    )
                },
                _ => line(id, title, CheckStatus::Ok, "answers"),
            }
        }
        // Reachable, but shy: the sign-in and the reads tell.
        Err(error) if matches!(error.kind, ErrorKind::Forbidden | ErrorKind::Unauthorised) => {
            line(id, title, CheckStatus::Info, "answers, but does not say where its authorisation server is")
        }
        Err(error) if error.kind == ErrorKind::NotFound => Check {
            fix: Some(WRONG_PATH.into()),
            ..line(id, title, CheckStatus::Warn, "answers, but knows nothing of HaloPSA's API at this path")
        },
        Err(error) => {
            let fault = fault(&error);
            let fix = match fault.cause {
                Cause::AddressNotAllowed => "Allow this host in the server's configuration",
                Cause::NotUnderstood => WRONG_PATH,
                _ => "Check the address, and that this server may reach it",
            };
            Check {
                fix: Some(fix.into()),
                r#where: Some("Configuration > Integrations > HaloPSA API".into()),
                ..line(id, title, CheckStatus::Fail, &fault.words)
            }
        }
    }
}

fn sign_in(token: &Result<TokenInfo, Error>) -> Check {
    let (id, title) = ("sign_in", "Client ID and Secret (Services)");
    let Err(error) = token else { return line(id, title, CheckStatus::Ok, "signed in") };
    let kind = if let ErrorKind::Token(kind) = error.kind { kind } else { TokenError::Unavailable };
    let (fix, place) = match kind {
        TokenError::InvalidClient => ("Copy client id and secret anew; a secret is shown only once", APPLICATION),
        TokenError::InvalidScope => ("Select read:tickets, edit:tickets, read:customers and read:assets", PERMISSIONS),
        TokenError::UnauthorizedClient => {
            ("Set the authentication method to Client ID and Secret (Services)", APPLICATION)
        }
        TokenError::Rejected => ("Check client id, secret and tenant", APPLICATION),
        TokenError::NotUnderstood => ("Copy \"Authorisation Server\" and \"Tenant\" from HaloPSA", APPLICATION),
        TokenError::NotSent | TokenError::Unavailable => {
            ("Check the authorisation server's address, or try again", APPLICATION)
        }
    };
    let words = fault(error).words;
    let seen = if words.contains(&kind.to_string()) { words } else { format!("{kind}: {words}") };
    Check { fix: Some(fix.into()), r#where: Some(place.into()), ..line(id, title, CheckStatus::Fail, &seen) }
}

fn scopes(token: &TokenInfo) -> Check {
    let (id, title) = ("scopes", "Permissions of the application");
    let Some(granted) = &token.scopes else {
        return line(id, title, CheckStatus::Info, "HaloPSA does not say which permissions it granted");
    };
    let wanted: Vec<&str> = TICKET_SCOPES.split(' ').collect();
    // Editing tickets includes reading them, and "all" includes everything.
    let has = |scope: &str| {
        granted.iter().any(|one| one == scope || one == "all" || one == "all:standard")
            || (scope == "read:tickets" && granted.iter().any(|one| one == "edit:tickets"))
    };
    let missing: Vec<&str> = wanted.iter().copied().filter(|scope| !has(scope)).collect();
    let more: Vec<&str> = granted.iter().map(String::as_str).filter(|scope| !wanted.contains(scope)).collect();
    let place = Some(PERMISSIONS.to_owned());
    if !missing.is_empty() {
        let seen = format!("missing: {}", missing.join(", "));
        return Check {
            fix: Some(format!("Select {}", missing.join(", "))),
            r#where: place,
            ..line(id, title, CheckStatus::Fail, &seen)
        };
    }
    if !more.is_empty() {
        let seen = format!("more than needed: {}", more.join(", "));
        return Check {
            fix: Some(format!("Take away {}", more.join(", "))),
            r#where: place,
            ..line(id, title, CheckStatus::Warn, &seen)
        };
    }
    line(id, title, CheckStatus::Ok, &granted.join(", "))
}

fn who(me: Result<Agent, Error>, token: &TokenInfo) -> Check {
    let (id, title) = ("agent", "Agent to log in as");
    let with = |status, seen: &str, fix: &str| Check {
        fix: Some(fix.to_owned()),
        r#where: Some(AGENT.to_owned()),
        ..line(id, title, status, seen)
    };
    match me {
        Ok(me) if me.isdisabled == Some(true) => {
            with(CheckStatus::Fail, &format!("{} is disabled", me.name), "Enable the agent, or choose another")
        }
        Ok(me) if me.is_admin == Some(true) => with(
            CheckStatus::Warn,
            &format!("{} is an administrator", me.name),
            "Use an API-only agent with the permissions listed here and no more",
        ),
        Ok(me) if me.isapiagent == Some(false) => with(
            CheckStatus::Info,
            &format!("{} is a person's agent", me.name),
            "An API-only agent keeps what Countersign writes apart from what the person does",
        ),
        Ok(me) if me.teams.is_empty() && me.departments.is_empty() && me.team.is_none() => with(
            CheckStatus::Warn,
            &format!("{} has no team and no department that we can see", me.name),
            "Add the teams or departments whose tickets it must read and update",
        ),
        Ok(me) => line(id, title, CheckStatus::Ok, &me.name),
        Err(error) if error.kind == ErrorKind::NotFound => with(
            CheckStatus::Fail,
            "no agent stands behind the application",
            "Set the login type to Agent and choose the agent to log in as; it must not be None",
        ),
        Err(error) => {
            let known = token.identity.as_ref().and_then(|identity| identity.name.as_deref());
            match known {
                Some(name) => line(id, title, CheckStatus::Info, &format!("{name}; its rights cannot be read")),
                None => {
                    with(CheckStatus::Warn, &fault(&error).words, "Set the login type to Agent and choose an agent")
                }
            }
        }
    }
}

/// How many rows the first page of a walk has.
async fn first<T: Record>(pages: Pages<T>) -> Result<usize, Error> {
    Ok(pages.page_size(1).next().await?.map_or(0, |page| page.len()))
}

fn count<T>(rows: Result<Vec<T>, Error>) -> Result<usize, Error> {
    rows.map(|rows| rows.len())
}

fn read(id: &str, title: &str, scope: &str, rows: Result<usize, Error>) -> Check {
    match rows {
        Ok(0) => Check {
            fix: Some(format!(
                "If HaloPSA has some, give the agent this permission: {title}, and its teams or departments"
            )),
            r#where: Some(AGENT.into()),
            ..line(id, title, CheckStatus::Warn, "nothing is visible: there is none, or it is hidden from our agent")
        },
        Ok(_) => line(id, title, CheckStatus::Ok, "readable"),
        Err(error) => {
            let fault = fault(&error);
            let (status, fix) = match fault.cause {
                Cause::NotPermitted | Cause::Credentials => {
                    (CheckStatus::Fail, format!("Select {scope} for the application, and give the agent: {title}"))
                }
                // A list that is not there at all: this is not where the API lives.
                Cause::NotFound => (CheckStatus::Fail, WRONG_PATH.to_owned()),
                _ => (CheckStatus::Unknown, "Try again".to_owned()),
            };
            Check { fix: Some(fix), r#where: Some(PERMISSIONS.into()), ..line(id, title, status, &fault.words) }
        }
    }
}

fn agents(agents: Result<Vec<Agent>, Error>) -> Check {
    let (id, title) = ("agents", "Agents, for linking technicians by e-mail");
    let agents = match agents {
        Ok(agents) => agents,
        Err(error) => return read(id, title, "read:tickets", Err(error)),
    };
    let with_mail = agents.iter().filter(|agent| agent.isapiagent != Some(true) && agent.email.is_some()).count();
    if with_mail > 0 {
        return line(id, title, CheckStatus::Ok, &format!("{with_mail} with an e-mail address"));
    }
    Check {
        fix: Some("Give the API-only agent a default team; without one it cannot see other agents".into()),
        r#where: Some(AGENT.into()),
        ..line(id, title, CheckStatus::Warn, "no agent with an e-mail address is visible")
    }
}
