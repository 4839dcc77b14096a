//! Opens a ticket, writes a quarter of an hour on it, and tells what can be told when something goes wrong.
//!
//! `HALO_URL=… HALO_CLIENT_ID=… HALO_CLIENT_SECRET=… cargo run --example open_ticket -- CUSTOMER_ID TICKET_TYPE_ID`

use std::env::{args, var};
use std::sync::Arc;

use anyhow::Context;
use halopsa::{Client, Config, ErrorKind, NewAction, NewTicket, Unlimited};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    rustls::crypto::ring::default_provider().install_default().map_err(|_| anyhow::anyhow!("a TLS provider is set"))?;
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(std::time::Duration::from_secs(10))
        .build()?;
    let halo = var("HALO_URL")?;
    let (resource, auth) = (format!("{halo}/api").parse()?, format!("{halo}/auth").parse()?);
    let config = Config::new(resource, auth, var("HALO_CLIENT_ID")?, var("HALO_CLIENT_SECRET")?);
    let client = Client::new(http.into(), config, Arc::new(Unlimited));

    let ticket = NewTicket {
        summary: "Sample ticket".into(),
        details_html: "<p>Opened by an example.</p>".into(),
        client_id: args().nth(1).context("which customer?")?.parse()?,
        tickettype_id: args().nth(2).context("which ticket type?")?.parse()?,
        // A reference of your own is how you find the ticket again if the answer gets lost.
        third_party_id_string: Some("example-1".into()),
        ..NewTicket::default()
    };
    let ticket = match client.open_ticket(&ticket).await {
        Ok(ticket) => ticket,
        Err(error) => match error.kind {
            ErrorKind::Unknown(_) => anyhow::bail!("look for the ticket before trying again: {error}"),
            ErrorKind::NotSent | ErrorKind::RateLimited | ErrorKind::Token(_) | ErrorKind::Unauthorised => {
                anyhow::bail!("not opened, may be tried again later: {error}")
            }
            ErrorKind::Refused | ErrorKind::Forbidden | ErrorKind::NotFound => anyhow::bail!("not opened: {error}"),
        },
    };
    println!("Ticket {} is open.", ticket.id);

    // An outcome that private notes are written with; every Halo names its own.
    let outcomes = client.outcomes(ticket.tickettype_id).await?;
    let note = outcomes.iter().find(|outcome| outcome.hidefromuser == Some(true)).context("no private outcome")?;
    let action = NewAction {
        ticket_id: ticket.id,
        outcome_id: Some(note.id),
        note_html: "<p>A quarter of an hour.</p>".into(),
        hiddenfromuser: true,
        timetaken: Some(0.25),
        ..NewAction::default()
    };
    let action = client.add_action(&action).await?;
    println!("Action {} is written.", action.id);
    Ok(())
}
