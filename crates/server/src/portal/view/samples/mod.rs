//! Views filled by hand: what the tests render, and what a person looks at while changing a template.

use super::approvals::*;
use super::frame::*;
use super::problem::*;
use super::request::*;
use super::sign_in::*;
use super::steps::*;
use super::sync::*;
use super::ticketing::*;
use crate::portal::text::Text;

fn text() -> Text {
    Text::default()
}

fn at(clock: &str) -> When {
    When { iso: format!("2026-11-24T{clock}Z"), text: clock.to_owned() }
}

fn frame(screen: Screen, title: &str) -> Frame {
    Frame {
        screen,
        title: title.to_owned(),
        person: Person { name: "Maria Ruiz".into(), initials: "MR".into(), role: "Level 3".into() },
        connection: Connection::Connected,
        waiting: 6,
        unlinked: Unlinked { companies: 5, locations: 11, computers: 38, users: 1 },
        settings: Settings::Shown,
        attention: 4,
        banner: None,
        form_token: "sample-token".into(),
        search: String::new(),
    }
}

fn row(id: &str, program: &str, who: (&str, &str, &str), clock: &str, risk: Risk, weighs: &str) -> QueueRow {
    QueueRow {
        id: format!("req_{id}"),
        program: program.into(),
        account: who.0.into(),
        computer: who.1.into(),
        company: who.2.into(),
        since: When { iso: format!("2026-11-24T{clock}Z"), text: "4 min".into() },
        late: risk == Risk::High,
        again: false,
        risk,
        weighs: weighs.into(),
        why: Some("The printer at the front desk keeps stopping.".into()),
        asked: 1,
        decided: None,
        version: 1,
    }
}

fn rows() -> Vec<QueueRow> {
    let mut decided = row(
        "d",
        "Zoom Workplace 6.4",
        ("b.moss", "EXM-WS-014", "Example Manufacturing"),
        "14:01:00",
        Risk::Low,
        "Signed",
    );
    decided.decided = Some(Decided {
        sentence: "Approved by Sam Okoro".into(),
        tone: Tone::Ok,
        at: Some(at("14:05:00")),
        reason: None,
    });
    let mut repeated = row(
        "c",
        "Wireshark 4.6.1 installer",
        ("j.ortiz", "DEMO-LT-203", "Demo Freight Lines"),
        "14:03:00",
        Risk::LookTwice,
        "Signed, first seen at this company",
    );
    repeated.asked = 3;
    vec![
        row(
            "a",
            "fix-spooler.ps1",
            ("t.alvarez", "SPC-WS-031", "Specimen Credit Union"),
            "13:59:00",
            Risk::High,
            "PowerShell, unsigned script in Downloads",
        ),
        row(
            "b",
            "Ledger Desk 2027.2 update",
            ("a.novak", "SDG-FD-01", "Sample Dental Group"),
            "14:01:00",
            Risk::Low,
            "Signed, known publisher",
        ),
        repeated,
        decided,
        row(
            "e",
            "sudo apt-get install nmap",
            ("d.lee", "demo-dev-07", "Demo Freight Lines"),
            "14:04:00",
            Risk::LookTwice,
            "Package manager, exact command only",
        ),
        row(
            "f",
            "Logi Options+ 1.90",
            ("k.brandt", "EXM-LT-088", "Example Manufacturing"),
            "14:05:00",
            Risk::Low,
            "Signed, seen on 61 computers",
        ),
        row(
            "g",
            "Acme Label Printer driver 3.2",
            ("r.ivers", "PLC-WS-006", "Placeholder Legal LLP"),
            "14:05:30",
            Risk::Low,
            "Signed. Ticket waits for a link",
        ),
    ]
}

fn queue(chosen: &str) -> Queue {
    Queue {
        text: text(),
        rows: rows(),
        chosen: Some(format!("req_{chosen}")),
        waiting: 6,
        minutes: 240,
        form_token: "sample-token".into(),
        first_run: None,
    }
}

fn fact(name: &str, value: &str, style: FactStyle) -> Fact {
    Fact { name: name.into(), value: value.into(), short: None, style }
}

fn facts() -> Vec<Fact> {
    let hash = "9f2c71d04e41bbe04e41b9f2c71d04e41bbe04e41b9f2c71d04e41bbe04e41b0";
    let mut sha = fact("SHA-256", hash, FactStyle::Mono);
    sha.short = Some("9f2c71d0…e04e41b0".into());
    vec![
        fact("Publisher", "Ledger Desk Software Ltd", FactStyle::Verified),
        fact("Path", "C:\\Program Files\\Ledger\\upd.exe", FactStyle::Mono),
        sha,
        fact("Runs as", "Administrator", FactStyle::Plain),
        fact("Started by", "ledgerdesk.exe", FactStyle::Mono),
        fact("Size", "88.4 MB", FactStyle::Plain),
    ]
}

fn reasons() -> Vec<Reason> {
    let reason = |tone, text: &str| Reason { tone, text: text.into() };
    vec![
        reason(Tone::Ok, "Signed by Ledger Desk Software Ltd, chain valid"),
        reason(Tone::Ok, "Folder is closed to ordinary users"),
        reason(Tone::Warn, "This build first seen 5 minutes ago"),
    ]
}

fn past() -> Vec<Past> {
    let past = |clock, name: &str, by: &str, word: &str, tone| Past {
        href: "/portal/requests/req_z".into(),
        at: at(clock),
        name: name.into(),
        by: by.into(),
        word: word.into(),
        tone,
    };
    vec![
        past("09:12:00", "Printer driver 3.1", "Priya Nair", "Approved", Tone::Ok),
        past("08:40:00", "cmd.exe", "Sam Okoro", "Denied", Tone::Bad),
    ]
}

fn bar(id: &str, risk: Risk, ask: Ask) -> Bar {
    Bar {
        text: text(),
        id: format!("req_{id}"),
        version: 1,
        form_token: "sample-token".into(),
        risk,
        ask,
        reason: String::new(),
        minutes: 240,
        error: None,
        outcome: text().count("bar-outcome", 5_u64),
        decided: None,
        may_not: None,
        next: Some("req_c".into()),
    }
}

fn pane(id: &str, risk: Risk, ask: Ask) -> Pane {
    Pane {
        text: text(),
        id: format!("req_{id}"),
        program: if risk == Risk::High { "fix-spooler.ps1" } else { "Ledger Desk 2027.2 update" }.into(),
        account: "a.novak".into(),
        computer: "SDG-FD-01".into(),
        company: "Sample Dental Group".into(),
        location: "Main Street".into(),
        asked_at: at("14:01:00"),
        asked: 1,
        risk,
        reasons: reasons(),
        why: Some("Payroll closes today and the program will not open without the update.".into()),
        facts: facts(),
        command_line: Some(
            "powershell.exe -ExecutionPolicy Bypass -File C:\\Users\\t.alvarez\\Downloads\\fix-spooler.ps1".into(),
        ),
        ticket: TicketLink::Open {
            number: "48212".into(),
            url: Some("https://halo.example.com/tickets?id=48212".into()),
            status: Some("New".into()),
        },
        before: past(),
        bar: bar(id, risk, ask),
        said: None,
    }
}

/// The approvals screen with a low-risk request chosen.
pub(super) fn approvals() -> ApprovalsPage {
    ApprovalsPage {
        text: text(),
        frame: frame(Screen::Approvals, "Approvals"),
        queue: queue("b"),
        pane: Some(pane("b", Risk::Low, Ask::Decide)),
        request_first: RequestFirst::No,
    }
}

/// The same with the question before a high-risk approval, opened by its own address.
pub(super) fn approvals_asking() -> ApprovalsPage {
    let mut page = approvals();
    let mut shown = pane("a", Risk::High, Ask::ConfirmApprove);
    shown.bar.error = Some(text().t("bar-reason-missing"));
    page.queue = queue("a");
    page.pane = Some(shown);
    page.request_first = RequestFirst::Yes;
    page
}

/// High risk before the question: nothing is filled.
pub(super) fn approvals_high() -> ApprovalsPage {
    let mut page = approvals();
    page.queue = queue("a");
    page.pane = Some(pane("a", Risk::High, Ask::Decide));
    page.request_first = RequestFirst::Yes;
    page
}

/// Somebody else was faster.
pub(super) fn approvals_decided() -> ApprovalsPage {
    let mut page = approvals();
    let mut shown = pane("d", Risk::Low, Ask::Decide);
    shown.bar.decided = Some(Decided {
        sentence: "Approved by Sam Okoro".into(),
        tone: Tone::Ok,
        at: Some(at("14:05:00")),
        reason: Some("Known build".into()),
    });
    page.queue = queue("d");
    page.pane = Some(shown);
    page
}

/// Nothing waits, everything is set up.
pub(super) fn approvals_empty() -> ApprovalsPage {
    let mut page = approvals();
    page.queue.rows.clear();
    page.queue.waiting = 0;
    page.frame.waiting = 0;
    page.pane = None;
    page
}

/// Nothing is set up.
pub(super) fn first_run() -> ApprovalsPage {
    let mut page = approvals_empty();
    page.frame.connection = Connection::NotSet;
    page.frame.unlinked = Unlinked::default();
    page.frame.attention = 0;
    page.queue.first_run = Some(FirstRun {
        role: "Administrator".into(),
        halo_connected: false,
        computers: 0,
        others: 0,
        enroll_command: Some("countersign-agent enroll \\\n  --server https://approvals.example.com \\\n  --key CSK-4Q7N-81TB-WZ6K \\\n  --company NAME --location NAME".into()),
    });
    page
}

fn attempt(clock: &str, answer: &str, tone: Tone, sentence: &str) -> Attempt {
    Attempt { at: at(clock), answer: answer.into(), tone, sentence: sentence.into(), words: None }
}

fn story() -> Vec<Entry> {
    let entry = |clock: &str, side, tone, icon, title: &str, detail: &str| Entry {
        at: at(clock),
        side,
        tone,
        icon,
        title: title.into(),
        detail: detail.into(),
        quote: None,
        attempts: vec![],
    };
    let mut asked = entry("14:02:07", Side::Endpoint, Tone::Quiet, "hand-stop", "j.ortiz asked on DEMO-LT-203", "");
    asked.quote = Some("Tracing a printer problem together with the vendor.".into());
    let mut opened = entry(
        "14:02:08",
        Side::Ticket,
        Tone::Ok,
        "ticket",
        "Ticket opened",
        "Demo Freight Lines · Dallas depot · asset DEMO-LT-203",
    );
    opened.attempts = vec![
        attempt(
            "14:02:08",
            "No answer",
            Tone::Warn,
            "Cut off after 15 s. Nothing is sent again before it is looked for.",
        ),
        attempt("14:02:25", "Found", Tone::Ok, "By [CS-7K3M9QXA]: Halo had made it. Not posted again."),
    ];
    let mut decided =
        entry("14:04:18", Side::People, Tone::Accent, "check", "Maria Ruiz approved, once, within 4 hours", "");
    decided.quote = Some("Fine for the printer case, remove it afterwards.".into());
    let mut written =
        entry("14:04:19", Side::Ticket, Tone::Bad, "ticket", "Write the decision to the ticket", "Needs attention");
    written.attempts = (0..7)
        .map(|n| {
            let mut refused = attempt("14:04:19", "403, 88 ms", Tone::Bad, "Halo refuses. A person must act.");
            refused.words = Some(format!("You do not have permission ({n})"));
            refused
        })
        .collect();
    vec![
        asked,
        opened,
        decided,
        entry("14:04:18", Side::Endpoint, Tone::Quiet, "key", "Grant used, program started", ""),
        written,
        entry("14:19:52", Side::Endpoint, Tone::Quiet, "flag", "Program ended", "Exit code 0"),
    ]
}

/// A decided request's own page.
pub(super) fn request() -> RequestPage {
    RequestPage {
        text: text(),
        frame: frame(Screen::Requests, "Wireshark 4.6.1 installer"),
        id: "req_c".into(),
        reference: "CS-7K3M9QXA".into(),
        program: "Wireshark 4.6.1 installer".into(),
        state: "Approved".into(),
        state_tone: Tone::Ok,
        account: "j.ortiz".into(),
        computer: "DEMO-LT-203".into(),
        company: "Demo Freight Lines".into(),
        location: "Dallas depot".into(),
        summary: "decided by Maria Ruiz in 2 min 11 s".into(),
        story: story(),
        facts: facts(),
        command_line: Some("Wireshark-4.6.1-x64.exe /S".into()),
        risk: Risk::LookTwice,
        reasons: reasons(),
        ticket: TicketCard {
            link: TicketLink::Open {
                number: "48214".into(),
                url: Some("https://halo.example.com/tickets?id=48214".into()),
                status: Some("Closed".into()),
            },
            reference: "CS-7K3M9QXA".into(),
            assigned_to: Some("Maria Ruiz".into()),
            time: Some("5 min, Maria Ruiz".into()),
            steps: "1 of 2 done".into(),
        },
        before: past(),
        bar: None,
        revocable: Offered::Yes,
        attachable: Offered::No,
    }
}

/// A waiting request's own page, with the bar.
pub(super) fn request_waiting() -> RequestPage {
    let mut page = request();
    page.state = "Waiting".into();
    page.state_tone = Tone::Accent;
    page.summary = String::new();
    page.story.truncate(2);
    page.ticket.link = TicketLink::Waiting(text().t("ticket-waits-link"));
    page.bar = Some(bar("c", Risk::LookTwice, Ask::Decide));
    page.revocable = Offered::No;
    page
}

fn tab(state: &'static str, key: &str, count: Option<u64>, current: bool) -> Tab {
    Tab { state, label: text().t(key), count, current }
}

/// The list of requests.
pub(super) fn requests() -> RequestsPage {
    let row = |program: &str, state: &str, tone, by: &str, ticket| RequestRow {
        id: "req_c".into(),
        program: program.into(),
        account: "j.ortiz".into(),
        computer: "DEMO-LT-203".into(),
        company: "Demo Freight Lines".into(),
        state: state.into(),
        tone,
        by: by.into(),
        asked_at: at("13:02:07"),
        ticket,
    };
    let open = |number: &str, status: &str| TicketLink::Open {
        number: number.into(),
        url: Some(format!("https://halo.example.com/tickets?id={number}")),
        status: Some(status.into()),
    };
    RequestsPage {
        text: text(),
        frame: frame(Screen::Requests, "Requests"),
        tabs: vec![
            tab("all", "tab-all", None, true),
            tab("pending", "tab-waiting", Some(6), false),
            tab("approved", "tab-approved", None, false),
            tab("denied", "tab-denied", None, false),
            tab("expired", "tab-expired", None, false),
        ],
        query: String::new(),
        rows: vec![
            row("Ledger Desk 2027.2 update", "Waiting", Tone::Accent, "", open("48215", "New")),
            row("Wireshark 4.6.1 installer", "Approved", Tone::Ok, "Maria Ruiz", open("48214", "Closed")),
            row("cmd.exe", "Denied", Tone::Bad, "Sam Okoro", open("48213", "Closed")),
            row(
                "Acme Label Printer driver 3.2",
                "Expired",
                Tone::Quiet,
                "",
                TicketLink::Waiting(text().t("ticket-waits-link")),
            ),
        ],
        next: Some("cursor".into()),
        empty: None,
    }
}

/// The list of requests, filtered to nothing.
pub(super) fn requests_none() -> RequestsPage {
    let mut page = requests();
    page.rows.clear();
    page.query = "zz <b>".into();
    page.empty =
        Some(Empty::filtered(text(), text().arg("requests-none-found", "query", &page.query), "/portal/requests"));
    page
}

fn field(name: &'static str, value: &str) -> Field {
    Field { name, value: value.into(), error: None }
}

fn select(name: &'static str, chosen: &str) -> Select {
    Select { name, chosen: Some(chosen.into()), error: None }
}

/// The settings with a connection and a finished check.
pub(super) fn ticketing() -> TicketingPage {
    let choice = |id: &str, name: &str| Choice { id: id.into(), name: name.into() };
    let line = |word: &str, tone, icon, title: &str, seen: &str| CheckLine {
        word: text().t(word),
        tone,
        icon,
        title: title.into(),
        seen: seen.into(),
        fix: None,
        place: None,
    };
    let mut fails = line(
        "check-word-fail",
        Tone::Bad,
        "circle-x",
        "Can see Unassigned Tickets for this Team",
        "Off for team Service Desk; new tickets would vanish from our sight",
    );
    fails.fix = Some("Switch it on, then check again.".into());
    fails.place = Some("Teams › Service Desk › Agents › Countersign API".into());
    TicketingPage {
        text: text(),
        frame: frame(Screen::Ticketing, "Ticketing System"),
        connection: vec![
            field("resource_url", "https://halo.example.com/api"),
            field("auth_url", "https://halo.example.com/auth"),
            field("tenant", "sample"),
            field("client_id", "6f0d2c1e-0000-4000-8000-000000000000"),
        ],
        secret: Secret::Stored,
        secret_error: None,
        choices: Choices {
            ticket_types: vec![choice("1", "Incident"), choice("2", "Elevation")],
            statuses: vec![choice("1", "New"), choice("9", "Closed")],
            outcomes: vec![choice("5", "Private note")],
            teams: vec![choice("Service Desk", "Service Desk")],
            priorities: vec![choice("3", "Medium")],
        },
        choices_error: None,
        ticket_type: select("ticket_type", "2"),
        statuses: vec![
            select("status_open", "1"),
            select("status_approved", "9"),
            select("status_denied", "9"),
            select("status_expired", "77"),
            select("status_withdrawn", ""),
        ],
        outcome: select("outcome", "5"),
        team: select("team", "Service Desk"),
        priority: select("priority", ""),
        assign: Switch::On,
        time: Time::Fixed,
        minutes: field("minutes", "5"),
        edit: Switch::On,
        said: None,
        setup: Setup::Over,
        check: Some(Check {
            text: text(),
            lines: vec![
                line("check-word-ok", Tone::Ok, "circle-check", "Address", "Answers in 84 ms"),
                line("check-word-ok", Tone::Ok, "circle-check", "Client ID and secret", "Token for 60 min"),
                line(
                    "check-word-warn",
                    Tone::Warn,
                    "alert-circle",
                    "Permissions of the application",
                    "Wider than needed: all was given",
                ),
                line(
                    "check-word-info",
                    Tone::Info,
                    "info-circle",
                    "Contacts",
                    "None visible. Tickets will name the user in the text",
                ),
                fails,
                line("check-word-unknown", Tone::Quiet, "help-circle", "Can Re-assign Tickets", "Not tried"),
            ],
            error: None,
        }),
        sync: Some(SyncPanel {
            text: text(),
            sync: sync(crate::portal::sync::SETTINGS, Some("Sync runs. Assets 12,000 of 100,000")),
            kinds: vec![
                synced("Customers", ["48", "43", "3", "1", "1"], None),
                synced("Assets", ["100,000", "1,204", "38", "0", "2"], None),
                synced("End users", ["2,310", "0", "311", "0", "0"], Some("Halo shows our agent no end users.")),
            ],
        }),
    }
}

fn sync(from: &'static str, running: Option<&str>) -> Standing {
    Standing {
        from,
        form_token: "sample-token".into(),
        running: running.map(str::to_owned),
        trouble: None,
        full_at: Some(at("06:02:11")),
        changes_at: Some(at("09:47:10")),
        may_ask: true,
    }
}

fn synced(name: &str, [seen, counts @ ..]: [&str; 5], note: Option<&str>) -> SyncedKind {
    SyncedKind {
        name: name.into(),
        seen: seen.into(),
        counts: counts.map(str::to_owned),
        note: note.map(str::to_owned),
    }
}

/// The settings before anything was entered, with a refused form.
pub(super) fn ticketing_new() -> TicketingPage {
    let mut page = ticketing();
    for field in &mut page.connection {
        field.value.clear();
    }
    page.connection[0].error = Some(text().t("tk-error-address"));
    page.secret = Secret::Missing;
    page.setup = Setup::New;
    page.choices = Choices::default();
    page.choices_error = Some(text().t("tk-no-choices"));
    page.said = Some((Tone::Bad, text().t("tk-not-saved")));
    page.check = None;
    page
}

/// Steps that need a person.
pub(super) fn steps() -> StepsPage {
    let step = |reference: &str, what: &str, company: &str| StepRow {
        id: format!("step_{reference}"),
        href: "/portal/requests/req_c".into(),
        reference: reference.into(),
        what: what.into(),
        program: "Wireshark 4.4".into(),
        company: company.into(),
        ticket: None,
        at: Some(at("13:42:00")),
        tries: 9,
        next_at: None,
        attempts: (0..9)
            .map(|n| attempt(&format!("13:42:0{n}"), "403, 88 ms", Tone::Bad, "Halo refuses. A person must act."))
            .collect(),
        actions: Actions::RetryAndGiveUp,
        without_it: text().t("give-up-open_ticket"),
    };
    let cause = |tone, key, title: &str, sentence: &str| Cause {
        tone,
        key,
        title: title.into(),
        text: sentence.into(),
        fix: None,
        place: None,
        words: Vec::new(),
        since: Some(at("13:41:00")),
        link: None,
        count: 1,
        steps: Vec::new(),
        companies: Vec::new(),
        more: None,
    };
    StepsPage {
        text: text(),
        frame: frame(Screen::Steps, "Ticket steps"),
        tabs: vec![
            tab("attention", "tab-attention", Some(4), true),
            tab("waiting", "tab-waiting", Some(2), false),
            tab("done", "tab-done", None, false),
        ],
        companies: ["Demo Freight Lines", "Example Manufacturing"]
            .map(|name| CompanyChoice { id: "company_a".into(), name: name.into(), chosen: false })
            .into(),
        only: None,
        causes: vec![
            Cause {
                fix: Some("Allow the ticket type, then retry.".into()),
                place: Some("Configuration › Teams & Agents › Agents › the API-only agent".into()),
                words: vec!["You do not have permission to create this ticket type".into()],
                count: 7,
                steps: vec![
                    step("CS-1JZ5E8TD", "Open the ticket", "Demo Freight Lines"),
                    step("CS-6C0P2WRA", "Open the ticket", "Example Manufacturing"),
                ],
                more: Some(("/portal/steps?state=attention&cause=ticket_not_permitted".into(), "Show all 7".into())),
                ..cause(Tone::Bad, "ticket_not_permitted", "Halo refuses new tickets", "The agent may not add tickets.")
            },
            Cause {
                steps: vec![StepRow {
                    ticket: Some(("48102".into(), "https://halo.example.com/ticket?id=48102".into())),
                    actions: Actions::AlsoNewTicket,
                    ..step("CS-5WX0M3RD", "Write the decision to the ticket", "Sample Harbour")
                }],
                ..cause(Tone::Bad, "ticket_gone", "A ticket is gone", "No new one is made unless you say so.")
            },
            Cause {
                link: Some(("/portal/companies?state=unlinked".into(), text().t("steps-link-open"))),
                count: 3,
                companies: vec![WaitingRow {
                    href: "/portal/companies/company_b".into(),
                    name: "Placeholder Legal LLP".into(),
                    count: text().count("steps-tickets", 3),
                    since: Some(at("13:30:00")),
                }],
                ..cause(Tone::Warn, "no_link", "Companies without a link", "Their tickets wait.")
            },
        ],
        next: None,
        empty: None,
        said: None,
    }
}

/// Nothing needs a person.
pub(super) fn steps_none() -> StepsPage {
    let mut page = steps();
    page.causes.clear();
    page.empty = Some(Empty {
        title: text().t("steps-none-attention"),
        text: text().t("steps-none-attention-text"),
        link: None,
    });
    page
}

/// The page behind a one-use link.
pub(super) fn sign_in(link: Link) -> SignInPage {
    SignInPage { text: text(), link, host: "approvals.example.com".into() }
}

pub(super) mod alerts;
pub(super) mod directory;
pub(super) mod ticket_settings;

/// An error page.
pub(super) fn problem(problem: Problem) -> ProblemPage {
    ProblemPage { text: text(), problem, sentence: None }
}
