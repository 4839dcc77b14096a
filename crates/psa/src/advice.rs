//! What stands behind a step that does not go on, what that means, and where in HaloPSA it is changed.
//!
//! Read by people beside Halo's own words: on the page of ticket steps, in the API and in alerts. Names of settings are
//! Halo's own, the same as in the live check. The decision a reader would undo: this stands here and not in the portal,
//! because which right a refusal means is knowledge of the other side.

use countersign_domain::cause::Cause;

const APPLICATION: &str = "Configuration > Integrations > HaloPSA API > Applications";
const AGENT: &str = "Configuration > Teams & Agents > Agents > the API-only agent > Permissions";

/// What a person needs to know of a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// What happened, as a heading.
    pub title: &'static str,
    /// What it means for tickets.
    pub means: &'static str,
    /// What to change; none where nothing is to be done.
    pub fix: Option<&'static str>,
    /// Where to change it.
    pub place: Option<&'static str>,
}

/// What a person needs to know of this cause.
#[must_use]
#[expect(clippy::too_many_lines, reason = "one table of sentences")]
pub fn advice(cause: Cause) -> Advice {
    let plain = |title, means| Advice { title, means, fix: None, place: None };
    match cause {
        Cause::TicketNotPermitted => Advice {
            title: "Halo refuses new tickets",
            means: "The agent behind our application may not add tickets of this type or for this customer.",
            fix: Some(
                "Set \"Can add new Tickets\" to Yes and allow the ticket type for the agent's team or department, then \
                 retry.",
            ),
            place: Some(AGENT),
        },
        Cause::TicketInvalid => Advice {
            title: "Halo does not take a new ticket as it is sent",
            means: "A field is missing or not allowed: mostly one that the ticket type makes mandatory, or a chosen \
                    status, team or priority that it does not know.",
            fix: Some("Change what its words name, there or under Settings, Ticketing System, then retry."),
            place: Some("Configuration > Tickets > Ticket Types > the chosen type"),
        },
        Cause::ActionNotPermitted => Advice {
            title: "Halo refuses notes on tickets",
            means: "The ticket is there, but the agent behind our application may not write on it.",
            fix: Some(
                "Set \"Can Edit Tickets Which Are Not Assigned To Them\" to Yes, or the department's Membership Level to \
                 Modify All, then retry.",
            ),
            place: Some(AGENT),
        },
        Cause::ActionInvalid => Advice {
            title: "Halo does not take a note as it is sent",
            means: "Its outcome, status or a mandatory field is not allowed on this ticket.",
            fix: Some("Change what its words name, there or under Settings, Ticketing System, then retry."),
            place: Some("Configuration > Tickets > Ticket Types > the chosen type > Allowed Actions"),
        },
        Cause::TicketGone => Advice {
            title: "A ticket is gone",
            means: "Somebody deleted it in Halo, or the agent behind our application can no longer see it. No new one \
                    is made unless you say so.",
            fix: Some("Restore it in Halo and retry, create a new one, or give up."),
            place: None,
        },
        Cause::ReadingNotPermitted => Advice {
            title: "Halo does not let us read",
            means: "The records that tickets are tied to cannot be looked up.",
            fix: Some(
                "Set \"Client Access Level\" to View (Names Only) and \"Assets Access Level\" to Read Only, then retry.",
            ),
            place: Some(AGENT),
        },
        Cause::Hidden => Advice {
            title: "Cannot tell whether this was written",
            means: "It may be in Halo, but tickets of ours that must be there are not shown either, so its absence \
                    proves nothing. Nothing is sent again before that is seen.",
            fix: Some(
                "Set \"Can view Unassigned Tickets\" and \"Can view Tickets that are assigned to other Agents\" to Yes, \
                 and the team's two \"Can see\" to on, then retry.",
            ),
            place: Some(AGENT),
        },
        Cause::Credentials => Advice {
            title: "Halo does not let our application in",
            means: "Nothing can be written or read. It is tried every five minutes.",
            fix: Some("Enter client id and secret anew under Settings, Ticketing System; a secret is shown only once."),
            place: Some(APPLICATION),
        },
        Cause::AddressNotAllowed => Advice {
            title: "This server may not call that address",
            means: "Its own configuration allows Halo on public addresses alone.",
            fix: Some("Add the line that the words show to countersign.toml and restart, or correct the address."),
            place: None,
        },
        Cause::NotReached => {
            plain("Halo cannot be reached", "Nothing was sent. It goes on by itself when Halo answers again, in order.")
        }
        Cause::NoAnswer => plain(
            "Halo did not answer in time",
            "Nobody knows whether it was written. It is looked for before it is sent again.",
        ),
        Cause::ServerFault => plain(
            "Halo fails",
            "Tickets wait, and go on by themselves when it answers again. What was sent is looked for before it is sent again.",
        ),
        Cause::NotUnderstood => Advice {
            title: "Halo's answer is not understood",
            means: "A web page or broken text came where the API's answer was due. What was sent is looked for first.",
            fix: Some("If it lasts, compare \"Resource Server\" with the address under Settings; it ends with /api."),
            place: Some("Configuration > Integrations > HaloPSA API"),
        },
        Cause::RateLimited => {
            plain("Halo asks for fewer calls", "It goes on when Halo allows more. Decisions go before new tickets.")
        }
        Cause::NoLink => Advice {
            title: "Companies without a link",
            means: "Their tickets wait. Linking a company makes its tickets at once, with the true times in their text.",
            fix: Some("Link the company to its customer in Halo."),
            place: None,
        },
        Cause::NotSetUp => Advice {
            title: "The ticketing system is not set up",
            means: "Tickets wait for a setting. They are made when it is there.",
            fix: Some("Complete Settings, Ticketing System."),
            place: None,
        },
        Cause::Restored => Advice {
            title: "Halo holds tickets that this database does not know",
            means: "The database is older than they are, as after a restored backup. New tickets wait.",
            fix: Some("Look at these tickets in Halo, then let new ones go on."),
            place: None,
        },
        Cause::LookedFor => plain(
            "Looked for in Halo",
            "An answer was lost. It is sent again only after it was looked for and not found.",
        ),
        Cause::NotSent => plain(
            "Tickets are not sent",
            "Steps wait that were not tried yet: Halo could not be reached since the start, or no worker runs.",
        ),
        Cause::Ours => {
            plain("This server failed", "Nothing of it was sent, or it is looked for first. The log holds the cause.")
        }
    }
}
