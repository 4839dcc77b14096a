//! `countersign reconcile`: compares requests with tickets, and prints what it found.

use countersign_app::{
    App,
    reconcile::{Repairs, Report, Standing},
};

use crate::{
    api::reconcile::{ReportOut, word},
    cli::End,
};

/// How the report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    Table,
    /// One JSON document.
    Json,
}

/// Compares and prints.
///
/// # Errors
/// A sentence for a person.
pub(crate) async fn run(app: &App, days: u32, repairs: Repairs, form: Form) -> anyhow::Result<End> {
    let report = app.reconcile(days, repairs).await?;
    let left = report.count(Standing::Left);
    match form {
        Form::Json => println!("{}", serde_json::to_string(&ReportOut::from(report))?),
        Form::Table => table(&report),
    }
    Ok(if left == 0 { End::Well } else { End::Found })
}

fn table(report: &Report) {
    println!("{} requests of the last {} days, {} tickets in Halo.", report.requests, report.days, report.tickets);
    for line in &report.lines {
        let (request, ticket) = (line.request.as_deref().unwrap_or("-"), line.ticket.as_deref().unwrap_or("-"));
        println!("{:<10} {request}  ticket {ticket}  {}: {}", word(line.standing), line.what, line.words);
        if let Some(fix) = &line.fix {
            println!("{:<10} {fix}", "");
        }
    }
    let count = |standing| report.count(standing);
    let (repaired, repairable) = (count(Standing::Repaired), count(Standing::Repairable));
    let (left, notes) = (count(Standing::Left), count(Standing::Note));
    if report.dry_run {
        println!("{repairable} would be repaired, {left} are left for a person, {notes} notes. Nothing was changed.");
    } else {
        println!("{repaired} are on their way to be repaired, {left} are left for a person, {notes} notes.");
    }
}
