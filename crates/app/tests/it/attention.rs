//! What needs a person stands by its cause; a person retries all that is alike, or has a new ticket made.

use countersign_app::{AttemptRow, CauseIs, StepRow, StepState, StepsQuery, attention::Alike};
use countersign_domain::{cause::Cause, id::StepId, request::Request, role::Role};
use serde_json::json;

use crate::{
    halo::actions,
    house::{House, until},
};

async fn stuck(house: &House, request: &Request, kind: &str) -> StepRow {
    house.until_step(&request.id, kind, "attention").await;
    house.steps_of(&request.id).await.into_iter().find(|step| step.kind == kind).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_is_alike_is_retried_at_once() {
    let house = crate::rights::slow().await;
    let computer = house.sample_computer().await;
    house.halo.right("Can add new Tickets", "No").await;
    let mut requests = Vec::new();
    for _ in 0..3 {
        requests.push(house.ask(&computer).await);
    }
    for request in &requests {
        let step = stuck(&house, request, "open_ticket").await;
        assert_eq!(step.cause, Some(Cause::TicketNotPermitted), "{step:?}");
        let tries: Vec<AttemptRow> =
            house.app().step_attempts(&house.admin, &step.id.parse().unwrap()).await.unwrap().1;
        assert_eq!(tries[0].cause.as_deref(), Some("ticket_not_permitted"));
    }
    // The watch over rights lets one of them try whether the right is back, and then none for five minutes.
    until("one of three tried twice, and all wait for a person", async || {
        let mut tried = 0;
        for request in &requests {
            let steps = house.steps_of(&request.id).await;
            let step = steps.iter().find(|step| step.kind == "open_ticket" && step.state == "attention");
            let Some(step) = step else { return false };
            tried += step.attempts;
        }
        tried == 4
    })
    .await;
    let causes = house.app().causes(&house.admin, StepState::Attention, None).await.unwrap();
    assert_eq!((causes.len(), causes[0].steps), (1, 3));
    let auditor = house.technician("auditor@example.com", "Sample Auditor", Role::Auditor).await;
    let alike = Alike { cause: Some(Cause::TicketNotPermitted), ..Alike::default() };
    assert_eq!(house.app().retry_steps(&auditor, &alike).await.unwrap_err().code(), "forbidden");
    let refused = house.app().retry_steps(&house.admin, &Alike::default()).await.unwrap_err();
    assert_eq!(refused.code(), "nothing_named");
    let other = Alike { cause: Some(Cause::TicketGone), ..Alike::default() };
    assert!(house.app().retry_steps(&house.admin, &other).await.unwrap().gone.is_empty());
    // Those that needed a person are let go once, though they wait then.
    house.halo.down().await;
    house.halo.right("Can add new Tickets", "Yes").await;
    let retried = house.app().retry_steps(&house.admin, &alike).await.unwrap();
    assert_eq!((retried.gone.len(), retried.not.len()), (3, 0), "{retried:?}");
    house.halo.no_faults().await;
    house.assert_all_done().await;
    assert_eq!(house.halo.tickets().await.len(), 3);
    // Named ones that are over are told apart.
    let ids: Vec<StepId> = retried.gone.iter().map(|id| id.parse().unwrap()).collect();
    let again = house.app().retry_steps(&house.admin, &Alike { ids: Some(ids), ..Alike::default() }).await.unwrap();
    assert_eq!((again.gone.len(), again.not.len()), (0, retried.gone.len()));
    let audit = house.app().audit(&house.admin, Some(&retried.gone[0]), None, 9).await.unwrap();
    assert_eq!(audit.iter().filter(|row| row.action == "step.retried").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_ticket_gets_a_new_one_only_where_a_person_says_so() {
    let mut house = House::new().await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    house.until_step(&request.id, "open_ticket", "done").await;
    let old = house.halo.ticket_of(request.id.as_str()).await["id"].clone();
    // Without another ticket of ours nothing could be told from what a walk does not show.
    let other = house.ask(&computer).await;
    house.until_step(&other.id, "open_ticket", "done").await;
    house.halo.control("DELETE", &format!("/tickets/{old}"), json!({})).await;
    house.approve(&request).await;
    let step = stuck(&house, &request, "record_decision").await;
    assert_eq!(step.cause, Some(Cause::TicketGone), "{step:?}");
    assert_eq!(house.halo.tickets().await.len(), 2, "no new one by itself");
    // The new one is lost on its way: it is looked for, and the old one is not taken for it.
    house.halo.fault(json!({"kind": "cut_before", "path": "/Tickets", "method": "POST", "times": 1})).await;
    house.app().new_ticket_for_step(&house.admin, &step.id.parse().unwrap()).await.unwrap();
    house.assert_all_done().await;
    let tickets = house.halo.tickets_of(request.id.as_str()).await;
    let new: Vec<_> = tickets.iter().filter(|ticket| ticket["id"] != old).collect();
    assert_eq!(new.len(), 1, "{tickets:#?}");
    assert_eq!(actions(new[0]).len(), 1);
    assert_eq!(crate::halo::minutes(&actions(new[0])[0]), 5);
    let detail = house.app().request_detail(&house.admin, &request.id).await.unwrap();
    assert_eq!(json!(detail.ticket.unwrap().id.parse::<i64>().unwrap()), new[0]["id"]);
    let again = house.app().new_ticket_for_step(&house.admin, &step.id.parse().unwrap()).await.unwrap_err();
    assert_eq!(again.code(), "ticket_not_gone");
    let audit = house.app().audit(&house.admin, Some(&step.id), None, 9).await.unwrap();
    assert!(
        audit.iter().any(|row| row.action == "ticket.replaced" && row.body.contains(&old.to_string())),
        "{audit:?}"
    );
    // A restart takes the old one for no ticket of a newer database.
    house.crash();
    house.start().await;
    let next = house.ask(&computer).await;
    house.approve(&next).await;
    house.assert_all_done().await;
    house.assert_told(&next).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_link_and_for_halo_says_so() {
    let house = House::new().await;
    let lonely = house.computer("Unknown Sample Works", "Somewhere", "USW-01").await;
    let request = house.ask(&lonely).await;
    house.until_step(&request.id, "open_ticket", "parked").await;
    let wanted = StepsQuery { cause: CauseIs::This(Cause::NoLink), limit: 9, ..StepsQuery::default() };
    assert_eq!(house.app().steps(&house.admin, &wanted).await.unwrap().len(), 1);
    let companies =
        house.app().companies_of_steps(&house.admin, StepState::Waiting, Some(Cause::NoLink), 9).await.unwrap();
    assert_eq!((companies[0].name.as_str(), companies[0].steps), ("Unknown Sample Works", 1));
    let computer = house.sample_computer().await;
    house.halo.down().await;
    let held = house.ask(&computer).await;
    until("the step says that Halo fails", async || {
        house.steps_of(&held.id).await.iter().any(|step| step.cause == Some(Cause::ServerFault))
    })
    .await;
    house.halo.no_faults().await;
    house.until_step(&held.id, "open_ticket", "done").await;
}
