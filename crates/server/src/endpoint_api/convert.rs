//! Between the wire's forms and the domain's, and the signing of what endpoints check.

use axum::http::StatusCode;
use countersign_app::{App, TicketRow};
use countersign_domain::{
    decision::{Decision, Verdict},
    grant::GrantState,
    request::{Asked, EndUser, Request, State},
    time::Time,
};
use countersign_wire::{
    Id, PublicKey, Text, decision as wire,
    grant::{self, Arguments, Grant, SignedGrant, Uses},
    keys::{self, Key, KeySet, Role, SignedKeySet},
    request::{self, RequestBody},
};

use crate::http::problem::{Answer, Problem};

pub(super) fn asked(body: RequestBody) -> Asked {
    let arguments_hash = match body.arguments() {
        Arguments::Exact { sha256 } => Some(sha256),
        // Without a hash no grant is signed: "any arguments" is never meant by omission.
        Arguments::Any => None,
    };
    Asked {
        end_user: EndUser {
            account: body.end_user.account.into(),
            user_id: body.end_user.user_id.map(String::from),
            display_name: body.end_user.display_name.map(String::from),
            email: body.end_user.email.map(String::from),
            phone: body.end_user.phone.map(String::from),
        },
        program: body.program,
        command_line: body.command_line.map(String::from),
        arguments_hash,
        run_as: body.run_as.map(String::from),
        parent: body.parent.map(String::from),
        working_dir: body.working_dir.map(String::from),
        reason: body.reason.map(String::from).filter(|reason| !reason.trim().is_empty()),
        requested_at: Time(body.requested_at.micros()),
    }
}

pub(super) const fn state(state: State) -> request::State {
    match state {
        State::Pending => request::State::Pending,
        State::Approved => request::State::Approved,
        State::Denied => request::State::Denied,
        State::Withdrawn => request::State::Withdrawn,
        State::Expired => request::State::Expired,
        State::Revoked => request::State::Revoked,
    }
}

pub(super) fn decision(decision: &Decision) -> wire::Decision {
    wire::Decision {
        verdict: match decision.verdict {
            Verdict::Approve => wire::Verdict::Approve,
            Verdict::Deny => wire::Verdict::Deny,
        },
        reason: decision.reason.as_deref().map(Text::clipped),
        by: Some(Text::clipped(&decision.by.name)),
    }
}

pub(super) fn ticket(row: &TicketRow) -> Option<request::Ticket> {
    Some(request::Ticket { id: Id::new(&row.psa_id).ok()?, url: Text::new(&row.url).ok() })
}

pub(super) fn time(time: Time) -> Option<countersign_wire::Time> {
    countersign_wire::Time::from_micros(time.0).ok()
}

fn untold(error: impl std::fmt::Display) -> Problem {
    let sentence = format!("The grant could not be signed: {error}. Nothing was allowed; ask again.");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "not_signed", sentence)
}

/// The signed grant of an approved request that was not used yet.
pub(super) fn grant(app: &App, request: &Request) -> Answer<Option<SignedGrant>> {
    let Some(given) = request.grant.as_ref().filter(|grant| grant.state == GrantState::Issued) else {
        return Ok(None);
    };
    if request.state != State::Approved || given.until <= app.now() {
        return Ok(None);
    }
    let keys = app.keys();
    let asked = &request.asked;
    let arguments_hash = asked.arguments_hash.clone().ok_or_else(|| untold("the request names no arguments"))?;
    let grant = Grant {
        server: Id::new(app.server_id().as_str()).map_err(untold)?,
        key: Id::new(&keys.grant_facts.id).map_err(untold)?,
        computer: Id::new(request.computer_id.as_str()).map_err(untold)?,
        request: Id::new(request.id.as_str()).map_err(untold)?,
        account: asked.end_user.account.as_str().try_into().map_err(untold)?,
        user_id: asked.end_user.user_id.as_deref().map(Text::clipped),
        run_as: asked.run_as.as_deref().map(Text::clipped),
        program_sha256: asked.program.sha256.clone(),
        arguments: Arguments::Exact { sha256: arguments_hash },
        script_sha256: None,
        uses: Uses::Once,
        seconds: u64::try_from(given.until.seconds_since(request.received_at)).unwrap_or(0),
        issued_at: time(given.issued_at).ok_or_else(|| untold("its time is out of range"))?,
    };
    grant::sign(&grant, &keys.grant).map(Some).map_err(untold)
}

pub(super) fn root_key(app: &App) -> PublicKey {
    keys::public_of(&app.keys().root)
}

pub(super) fn key_set(app: &App) -> Answer<SignedKeySet> {
    let ours = app.keys();
    let set = KeySet {
        server: Id::new(app.server_id().as_str()).map_err(untold)?,
        serial: ours.grant_facts.serial,
        keys: vec![Key {
            id: Id::new(&ours.grant_facts.id).map_err(untold)?,
            role: Role::Grant,
            public_key: keys::public_of(&ours.grant),
            not_after: time(ours.grant_facts.not_after).ok_or_else(|| untold("its time is out of range"))?,
        }],
    };
    keys::sign_set(&set, &ours.root).map_err(untold)
}
