//! The story: a day's requests, who decides them how, and whether every ticket is right.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use countersign_app::clock::{Clock as _, Ids as _, System};
use countersign_domain::{id::RequestId, time::Time};
use countersign_wire::Sha256;
use serde_json::{Value, json};
use sha2::Digest as _;
use tokio::task::JoinSet;

use crate::call::{Caller, text};

use super::{
    document::{Request, Say, Ticket},
    endpoint::{Computer, Wish},
    memory::Memory,
    setup::{Decider, Desk},
};

/// How long the tickets may take to be right.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often they are looked at.
const PAUSE: Duration = Duration::from_millis(150);

/// One scene.
struct Scene {
    key: &'static str,
    company: usize,
    computer: usize,
    person: usize,
    program: &'static str,
    path: &'static str,
    publisher: Option<&'static str>,
    command_line: Option<&'static str>,
    reason: &'static str,
    verdict: Option<(&'static str, Who, &'static str)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    First,
    Second,
}

const SCENES: &[Scene] = &[
    Scene {
        key: "ledger",
        company: 0,
        computer: 0,
        person: 0,
        program: "Ledger Desk 2027.2 update",
        path: r"C:\Program Files\Ledger\upd.exe",
        publisher: Some("Ledger Desk Software Ltd"),
        command_line: Some("/update /quiet"),
        reason: "Payroll closes today and the program will not open without the update.",
        verdict: Some(("approve", Who::First, "Known publisher, expected update.")),
    },
    Scene {
        key: "wireshark",
        company: 1,
        computer: 0,
        person: 0,
        program: "Wireshark 4.6.1 installer",
        path: r"C:\Users\demo\Downloads\Wireshark-4.6.1-x64.exe",
        publisher: Some("Wireshark Foundation"),
        command_line: None,
        reason: "Tracing a printer problem together with the vendor.",
        verdict: Some(("approve", Who::Second, "Fine for the printer case, remove it afterwards.")),
    },
    Scene {
        key: "remote",
        company: 2,
        computer: 0,
        person: 0,
        program: "Remote Helper 9.0.4",
        path: r"C:\Users\demo\Downloads\remote-helper.exe",
        publisher: None,
        command_line: None,
        reason: "A caller said that I should install this.",
        verdict: Some(("deny", Who::First, "Nobody of ours called. Hang up and call us back.")),
    },
    Scene {
        key: "driver",
        company: 0,
        computer: 1,
        person: 1,
        program: "Label Printer driver 3.2",
        path: r"C:\Temp\label-driver.exe",
        publisher: Some("Example Label Printers"),
        command_line: Some("/S"),
        reason: "New label printer at the front desk.",
        verdict: Some(("approve", Who::Second, "Installs the driver we ordered.")),
    },
    Scene {
        key: "spooler",
        company: 1,
        computer: 1,
        person: 1,
        program: "fix-spooler.ps1",
        path: r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
        publisher: Some("Microsoft Windows"),
        command_line: Some(r"-ExecutionPolicy Bypass -File C:\Users\demo\Downloads\fix-spooler.ps1"),
        reason: "Found this script on a forum.",
        verdict: Some(("deny", Who::Second, "Unsigned script from a download folder. I look at the printer instead.")),
    },
    Scene {
        key: "meeting",
        company: 2,
        computer: 1,
        person: 1,
        program: "Meeting Workplace 6.4",
        path: r"C:\Users\demo\Downloads\meeting-workplace.msi",
        publisher: Some("Example Meetings Inc"),
        command_line: None,
        reason: "Meeting with the bank in half an hour.",
        verdict: None,
    },
    Scene {
        key: "nmap",
        company: 1,
        computer: 0,
        person: 0,
        program: "apt-get install nmap",
        path: "/usr/bin/apt-get",
        publisher: None,
        command_line: Some("install nmap"),
        reason: "Checking which ports the scanner needs.",
        verdict: None,
    },
    Scene {
        key: "shell",
        company: 0,
        computer: 0,
        person: 0,
        program: "PowerShell",
        path: r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
        publisher: Some("Microsoft Windows"),
        command_line: None,
        reason: "Need to look at something.",
        verdict: None,
    },
];

/// How the story ended.
pub(super) struct Told {
    pub(super) requests: Vec<Request>,
    pub(super) wrong: Vec<String>,
}

struct Played {
    scene: &'static Scene,
    computer: Computer,
    wish: Wish,
}

/// Plays the scenes that are decided, and compares every ticket with what it should be.
pub(super) async fn play(desk: &Desk, memory: &mut Memory, say: &Say) -> Result<Told> {
    let mut played = Vec::new();
    let mut endpoints = JoinSet::new();
    for scene in SCENES.iter().filter(|scene| scene.verdict.is_some()) {
        let act = ask(desk, memory, scene).await?;
        say.line(format!(
            "{} asks to run {} on {}.",
            text(&act.wish.body, "/end_user/display_name")?,
            scene.program,
            act.computer.name
        ));
        let (computer, wish) = (act.computer.clone(), act.wish.clone());
        endpoints.spawn(async move { computer.see_it_through(&wish).await });
        played.push(act);
    }
    for act in &played {
        let Some((verdict, who, reason)) = act.scene.verdict else { continue };
        let decider = decider(desk, who);
        decide(desk, decider, &act.wish.id, verdict, reason).await?;
        say.line(format!("{} decides on {}: {verdict}.", decider.name, act.scene.program));
    }
    while let Some(ended) = endpoints.join_next().await {
        ended?.context("an endpoint did not get its answer")?;
    }
    say.line("Every endpoint has its answer. The tickets follow…");
    let mut told = Told { requests: Vec::new(), wrong: Vec::new() };
    for act in &played {
        let request = wait_for_ticket(&desk.portal(), &act.wish.id).await?;
        compare(desk, act, &request, &mut told).await?;
    }
    Ok(told)
}

/// Asks for the scenes that wait for the reader; the endpoints go on waiting until the returned set is dropped.
pub(super) async fn leave_waiting(desk: &Desk, memory: &mut Memory, say: &Say) -> Result<JoinSet<()>> {
    let mut endpoints = JoinSet::new();
    for scene in SCENES.iter().filter(|scene| scene.verdict.is_none()) {
        let act = ask(desk, memory, scene).await?;
        let say = *say;
        endpoints.spawn(async move {
            match act.computer.see_it_through(&act.wish).await {
                Ok(state) => say.line(format!("{} on {}: {state}.", act.scene.program, act.computer.name)),
                Err(error) => tracing::warn!(%error, "a played endpoint gave up"),
            }
        });
    }
    Ok(endpoints)
}

fn decider(desk: &Desk, who: Who) -> &Decider {
    match who {
        Who::First => &desk.first,
        Who::Second => &desk.second,
    }
}

async fn ask(desk: &Desk, memory: &mut Memory, scene: &'static Scene) -> Result<Played> {
    let company = desk.companies.get(scene.company % desk.companies.len()).context("there is no company")?;
    let pick = |list: &[String], place: usize| list.get(place % list.len().max(1)).cloned().unwrap_or_default();
    let computer =
        Computer::enroll(desk, memory, &company.name, &pick(&company.sites, 0), &pick(&company.assets, scene.computer))
            .await?;
    let id = memory.get_or(&format!("request {}", scene.key), || RequestId::from_uuid(System.uuid()).to_string())?;
    let asked_at = memory.get_or(&format!("asked at {}", scene.key), || System.now().rfc3339())?;
    let (name, email) = company
        .people
        .get(scene.person % company.people.len().max(1))
        .cloned()
        .unwrap_or_else(|| ("Sample Person".to_owned(), "sample.person@example.org".to_owned()));
    let account = email.split('@').next().unwrap_or("sample").to_owned();
    let sha256 = Sha256::from_digest(&sha2::Sha256::digest(scene.path.as_bytes()).into()).to_string();
    let body = json!({
        "end_user": { "account": account, "user_id": "1001", "display_name": name, "email": email },
        "program": {
            "path": scene.path, "sha256": sha256, "size": 9_240_576, "product": scene.program, "version": "1.0",
            "publisher": scene.publisher.map(|subject| json!({ "subject": subject, "thumbprint": sha256, "verified": true })),
        },
        "command_line": scene.command_line, "run_as": "Administrator", "parent": "explorer.exe",
        "working_dir": r"C:\Users\demo", "reason": scene.reason, "requested_at": asked_at,
    });
    let wish = Wish { id, body };
    computer.ask(&wish).await.with_context(|| format!("{} could not ask", computer.name))?;
    Ok(Played { scene, computer, wish })
}

async fn decide(desk: &Desk, decider: &Decider, id: &str, verdict: &str, reason: &str) -> Result<()> {
    let wish = json!({ "verdict": verdict, "scope": "once", "reason": reason });
    let portal = desk.server.with(&decider.token);
    let answer = portal.try_post(&format!("/api/v1/requests/{id}/decision"), &wish).await?;
    // Decided by the same scene before the demo was killed.
    if answer.status == 409 {
        return Ok(());
    }
    answer.ok()?;
    Ok(())
}

/// Waits until nothing of the request's story is left to be told.
async fn wait_for_ticket(portal: &Caller, id: &str) -> Result<Value> {
    let until = System.monotonic() + PATIENCE;
    loop {
        let request = portal.get(&format!("/api/v1/requests/{id}")).await?;
        let steps = request.pointer("/steps").and_then(Value::as_array).context("a request has steps")?;
        let told = !steps.is_empty() && steps.iter().all(|step| step.pointer("/state") == Some(&json!("done")));
        let seen = request.pointer("/ticket/seen_at").and_then(Value::as_str).and_then(Time::parse_rfc3339);
        if told && is_read_back(&request, seen) {
            return Ok(request);
        }
        if let Some(stuck) = steps.iter().find(|step| step.pointer("/state") == Some(&json!("attention"))) {
            bail!("A step needs a person: {stuck}");
        }
        if System.monotonic() > until {
            bail!("The ticket of {id} is not done after {} s. Its steps: {}", PATIENCE.as_secs(), json!(steps));
        }
        System.sleep(PAUSE).await;
    }
}

/// True if the ticket was seen after the last time that something was written on it.
fn is_read_back(request: &Value, seen: Option<Time>) -> bool {
    let written = request.pointer("/attempts").and_then(Value::as_array).and_then(|attempts| {
        attempts
            .iter()
            .filter(|attempt| attempt.pointer("/kind") != Some(&json!("open_ticket")))
            .filter_map(|attempt| Time::parse_rfc3339(attempt.pointer("/at")?.as_str()?))
            .max()
    });
    matches!((seen, written), (Some(seen), Some(written)) if seen > written)
}

/// Compares a ticket, read from Halo now, with what was asked for.
async fn compare(desk: &Desk, act: &Played, request: &Value, told: &mut Told) -> Result<()> {
    let Some((verdict, who, _)) = act.scene.verdict else { return Ok(()) };
    let portal = desk.portal();
    let id = &act.wish.id;
    let settings = portal.get("/api/v1/ticketing").await?;
    let live = portal.get(&format!("/api/v1/requests/{id}/ticket")).await?;
    let decider = portal.get(&format!("/api/v1/technicians/{}", decider(desk, who).id)).await?;
    let link = async |list: &str, place: &str| -> Result<Value> {
        let one = portal.get(&format!("/api/v1/{list}/{}", text(request, place)?)).await?;
        Ok(one.pointer("/link/psa_id").cloned().unwrap_or_default())
    };
    let now = |field: &str| live.pointer(&format!("/ticket/now/{field}")).cloned().unwrap_or_default();
    let status = if verdict == "approve" { "/status_approved" } else { "/status_denied" };
    let agent = decider.pointer("/link/psa_id").cloned().unwrap_or_default();
    let mut expect = |what: &str, wanted: Value, found: Value| {
        if wanted != found {
            told.wrong.push(format!("{}: {what} should be {wanted}, Halo has {found}", act.scene.program));
        }
    };
    expect("type", settings.pointer("/ticket_type").cloned().unwrap_or_default(), now("ticket_type"));
    expect("customer", link("companies", "/company/id").await?, now("customer"));
    expect("site", link("locations", "/location/id").await?, now("site"));
    expect("assets", json!([link("computers", "/computer/id").await?]), now("assets"));
    expect("status", settings.pointer(status).cloned().unwrap_or_default(), now("status"));
    expect("assignee", agent.clone(), now("assignee"));
    let actions: Vec<&Value> = live
        .pointer("/actions")
        .and_then(Value::as_array)
        .map(|actions| actions.iter().filter(|action| action.pointer("/opening") == Some(&json!(false))).collect())
        .unwrap_or_default();
    expect("number of actions", json!(1), json!(actions.len()));
    let action = actions.first().map_or(&Value::Null, |action| *action);
    let minutes = settings.pointer("/time/minutes").and_then(Value::as_u64).unwrap_or_default();
    expect("booked seconds", json!(minutes * 60), action.pointer("/work_seconds").cloned().unwrap_or_default());
    let owner = action.pointer("/owner").cloned().unwrap_or_default();
    let named = action
        .pointer("/note")
        .and_then(Value::as_str)
        .is_some_and(|note| note.contains(&text(&decider, "/name").unwrap_or_default()));
    // A Halo that books our time to its API agent whoever is named is told, not judged: the note names who decided.
    if owner != agent && !(named && owner.is_string()) {
        expect("owner of the time", agent, owner);
    }
    told.requests.push(document(request, &live)?);
    Ok(())
}

fn document(request: &Value, live: &Value) -> Result<Request> {
    let at = |place: &str| request.pointer(place).and_then(Value::as_str).and_then(Time::parse_rfc3339);
    let waited = match (at("/received_at"), at("/decision/at")) {
        (Some(received), Some(decided)) => (decided.0 - received.0) / 1000,
        _ => 0,
    };
    let booked = request.pointer("/ticket/time_minutes").and_then(Value::as_f64).unwrap_or_default();
    let name = |place: &str| live.pointer(place).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Request {
        id: text(request, "/id")?,
        company: text(request, "/company/name")?,
        computer: text(request, "/computer/name")?,
        program: text(request, "/program_name")?,
        state: text(request, "/state")?,
        decided_by: text(request, "/decision/by")?,
        waited_ms: waited,
        ticket: Ticket {
            id: text(live, "/ticket/id")?,
            url: text(live, "/ticket/url")?,
            status: name("/ticket/status"),
            assigned_to: name("/ticket/assigned_to"),
            time_minutes: booked,
            time_owner: name("/ticket/time_owner"),
        },
    })
}
