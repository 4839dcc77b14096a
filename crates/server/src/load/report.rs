//! The figures of a run, for people and for programs.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use countersign_app::clock::{Clock as _, System};
use serde::Serialize;

use super::{
    asking::Done,
    books::{Books, Checked},
    goals::{self, Goal},
    limited::Limited,
    processes::{Memory, Server},
};

/// A run.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) version: &'static str,
    pub(super) database: &'static str,
    pub(super) concurrency: u32,
    pub(super) computers: u32,
    pub(super) processors: usize,
    pub(super) binary_mib: Option<f64>,
    pub(super) memory: Memory,
    pub(super) phases: Vec<Phase>,
    /// Where a limit was asked for.
    pub(super) limited: Option<Limited>,
    pub(super) goals: Vec<Goal>,
    pub(super) checked: Checked,
}

/// Latencies in milliseconds.
#[expect(clippy::struct_field_names, reason = "the unit stands in the document that programs read")]
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Latency {
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) max_ms: f64,
}

impl Latency {
    fn of(mut spans: Vec<Duration>) -> Option<Self> {
        spans.sort_unstable();
        let at = |percent: usize| {
            let place = (spans.len() * percent).div_ceil(100).saturating_sub(1);
            spans.get(place).map(|span| span.as_secs_f64() * 1000.0)
        };
        Some(Self { p50_ms: at(50)?, p99_ms: at(99)?, max_ms: at(100)? })
    }
}

/// What one phase showed.
#[derive(Debug, Serialize)]
pub(super) struct Phase {
    pub(super) name: &'static str,
    pub(super) count: usize,
    /// From the start of the phase until everything of it was told to Halo.
    pub(super) took_s: f64,
    /// Answers a second.
    pub(super) answered_per_second: f64,
    /// The same until everything of the phase was told to Halo and on disk.
    pub(super) done_per_second: f64,
    /// From the sending to the answer.
    pub(super) answered: Option<Latency>,
    /// From the sending to what the phase waits for.
    pub(super) reached: Option<Latency>,
    /// CPU of the server for each, in milliseconds.
    pub(super) cpu_ms_each: Option<f64>,
    /// Calls of Halo, by method and path.
    pub(super) halo_calls: BTreeMap<String, u64>,
}

/// Measures a phase.
pub(super) struct Meter<'a> {
    name: &'static str,
    server: &'a Server,
    books: Option<&'a Books>,
    calls: BTreeMap<String, u64>,
    cpu_ms: Option<f64>,
    began: Duration,
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

impl<'a> Meter<'a> {
    pub(super) async fn start(name: &'static str, server: &'a Server, books: Option<&'a Books>) -> Result<Self> {
        let calls = match books {
            Some(books) => books.calls().await?,
            None => BTreeMap::new(),
        };
        Ok(Self { name, server, books, calls, cpu_ms: server.cpu_ms(), began: System.monotonic() })
    }

    pub(super) async fn end(self, done: Done) -> Result<Phase> {
        let took = System.monotonic().saturating_sub(self.began).as_secs_f64();
        let cpu_ms = self.server.cpu_ms().zip(self.cpu_ms).map(|(now, before)| now - before);
        let mut halo_calls = match self.books {
            Some(books) => books.calls().await?,
            None => BTreeMap::new(),
        };
        halo_calls.retain(|call, made| {
            *made -= self.calls.get(call).copied().unwrap_or(0);
            *made > 0
        });
        let number = count(done.ids.len());
        Ok(Phase {
            name: self.name,
            count: done.ids.len(),
            took_s: took,
            answered_per_second: number / done.calling.as_secs_f64(),
            done_per_second: number / took,
            answered: Latency::of(done.answered),
            reached: Latency::of(done.reached),
            cpu_ms_each: cpu_ms.map(|used| used / number.max(1.0)),
            halo_calls,
        })
    }
}

fn optional(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

impl Report {
    pub(super) fn print(&self) {
        println!(
            "countersign {}, {}, {} at once, {} computers, {} processors, binary {} MiB",
            self.version,
            self.database,
            self.concurrency,
            self.computers,
            self.processors,
            optional(self.binary_mib, 1)
        );
        println!();
        println!(
            "{:<38} {:>6} {:>10} {:>8} {:>17} {:>17} {:>8}",
            "", "count", "answered/s", "done/s", "answered p50/p99", "done p50/p99 ms", "CPU ms"
        );
        let pair = |latency: Option<Latency>| {
            latency.map_or_else(|| "-".to_owned(), |l| format!("{:.2} / {:.2}", l.p50_ms, l.p99_ms))
        };
        for phase in &self.phases {
            println!(
                "{:<38} {:>6} {:>10.0} {:>8.0} {:>17} {:>17} {:>8}",
                phase.name,
                phase.count,
                phase.answered_per_second,
                phase.done_per_second,
                pair(phase.answered),
                pair(phase.reached),
                optional(phase.cpu_ms_each, 3)
            );
        }
        println!();
        println!("Calls of Halo for each of the phase:");
        for phase in &self.phases {
            let calls = phase.halo_calls.iter();
            #[expect(clippy::cast_precision_loss, reason = "a count of calls is far below 2^52")]
            let calls = calls.map(|(call, made)| format!("{call} {:.3}", *made as f64 / count(phase.count).max(1.0)));
            println!("  {:<38} {}", phase.name, calls.collect::<Vec<_>>().join(", "));
        }
        println!();
        let Memory { now_mib, most_mib } = self.memory;
        println!("Memory of the server: {} MiB, {} MiB at the most", optional(now_mib, 1), optional(most_mib, 1));
        let checked = &self.checked;
        println!(
            "{} requests: {} with exactly one ticket, {} without, {} doubled; {} decisions: {} with exactly their actions, {} wrong actions",
            checked.requests,
            checked.with_one_ticket,
            checked.without_ticket,
            checked.doubled_tickets,
            checked.decisions,
            checked.with_one_action,
            checked.wrong_actions
        );
        if let Some(limited) = &self.limited {
            limited.print();
        }
        println!();
        goals::print(&self.goals);
    }
}
