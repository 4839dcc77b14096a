//! A failed call as a person reads it: what happened to which thing, and what to do now.
//!
//! Read in the settings, in the live check, in the banner, and under a step's attempt, so no sentence speaks of any of
//! these. Halo's own words stand in it wherever it had some. Numbers of records do not: steps that wait for the same thing
//! are shown together, and are told apart by their sentence. Pure; called by [`map`](super::map) alone, and for lists with
//! holes by [`find`](super::find).

use halopsa::{Error, ErrorKind, TokenError, UnknownCause, Unreached};

use super::map::ALLOW_HOSTS;
use crate::Cause;

const SCOPES: &str = "read:tickets, edit:tickets, read:customers and read:assets";
const CREDENTIALS: &str = "Copy client id and secret anew from the application's Details tab in HaloPSA and enter them \
                           under Settings, Ticketing System; a secret is shown only once";
const WRONG_RESOURCE: &str = "If HaloPSA works in a browser, check the resource server under Settings, Ticketing System: \
                              it is on HaloPSA's page \"HaloPSA API\" and ends with /api";
const WRONG_AUTH: &str = "Copy authorisation server and tenant from HaloPSA's page \"HaloPSA API\" and enter them under \
                          Settings, Ticketing System";
const SLOW: &str = "If this goes on, look whether HaloPSA is slow for people too, and at the network between";
const THEIR_FAULT: &str = "This is on HaloPSA's side; if it goes on, look at its status page or ask its support";

/// What happened, and what to do.
pub(super) fn of(error: &Error, cause: Cause) -> (String, String) {
    let (words, fix) = match error.kind {
        ErrorKind::NotSent | ErrorKind::Token(TokenError::NotSent) => not_reached(error, cause),
        ErrorKind::Token(kind) => sign_in(error, kind),
        ErrorKind::Refused => refused(error),
        ErrorKind::NotFound => not_found(error),
        ErrorKind::Forbidden => (format!("HaloPSA does not allow {}{}", thing(error), said(error)), right(error)),
        ErrorKind::Unauthorised => (
            format!("HaloPSA let our application in, and refuses {} all the same{}", thing(error), said(error)),
            format!(
                "Give the application the permissions {SCOPES}, and look whether the agent that it logs in as is enabled"
            ),
        ),
        ErrorKind::RateLimited => (
            format!("HaloPSA asks for fewer calls{}", said(error)),
            "It goes on by itself after a while; if this comes often, lower the allowance of calls under Settings, \
             Ticketing System"
                .to_owned(),
        ),
        ErrorKind::Unknown(unknown) => no_good_answer(error, unknown),
    };
    (one_period(&words), fix)
}

/// A list that HaloPSA does not give in full.
pub(super) fn of_holes(path: &str) -> (String, String) {
    let things = things(path).unwrap_or(path);
    let words =
        format!("HaloPSA counts more {things} than it gives, so the list has holes, and nothing is concluded from it");
    (words, "Link by hand meanwhile; if this goes on, tell HaloPSA's support".to_owned())
}

fn not_reached(error: &Error, cause: Cause) -> (String, String) {
    let (host, words) = (&error.host, &error.words);
    if cause == Cause::AddressNotAllowed {
        // It says what to do.
        debug_assert!(words.contains(ALLOW_HOSTS));
        return (words.clone(), String::new());
    }
    let (what, fix) = match error.unreached {
        Some(Unreached::NoSuchHost) => (
            format!("There is no host {host}, as far as this server can tell ({words})"),
            "Check the spelling of the address under Settings, Ticketing System, and the name server of this machine",
        ),
        Some(Unreached::Refused) => (
            format!("Nobody answers at {host}: the connection is refused"),
            "Check host and port of the address under Settings, Ticketing System, and that HaloPSA runs there",
        ),
        Some(Unreached::TooSlow) => (
            format!("No connection to {host} came about in time"),
            "Check the address under Settings, Ticketing System, and that no firewall keeps this server from it",
        ),
        Some(Unreached::Certificate) => (
            format!("The certificate of {host} is not trusted ({words})"),
            "Use the host name that the certificate is made out for; if it comes from an authority of your own, add that to \
             the trusted certificates of this machine and start Countersign again",
        ),
        Some(Unreached::NotTls) => (
            format!("What answers at {host} does not speak https ({words})"),
            "Check host and port of the address under Settings, Ticketing System",
        ),
        Some(Unreached::Other) | None => (
            format!("No connection to {host} came about ({words})"),
            "Check the address under Settings, Ticketing System, and that this server may reach it",
        ),
    };
    (what, fix.to_owned())
}

fn sign_in(error: &Error, kind: TokenError) -> (String, String) {
    let (what, fix) = match kind {
        TokenError::InvalidClient => ("HaloPSA does not know our application by this id and secret", CREDENTIALS),
        TokenError::InvalidScope => (
            "HaloPSA refuses a permission that we ask for",
            "Select read:tickets, edit:tickets, read:customers and read:assets on the application's Permissions tab in \
             HaloPSA",
        ),
        TokenError::UnauthorizedClient => (
            "HaloPSA does not let our application sign in with id and secret",
            "Set the application's authentication method in HaloPSA to \"Client ID and Secret (Services)\"",
        ),
        TokenError::Rejected => (
            "HaloPSA refuses the sign-in",
            "Check tenant, client id and secret under Settings, Ticketing System: they are on HaloPSA's page \"HaloPSA API\"",
        ),
        TokenError::NotUnderstood => {
            let words = format!("The authorisation server {} gave no token{}", error.host, said(error));
            return (words, WRONG_AUTH.to_owned());
        }
        TokenError::NotSent | TokenError::Unavailable => {
            return (format!("HaloPSA could not sign us in{}", said(error)), THEIR_FAULT.to_owned());
        }
    };
    (format!("{what}{}", said(error)), fix.to_owned())
}

fn refused(error: &Error) -> (String, String) {
    if matches!(error.status, Some(300..=399)) {
        let words = format!("{} answered {} with a redirect{}", error.host, thing(error), said(error));
        return (words, WRONG_RESOURCE.to_owned());
    }
    let silence = if error.words.is_empty() { " without saying why" } else { "" };
    (
        format!("HaloPSA refuses {}{silence}{}", thing(error), said(error)),
        "Change what it names, in HaloPSA or under Settings, Ticketing System, and try again".to_owned(),
    )
}

fn not_found(error: &Error) -> (String, String) {
    if error.path == "/Tickets" || error.path == "/Actions" {
        return (
            format!("HaloPSA does not find what {} belongs to{}", thing(error), said(error)),
            "Look in HaloPSA whether it was deleted or merged, and whether the agent of our application may see it"
                .to_owned(),
        );
    }
    match things(&error.path) {
        Some(_) => (
            format!("HaloPSA has no such list at this address: {}{}", thing(error), said(error)),
            WRONG_RESOURCE.to_owned(),
        ),
        None => (
            format!("HaloPSA does not find {}, or hides it from our agent{}", thing(error), said(error)),
            "Look in HaloPSA whether it is there, and whether the agent of our application may see it".to_owned(),
        ),
    }
}

fn no_good_answer(error: &Error, unknown: UnknownCause) -> (String, String) {
    let thing = thing(error);
    match unknown {
        UnknownCause::ServerFault => (format!("HaloPSA failed at {thing}{}", said(error)), THEIR_FAULT.to_owned()),
        UnknownCause::Deadline => (format!("HaloPSA was too slow with {thing}{}", said(error)), SLOW.to_owned()),
        UnknownCause::Cut => {
            (format!("The connection to HaloPSA broke off at {thing}{}", said(error)), SLOW.to_owned())
        }
        UnknownCause::NotUnderstood | UnknownCause::TooLarge => {
            (format!("HaloPSA's answer to {thing} is not what was asked for{}", said(error)), WRONG_RESOURCE.to_owned())
        }
    }
}

/// Halo's words, or the status where it had none.
fn said(error: &Error) -> String {
    match (error.words.as_str(), error.status) {
        ("", Some(status)) => format!(" (HTTP {status})"),
        ("", None) => String::new(),
        (words, _) => format!(": {words}"),
    }
}

/// Which right lets the application do this, where in Halo's own words.
fn right(error: &Error) -> String {
    let (scope, level) = match (error.method, error.path.split('/').nth(1).unwrap_or_default()) {
        ("POST", "Tickets") => ("edit:tickets", "Tickets Access Level: Read and Modify, and Can add new Tickets: Yes"),
        ("POST", _) => (
            "edit:tickets",
            "Tickets Access Level: Read and Modify, and Can Edit Tickets Which Are Not Assigned To Them: Yes",
        ),
        (_, "Client" | "Site" | "Users") => ("read:customers", "Client Access Level: View (Names Only)"),
        (_, "Asset") => ("read:assets", "Assets Access Level: Read Only"),
        _ => ("read:tickets", "Tickets Access Level: Read and Modify"),
    };
    format!("Give the application the permission {scope}, and its agent {level}")
}

/// What the call was about.
fn thing(error: &Error) -> String {
    match (error.method, error.path.as_str()) {
        ("POST", "/Tickets") => "the ticket".to_owned(),
        ("POST", "/Actions") => "the note on the ticket".to_owned(),
        ("GET", "/authinfo") => "the question for its authorisation server".to_owned(),
        ("GET", "/Agent/me") => "the question who our application logs in as".to_owned(),
        ("GET", path) => match things(path) {
            Some(things) => format!("the list of {things}"),
            None => match path.split('/').nth(1).and_then(one) {
                Some(one) => format!("the question for {one}"),
                None => format!("GET {path}"),
            },
        },
        (method, path) => format!("{method} {path}"),
    }
}

/// A list by its path.
fn things(path: &str) -> Option<&'static str> {
    Some(match path {
        "/Tickets" => "tickets",
        "/Actions" => "notes on a ticket",
        "/Client" => "customers",
        "/Site" => "sites",
        "/Asset" => "assets",
        "/Users" => "contacts",
        "/Agent" => "agents",
        "/Team" => "teams",
        "/TicketType" => "ticket types",
        "/Status" => "statuses",
        "/Outcome" => "outcomes",
        "/Priority" => "priorities",
        _ => return None,
    })
}

/// One record by the first part of its path.
fn one(first: &str) -> Option<&'static str> {
    Some(match first {
        "Tickets" => "a ticket",
        "Client" => "a customer",
        "Site" => "a site",
        "Asset" => "an asset",
        "Users" => "a contact",
        "Agent" => "an agent",
        "TicketType" => "a ticket type",
        _ => return None,
    })
}

/// Without the full stop that Halo's own words may end with: whoever shows the sentence ends it.
fn one_period(words: &str) -> String {
    words.strip_suffix('.').unwrap_or(words).to_owned()
}
