//! The lines that everything else needs: address, secret, scopes, and the agent behind the application.

use halopsa::{Agent, Client, Error, ErrorKind, SignIn, TICKET_SCOPES, TokenError, TokenInfo};

use super::lines::{AGENT, REACH, Report, SCOPES, SIGN_IN, line};
use crate::halo::map::fault;
use crate::{Cause, Check, CheckStatus};

const WRONG_PATH: &str = "Copy \"Resource Server\" from HaloPSA; it ends with /api";

/// What the token may do, as far as Halo says.
pub(super) struct Grants(Option<Vec<String>>);

impl Grants {
    /// False only where Halo named what it granted, and this is not in it.
    pub(super) fn may(&self, scope: &str) -> bool {
        let Some(granted) = &self.0 else { return true };
        granted.iter().any(|one| one == scope || one == "all" || one == "all:standard")
            // Editing tickets includes reading them.
            || (scope == "read:tickets" && granted.iter().any(|one| one == "edit:tickets"))
    }
}

/// The first lines; none where nothing else can be tried.
pub(super) async fn look(client: &Client, report: &mut Report<'_>) -> Option<(Agent, Grants)> {
    report.keep(&REACH, reach(client).await);
    let token = client.sign_in(SignIn::Fresh).await;
    let token = match token {
        Ok(token) => token,
        Err(error) => {
            report.blocked_by("needs the sign-in first");
            if error.kind == ErrorKind::Token(TokenError::InvalidScope) {
                one_by_one(client, report, &error).await;
            } else {
                report.keep(&SIGN_IN, sign_in(&Err(error)));
            }
            return None;
        }
    };
    report.ok(&SIGN_IN, format!("signed in; a token is good for {} min", token.lifetime.as_secs() / 60));
    let grants = scopes(report, &token);
    report.blocked_by("needs an agent behind the application first");
    let me = who(client.me().await, &token, report)?;
    report.blocked_by("can be told only by writing");
    Some((me, grants))
}

pub(super) async fn reach(client: &Client) -> Check {
    let typed = client.config().auth.clone();
    match client.auth_info().await {
        Ok(info) => {
            let same = |told: &str| told.parse::<url::Url>().is_ok_and(|told| told.host() == typed.host());
            match info.auth_url.as_deref() {
                Some(told) if !same(told) => line(
                    &REACH,
                    CheckStatus::Warn,
                    format!("answers, and names {told} as its authorisation server"),
                    Some(&format!("Enter {told} as the authorisation server, unless signing in works")),
                ),
                _ => {
                    let tenant = info.tenant_id.map(|tenant| format!(", tenant {tenant}")).unwrap_or_default();
                    line(&REACH, CheckStatus::Ok, format!("answers{tenant}"), None)
                }
            }
        }
        // Reachable, but shy: the sign-in and the reads tell.
        Err(error) if matches!(error.kind, ErrorKind::Forbidden | ErrorKind::Unauthorised) => {
            let seen = "answers, but does not say where its authorisation server is";
            line(&REACH, CheckStatus::Info, seen, None)
        }
        Err(error) if error.kind == ErrorKind::NotFound => line(
            &REACH,
            CheckStatus::Warn,
            "answers, but knows nothing of HaloPSA's API at this path",
            Some(WRONG_PATH),
        ),
        Err(error) => {
            let fault = fault(&error);
            let fix = match fault.cause {
                Cause::AddressNotAllowed => "Allow this host in the server's configuration",
                Cause::NotUnderstood => WRONG_PATH,
                _ => REACH.fix,
            };
            line(&REACH, CheckStatus::Fail, fault.words, Some(fix))
        }
    }
}

pub(super) fn sign_in(token: &Result<TokenInfo, Error>) -> Check {
    let Err(error) = token else { return line(&SIGN_IN, CheckStatus::Ok, "signed in", None) };
    let kind = if let ErrorKind::Token(kind) = error.kind { kind } else { TokenError::Unavailable };
    let (at, fix) = match kind {
        TokenError::InvalidClient => (&SIGN_IN, "Copy client id and secret anew; a secret is shown only once"),
        TokenError::InvalidScope => (&SCOPES, SCOPES.fix),
        TokenError::UnauthorizedClient => {
            (&SIGN_IN, "Set the authentication method to Client ID and Secret (Services)")
        }
        TokenError::Rejected => (&SIGN_IN, "Check client id, secret and tenant"),
        TokenError::NotUnderstood => (&SIGN_IN, "Copy \"Authorisation Server\" and \"Tenant\" from HaloPSA"),
        TokenError::NotSent | TokenError::Unavailable => {
            (&SIGN_IN, "Check the authorisation server's address, or try again")
        }
    };
    let Check { fix, r#where, .. } = line(at, CheckStatus::Fail, "", Some(fix));
    Check { fix, r#where, ..line(&SIGN_IN, CheckStatus::Fail, fault(error).words, None) }
}

/// A scope was rejected, and Halo does not say which: each is asked for by itself.
async fn one_by_one(client: &Client, report: &mut Report<'_>, error: &Error) {
    let mut missing = Vec::new();
    for scope in TICKET_SCOPES.split(' ') {
        match client.try_scopes(scope).await {
            Ok(_) => {}
            Err(error) if error.kind == ErrorKind::Token(TokenError::InvalidScope) => missing.push(scope),
            Err(other) => {
                report.keep(&SIGN_IN, sign_in(&Err(other)));
                return;
            }
        }
    }
    report.ok(&SIGN_IN, "client id and secret are accepted, but not the permissions asked for");
    if missing.is_empty() {
        report.bad(&SCOPES, CheckStatus::Fail, format!("{}; each by itself is granted", fault(error).words));
    } else {
        let names = missing.join(", ");
        report.put(&SCOPES, CheckStatus::Fail, format!("missing: {names}"), Some(&format!("Select {names}")));
    }
}

fn scopes(report: &mut Report<'_>, token: &TokenInfo) -> Grants {
    let grants = Grants(token.scopes.clone());
    let Some(granted) = &token.scopes else {
        report.put(&SCOPES, CheckStatus::Info, "HaloPSA does not say which permissions it granted", None);
        return grants;
    };
    let wanted: Vec<&str> = TICKET_SCOPES.split(' ').collect();
    let missing: Vec<&str> = wanted.iter().copied().filter(|scope| !grants.may(scope)).collect();
    let more: Vec<&str> = granted.iter().map(String::as_str).filter(|scope| !wanted.contains(scope)).collect();
    if !missing.is_empty() {
        let names = missing.join(", ");
        report.put(&SCOPES, CheckStatus::Fail, format!("missing: {names}"), Some(&format!("Select {names}")));
    } else if !more.is_empty() {
        let names = more.join(", ");
        let seen = format!("more than needed: {names}");
        report.put(&SCOPES, CheckStatus::Warn, seen, Some(&format!("Take away {names}")));
    } else if !granted.iter().any(|scope| scope == "read:tickets") {
        let seen = format!("{}; edit:tickets includes read:tickets, which is not selected", granted.join(", "));
        report.put(&SCOPES, CheckStatus::Info, seen, Some("Optional: select read:tickets"));
    } else {
        report.ok(&SCOPES, granted.join(", "));
    }
    grants
}

fn who(me: Result<Agent, Error>, token: &TokenInfo, report: &mut Report<'_>) -> Option<Agent> {
    let me = match me {
        Ok(me) => me,
        Err(error) if error.kind == ErrorKind::NotFound => {
            let fix = "Set the login type to Agent and choose the agent to log in as; it must not be None";
            report.put(&AGENT, CheckStatus::Fail, "no agent stands behind the application", Some(fix));
            return None;
        }
        Err(error) if error.kind == ErrorKind::Unauthorised => {
            let name = token.identity.as_ref().and_then(|identity| identity.name.clone());
            let name = name.unwrap_or_else(|| "the agent".to_owned());
            let seen = format!("HaloPSA refuses the token that it has just given out: {name} may be disabled");
            report.put(&AGENT, CheckStatus::Fail, seen, Some("Enable the agent, or choose another"));
            return None;
        }
        // A low level may hide the agent from itself; then only what it does tells about it.
        Err(error) => {
            let known = token.identity.clone().unwrap_or_default();
            match &known.name {
                Some(name) => {
                    report.put(&AGENT, CheckStatus::Info, format!("{name}; its own record cannot be read"), None);
                }
                None => report.bad(&AGENT, CheckStatus::Warn, fault(&error).words),
            }
            let name = known.name.unwrap_or_default();
            return Some(Agent { id: known.agentid.unwrap_or_default(), name, ..Agent::default() });
        }
    };
    report.agent.clone_from(&me.name);
    let name = &me.name;
    if me.isdisabled == Some(true) {
        let fix = "Enable the agent, or choose another";
        report.put(&AGENT, CheckStatus::Fail, format!("{name} is disabled"), Some(fix));
    } else if me.is_admin == Some(true) {
        let fix = "Use an API-only agent with the permissions listed here and no more";
        report.put(&AGENT, CheckStatus::Warn, format!("{name} is an administrator"), Some(fix));
    } else if me.teams.is_empty() && me.departments.is_empty() && me.team.is_none() {
        let fix = "Add the teams or departments whose tickets it must read and update";
        report.put(
            &AGENT,
            CheckStatus::Warn,
            format!("{name} has no team and no department that we can see"),
            Some(fix),
        );
    } else if me.isapiagent == Some(false) {
        let fix = "An API-only agent keeps what Countersign writes apart from what the person does";
        report.put(&AGENT, CheckStatus::Info, format!("{name} is a person's agent"), Some(fix));
    } else {
        report.ok(&AGENT, name.clone());
    }
    Some(me)
}
