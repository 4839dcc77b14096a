//! The state machine: every phase with every event, and what no order of events can do.

use std::time::Duration;

use countersign_agent::ask::{Act, Ask, Ending, Event, Misfit, Next, Phase, Refusal, Wanted};
use countersign_wire::grant::{Arguments, Grant, Uses, arguments_hash};
use countersign_wire::request::State;
use countersign_wire::{Sha256, Time};
use proptest::prelude::*;

fn wanted() -> Wanted {
    Wanted {
        computer: "computer_1".try_into().unwrap(),
        request: "req_1".try_into().unwrap(),
        account: "d.lee".try_into().unwrap(),
        user_id: Some("1000".try_into().unwrap()),
        run_as: Some("root".try_into().unwrap()),
        program_sha256: Sha256::parse(&"a".repeat(64)).unwrap(),
        arguments: Arguments::Exact { sha256: arguments_hash(["id"]) },
    }
}

fn grant() -> Grant {
    let wanted = wanted();
    Grant {
        server: "server_1".try_into().unwrap(),
        key: "key_1".try_into().unwrap(),
        computer: wanted.computer,
        request: wanted.request,
        account: wanted.account,
        user_id: wanted.user_id,
        run_as: wanted.run_as,
        program_sha256: wanted.program_sha256,
        arguments: wanted.arguments,
        script_sha256: None,
        uses: Uses::Once,
        seconds: 60,
        issued_at: Time::from_micros(0).unwrap(),
    }
}

fn approved() -> Event {
    Event::Approved(Box::new(grant()), Some(Duration::from_secs(1)))
}

fn events() -> Vec<(&'static str, Event)> {
    vec![
        ("accepted", Event::Accepted),
        ("pending", Event::Pending(Duration::from_secs(25))),
        ("approved", approved()),
        ("misfit", Event::Approved(Box::new(grant()), Some(Duration::from_mins(1)))),
        ("denied", Event::Closed(State::Denied)),
        ("used up", Event::Closed(State::Approved)),
        ("redeemed", Event::Redeemed),
        ("marked", Event::Marked),
        ("mark was there", Event::MarkWasThere),
        ("withdrawn", Event::Withdrawn),
        ("failed", Event::Failed(None, 255)),
        ("refused used", Event::Refused(Refusal::AlreadyUsed)),
        ("refused", Event::Refused(Refusal::Other)),
        ("ctrl-c", Event::Interrupted),
        ("time up", Event::TimeUp),
    ]
}

/// A request in a phase.
fn at(phase: Phase) -> Ask {
    let path: &[Event] = match phase {
        Phase::Sending => &[],
        Phase::Waiting => &[Event::Accepted],
        Phase::Redeeming => &[Event::Accepted, approved()],
        Phase::Marking => &[Event::Accepted, approved(), Event::Redeemed],
        Phase::Withdrawing => &[Event::Interrupted],
        Phase::Ended => &[Event::TimeUp],
    };
    let ask = path.iter().fold(Ask::new(wanted()).0, |ask, event| ask.step(event.clone()).0);
    assert_eq!(ask.phase(), phase);
    ask
}

fn word(next: Next) -> String {
    match next.act {
        Act::End(ending) => format!("{ending:?}").replace("Misfit(Over)", "Over"),
        act => format!("->{act:?}"),
    }
}

const TABLE: &str = "
               | Sending       | Waiting       | Redeeming     | Marking       | Withdrawing   | Ended
accepted       | ->Poll        | Refused       | Refused       | Refused       | Refused       | Refused
pending        | Refused       | ->Poll        | Refused       | Refused       | Refused       | Refused
approved       | ->Redeem      | ->Redeem      | Refused       | Refused       | Refused       | Refused
misfit         | Over          | Over          | Refused       | Refused       | Refused       | Refused
denied         | Denied        | Denied        | Refused       | Refused       | Refused       | Refused
used up        | Used          | Used          | Refused       | Refused       | Refused       | Refused
redeemed       | Refused       | Refused       | ->Mark        | Refused       | Refused       | Refused
marked         | Refused       | Refused       | Refused       | Approved      | Refused       | Refused
mark was there | Refused       | Refused       | Refused       | Used          | Refused       | Refused
withdrawn      | Refused       | Refused       | Refused       | Refused       | Withdrawn     | Refused
failed         | ->Send        | ->Poll        | ->Redeem      | Refused       | WithdrawnHere | Refused
refused used   | Refused       | Refused       | Used          | Refused       | Withdrawn     | Refused
refused        | Refused       | Refused       | Refused       | Refused       | Withdrawn     | Refused
ctrl-c         | ->Withdraw    | ->Withdraw    | ->Withdraw    | ->Withdraw    | WithdrawnHere | Refused
time up        | NotSent       | NoAnswer      | NotRedeemed   | Refused       | WithdrawnHere | Refused
";

#[test]
fn every_phase_with_every_event() {
    let phases = [Phase::Sending, Phase::Waiting, Phase::Redeeming, Phase::Marking, Phase::Withdrawing, Phase::Ended];
    let row = |name: &str, cells: Vec<String>| {
        let cells: Vec<_> = cells.iter().map(|cell| format!("{cell:<13}")).collect();
        format!("{name:<14} | {}", cells.join(" | ")).trim_end().to_owned()
    };
    let mut table = vec![row("", phases.iter().map(|phase| format!("{phase:?}")).collect())];
    for (name, event) in events() {
        table.push(row(name, phases.iter().map(|phase| word(at(*phase).step(event.clone()).1)).collect()));
    }
    assert_eq!(table.join("\n").trim(), TABLE.trim(), "\n{}", table.join("\n"));
}

#[test]
fn a_grant_must_fit_in_every_field() {
    let second = Some(Duration::from_secs(1));
    let misfit = |change: fn(&mut Grant)| {
        let mut grant = grant();
        change(&mut grant);
        wanted().fits(&grant, second)
    };
    assert_eq!(misfit(|_| {}), Ok(()));
    assert_eq!(misfit(|g| g.arguments = Arguments::Any), Ok(()));
    assert_eq!(misfit(|g| g.computer = "computer_2".try_into().unwrap()), Err(Misfit::Computer));
    assert_eq!(misfit(|g| g.request = "req_2".try_into().unwrap()), Err(Misfit::Request));
    assert_eq!(misfit(|g| g.account = "root".try_into().unwrap()), Err(Misfit::User));
    assert_eq!(misfit(|g| g.user_id = None), Err(Misfit::User));
    assert_eq!(misfit(|g| g.run_as = None), Err(Misfit::User));
    assert_eq!(misfit(|g| g.program_sha256 = Sha256::parse(&"b".repeat(64)).unwrap()), Err(Misfit::Program));
    let other = Arguments::Exact { sha256: arguments_hash(["id", "-u"]) };
    let wrong = Grant { arguments: other, ..grant() };
    assert_eq!(wanted().fits(&wrong, second), Err(Misfit::Arguments));
    assert_eq!(misfit(|g| g.script_sha256 = Some(g.program_sha256.clone())), Err(Misfit::Script));
    assert_eq!(misfit(|g| g.seconds = 1), Err(Misfit::Over));
    assert_eq!(wanted().fits(&grant(), None), Err(Misfit::Clock));
}

#[test]
fn retries_slow_down_and_obey_the_server() {
    let mut ask = at(Phase::Waiting);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let (then, next) = ask.step(Event::Failed(None, 255));
        pauses.push(next.after.as_millis());
        ask = then;
    }
    assert_eq!(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
    let (ask, next) = ask.step(Event::Failed(Some(Duration::from_secs(90)), 0));
    assert_eq!(next.after, Duration::from_secs(90));
    let (ask, _) = ask.step(Event::Pending(Duration::from_secs(25)));
    assert_eq!(ask.step(Event::Failed(None, 0)).1.after, Duration::from_millis(125), "a success starts anew");
    let hasty = at(Phase::Waiting).step(Event::Pending(Duration::from_millis(10))).1;
    assert_eq!(hasty.after, Duration::from_millis(990), "a server that does not wait is not asked in a loop");
}

#[test]
fn exit_codes() {
    for (ending, code) in [
        (Ending::Approved, 0),
        (Ending::Denied, 1),
        (Ending::Revoked, 1),
        (Ending::NoAnswer, 2),
        (Ending::Expired, 2),
        (Ending::Withdrawn, 2),
        (Ending::NotSent, 3),
        (Ending::NotRedeemed, 3),
        (Ending::Used, 3),
        (Ending::Misfit(Misfit::Computer), 3),
        (Ending::Refused, 3),
    ] {
        assert_eq!(ending.exit_code(), code, "{ending:?}");
    }
}

proptest! {
    #[test]
    fn only_a_fitting_redeemed_and_marked_grant_is_an_approval(order in prop::collection::vec(0_usize..15, 1..12)) {
        let events = events();
        let (mut ask, mut history) = (Ask::new(wanted()).0, Vec::new());
        for index in order {
            let (name, event) = &events[index];
            let (then, next) = ask.step(event.clone());
            history.push(*name);
            ask = then;
            if next.act == Act::End(Ending::Approved) {
                let steps: Vec<_> = history.iter().filter(|name| !["accepted", "pending", "failed"].contains(name)).collect();
                prop_assert_eq!(steps, [&"approved", &"redeemed", &"marked"]);
            }
        }
    }
}
