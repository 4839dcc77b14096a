//! Who may see and decide what, and who is first.

use countersign_app::{
    Error, RequestQuery,
    decide::Wish,
    enroll::KeyWish,
    people::{NewTechnician, TechnicianChange},
};
use countersign_domain::{
    decision::{Scope, Verdict},
    request::State,
    role::Role,
};
use countersign_store::StepsQuery;

use crate::house::{House, wish};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_decisions_one_wins_and_the_other_hears_of_it() {
    let house = House::new().await;
    let maria = house.technician("maria.ruiz@example.com", "Maria Ruiz", Role::L1).await;
    let computer = house.sample_computer().await;
    for _ in 0..10 {
        let request = house.ask(&computer).await;
        let (one, other) = tokio::join!(
            house.app().decide(&house.admin, &request.id, wish(Verdict::Approve)),
            house.app().decide(&maria, &request.id, wish(Verdict::Deny)),
        );
        let (won, lost) = match (one, other) {
            (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won.request, lost),
            both => panic!("{both:?}"),
        };
        let decision = won.decision.unwrap();
        let Error::AlreadyDecided(told) = lost else { panic!("{lost:?}") };
        assert_eq!((&told.by.name, told.at), (&decision.by.name, decision.at));
        let kept = house.request(&request.id).await;
        assert_eq!(kept.decision.unwrap().verdict, decision.verdict);
        let late = house.app().decide(&maria, &request.id, wish(Verdict::Approve)).await.unwrap_err();
        assert!(late.to_string().contains(&decision.by.name), "{late}");
    }
    house.assert_all_done().await;
    assert_eq!(house.halo.tickets().await.len(), 10);
    for ticket in house.halo.tickets().await {
        crate::halo::action_of(&ticket, "record_decision");
        assert_eq!(crate::halo::actions(&ticket).len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_technician_of_another_company_sees_and_decides_nothing() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let other = house.computer("Demo Freight Lines", "Depot North", "DFL-YARD-01").await;
    let new = NewTechnician {
        email: "priya.nair@example.com".to_owned(),
        name: "Priya Nair".to_owned(),
        role: Role::L3,
        companies: Some(vec![other.computer.company_id.clone()]),
    };
    let stranger = house.app().create_technician(&house.admin, new).await.unwrap().technician;
    let request = house.ask(&computer).await;
    let own = house.ask(&other).await;
    house.assert_all_done().await;
    let all = RequestQuery { limit: 100, ..RequestQuery::default() };
    let seen = house.app().requests(&stranger, &all).await.unwrap();
    assert_eq!(seen.iter().map(|row| &row.request.id).collect::<Vec<_>>(), [&own.id]);
    assert_eq!(house.app().request(&stranger, &request.id).await.unwrap_err().code(), "not_found");
    assert_eq!(house.app().request_detail(&stranger, &request.id).await.unwrap_err().code(), "not_found");
    assert_eq!(house.app().live_ticket(&stranger, &request.id).await.unwrap_err().code(), "not_found");
    let refused = house.app().decide(&stranger, &request.id, wish(Verdict::Approve)).await.unwrap_err();
    assert_eq!(refused.code(), "not_found");
    assert_eq!(house.app().revoke(&stranger, &request.id).await.unwrap_err().code(), "not_found");
    let steps = house.app().steps(&stranger, &StepsQuery { limit: 100, ..StepsQuery::default() }).await.unwrap();
    assert!(steps.iter().all(|step| step.company.as_deref() == Some("Demo Freight Lines")), "{steps:?}");
    let step = house.steps_of(&request.id).await.remove(0);
    assert_eq!(house.app().retry_step(&stranger, &step.id.parse().unwrap()).await.unwrap_err().code(), "not_found");
    assert_eq!(house.app().company(&stranger, &computer.computer.company_id).await.unwrap_err().code(), "not_found");
    assert_eq!(house.app().counts(&stranger).await.unwrap().pending, 1);
    house.app().decide(&stranger, &own.id, wish(Verdict::Approve)).await.unwrap();
    house.assert_all_done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_decides_what_he_asked_himself() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let by_mail = house.technician("Alex.Sample@example.org", "Alex Sample", Role::L3).await;
    let by_account = house.technician("maria.ruiz@example.com", "Maria Ruiz", Role::L3).await;
    let change = TechnicianChange { accounts: Some(vec!["sdg\\ALEX".to_owned()]), ..TechnicianChange::default() };
    let by_account = house.app().change_technician(&house.admin, &by_account.id, change).await.unwrap().technician;
    let request = house.ask(&computer).await;
    for own in [&by_mail, &by_account] {
        for verdict in [Verdict::Approve, Verdict::Deny] {
            assert_eq!(house.app().decide(own, &request.id, wish(verdict)).await.unwrap_err().code(), "own_request");
        }
    }
    assert_eq!(house.request(&request.id).await.state, State::Pending);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_scopes_and_what_was_seen() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    let auditor = house.technician("auditor@example.com", "Sample Auditor", Role::Auditor).await;
    let refused = house.app().decide(&auditor, &request.id, wish(Verdict::Approve)).await.unwrap_err();
    assert_eq!(refused.code(), "may_not_decide");
    for scope in [Scope::Computer, Scope::Location, Scope::Company, Scope::Everywhere] {
        let wide = Wish { scope, ..wish(Verdict::Approve) };
        let refused = house.app().decide(&house.admin, &request.id, wide).await.unwrap_err();
        assert_eq!(refused.code(), "scope_not_available");
    }
    for minutes in [0, 10_081] {
        let wrong = Wish { minutes: Some(minutes), ..wish(Verdict::Approve) };
        assert_eq!(house.app().decide(&house.admin, &request.id, wrong).await.unwrap_err().code(), "minutes");
    }
    let stale = Wish { seen_version: Some(7), ..wish(Verdict::Approve) };
    assert_eq!(house.app().decide(&house.admin, &request.id, stale).await.unwrap_err().code(), "changed_meanwhile");
    let short = Wish { minutes: Some(5), seen_version: Some(1), ..wish(Verdict::Approve) };
    let decided = house.app().decide(&house.admin, &request.id, short).await.unwrap().request;
    assert_eq!(decided.grant.unwrap().until, decided.decision.unwrap().at.plus_seconds(300));
    let l1 = house.technician("l1@example.com", "Sample One", Role::L1).await;
    assert_eq!(house.app().create_company(&l1, "New").await.unwrap_err().code(), "forbidden");
    assert_eq!(house.app().make_enrollment_key(&l1, KeyWish::default()).await.unwrap_err().code(), "forbidden");
    assert_eq!(house.app().resume_tickets(&l1).await.unwrap_err().code(), "forbidden");
    house.assert_all_done().await;
}
