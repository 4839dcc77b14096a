//! What a run set out to reach, what it showed, and whether that is enough.

use serde::Serialize;

use super::report::{Phase, Report};

/// The phases that goals are read from.
pub(super) const ALONE: &str = "one at a time";
pub(super) const CROWD: &str = "at once, each until its ticket";
pub(super) const ACCEPTED: &str = "at once, accepted and on";
pub(super) const DECISIONS: &str = "decisions, each until its action";
pub(super) const TAKEN_BACK: &str = "taken back, each until its action";
pub(super) const DOWN: &str = "accepted while Halo is down";

/// The phases in which nothing goes wrong: neither is a limit met, for which the connection is made anew, nor does Halo go.
const FAULT_FREE: [&str; 5] = [ALONE, CROWD, ACCEPTED, DECISIONS, TAKEN_BACK];

/// Whether a goal was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Reached,
    Missed,
    /// The options left out what it is read from.
    NotMeasured,
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::Missed => "missed",
            Self::NotMeasured => "not measured",
        }
    }

    const fn of(reached: Option<bool>) -> Self {
        match reached {
            Some(true) => Self::Reached,
            Some(false) => Self::Missed,
            None => Self::NotMeasured,
        }
    }
}

/// One line of the table.
#[derive(Debug, Serialize)]
pub(super) struct Goal {
    wanted: &'static str,
    seen: String,
    verdict: Verdict,
}

impl Goal {
    fn new(wanted: &'static str, seen: Option<(String, bool)>) -> Self {
        let reached = seen.as_ref().map(|(_, reached)| *reached);
        Self { wanted, seen: seen.map_or_else(|| "-".to_owned(), |(seen, _)| seen), verdict: Verdict::of(reached) }
    }
}

/// The goals of this run, one line each.
pub(super) fn of(report: &Report) -> Vec<Goal> {
    let phase = |name: &str| report.phases.iter().find(|phase| phase.name == name);
    let fault_free: Vec<&Phase> = FAULT_FREE.into_iter().filter_map(phase).collect();
    vec![
        Goal::new(
            "1,000 tickets/s, durable, at 0.35 ms of CPU each",
            phase(CROWD).zip(phase(ACCEPTED)).map(|(crowd, accepted)| tickets(crowd, accepted)),
        ),
        Goal::new("request to ticket, one at a time: p50 3 ms, p99 20 ms", phase(ALONE).and_then(latency)),
        Goal::new("accepted while Halo is down, on disk: 5,000/s", phase(DOWN).map(accepted)),
        Goal::new(
            "calls of Halo: 2 for request and decision, 1 for a later step",
            phase(CROWD)
                .zip(phase(DECISIONS))
                .zip(phase(TAKEN_BACK))
                .map(|((crowd, decisions), later)| calls(crowd, decisions, later, &fault_free)),
        ),
        Goal::new("under a limit: 90 % used, 1 % refused; decisions, creates, syncs", limited(report)),
    ]
}

pub(super) fn print(goals: &[Goal]) {
    println!("{:<64} {:<66} ", "goal", "seen");
    for Goal { wanted, seen, verdict } in goals {
        println!("{wanted:<64} {seen:<66} {}", verdict.word());
    }
}

fn tickets(crowd: &Phase, accepted: &Phase) -> (String, bool) {
    let rate = crowd.done_per_second.max(accepted.done_per_second);
    let cpu = crowd.cpu_ms_each.zip(accepted.cpu_ms_each).map(|(one, other)| one.min(other));
    let seen = format!(
        "{:.0}/s each until its ticket, {:.0}/s accepted and on; {} ms",
        crowd.done_per_second,
        accepted.done_per_second,
        cpu.map_or_else(|| "unknown".to_owned(), |cpu| format!("{cpu:.2}"))
    );
    (seen, rate >= 1000.0 && cpu.is_some_and(|cpu| cpu <= 0.35))
}

fn latency(alone: &Phase) -> Option<(String, bool)> {
    let reached = alone.reached?;
    let seen = format!("p50 {:.1} ms, p99 {:.1} ms", reached.p50_ms, reached.p99_ms);
    Some((seen, reached.p50_ms <= 3.0 && reached.p99_ms <= 20.0))
}

fn accepted(down: &Phase) -> (String, bool) {
    (format!("{:.0}/s", down.answered_per_second), down.answered_per_second >= 5000.0)
}

#[expect(clippy::cast_precision_loss, reason = "counts of calls are far below 2^52")]
fn calls(crowd: &Phase, decisions: &Phase, later: &Phase, fault_free: &[&Phase]) -> (String, bool) {
    let made = |phase: &Phase, call: &str| phase.halo_calls.get(call).copied().unwrap_or(0) as f64;
    let each = |made: f64, phase: &Phase| made / (phase.count as f64).max(1.0);
    // Looking for the records round a request, once for each, is not told to Halo.
    let told = each(made(crowd, "POST /Tickets") + made(crowd, "POST /Actions"), crowd)
        + each(made(decisions, "POST /Tickets") + made(decisions, "POST /Actions"), decisions);
    let taken_back = each(made(later, "POST /Actions") + made(later, "POST /Tickets"), later);
    let read_backs = made(decisions, "GET /Tickets");
    let tokens: f64 = fault_free.iter().map(|phase| made(phase, "POST /auth/token")).sum();
    let hours = fault_free.iter().map(|phase| phase.took_s).sum::<f64>() / 3600.0;
    let seen = format!(
        "{told:.2} and {taken_back:.2}; {:.0} tickets a read-back; {tokens:.0} tokens after the first",
        decisions.count as f64 / read_backs.max(1.0)
    );
    let exact = (told - 2.0).abs() < 1e-9 && (taken_back - 1.0).abs() < 1e-9;
    (seen, exact && tokens <= hours.ceil())
}

#[expect(clippy::cast_precision_loss, reason = "counts of calls are far below 2^52")]
fn limited(report: &Report) -> Option<(String, bool)> {
    let limited = report.limited.as_ref()?;
    let seen = format!(
        "{:.1} % used, {:.2} % refused; {} of {} decisions, {} of {} sync calls before the last ticket",
        limited.used_share * 100.0,
        limited.refused_share * 100.0,
        limited.decisions_before_last_ticket,
        limited.requests,
        limited.sync_calls_before_last_ticket,
        limited.sync_calls
    );
    let shares = limited.used_share >= 0.9 && limited.refused_share <= 0.01;
    let decisions = limited.decisions_before_last_ticket as f64 >= 0.9 * limited.requests as f64;
    // One may have been on its way before the calls ran short.
    let syncs = limited.sync_calls > 1 && limited.sync_calls_before_last_ticket <= (limited.sync_calls / 10).max(1);
    Some((seen, shares && decisions && syncs))
}
