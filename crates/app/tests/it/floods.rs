//! Many requests at once, and the same again: one ticket, a cap that says so, and nobody else who waits.

use countersign_app::{
    Error, caps,
    clock::{Ids as _, System},
};
use countersign_domain::{
    id::RequestId,
    request::{Request, State},
};

use crate::{
    halo::{actions, note},
    house::{COMPANY, House, LOCATION, asked},
};

fn new_id() -> RequestId {
    RequestId::from_uuid(System.uuid())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_repeats_make_one_ticket() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let first = house.ask_for(&computer, "C:\\Setup\\flood.exe").await;
    let mut asking = tokio::task::JoinSet::new();
    for lane in 0..20 {
        let (app, computer, first) = (house.app().clone(), computer.clone(), first.id.clone());
        asking.spawn(async move {
            for _ in 0..500 {
                let accepted = app.submit(&computer, new_id(), asked("C:\\Setup\\flood.exe")).await;
                let countersign_store::Accepted::New(request) = accepted.unwrap() else { panic!("lane {lane}") };
                assert_eq!(request.joined_to.as_ref(), Some(&first));
            }
        });
    }
    // Somebody else is not delayed, and not capped.
    let other = house.computer(COMPANY, LOCATION, "SDG-FD-02").await;
    let theirs = house.ask(&other).await;
    house.approve(&theirs).await;
    while let Some(asked) = asking.join_next().await {
        asked.unwrap();
    }
    house.deny(&first).await;
    house.assert_all_done().await;
    assert_eq!(house.halo.tickets().await.len(), 2);
    let ticket = house.halo.ticket_of(first.id.as_str()).await;
    let told = actions(&ticket);
    assert_eq!(told.len(), 2, "the first repeat and the decision: {told:#?}");
    assert!(told.iter().any(|action| note(action).contains("asked again 10000 times")), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_thirty_first_program_meets_the_cap_of_its_computer_alone() {
    let mut house = House::new().await;
    let usual = caps::Caps::default();
    let change = caps::Change { per_computer: Some(usual.per_computer), per_company: Some(usual.per_company) };
    house.app().change_caps(&house.admin, change).await.unwrap();
    let computer = house.sample_computer().await;
    let mut kept: Vec<Request> = Vec::new();
    for _ in 0..30 {
        kept.push(house.ask(&computer).await);
    }
    let refused = house.app().submit(&computer, new_id(), asked("C:\\Setup\\one-more.exe")).await.unwrap_err();
    let Error::TooMany(met) = &refused else { panic!("{refused:?}") };
    assert_eq!((met.whose, met.cap), (caps::Whose::Computer, 30));
    assert!((1..=600).contains(&met.retry_after_s), "{met:?}");
    assert!(refused.to_string().starts_with("This computer has asked for rights 30 times"), "{refused}");
    // What was accepted is answered, a repeat of one joins, and another computer asks as ever.
    let again = house.app().submit(&computer, kept[0].id.clone(), asked("C:\\other.exe")).await.unwrap();
    assert!(matches!(again, countersign_store::Accepted::Repeat(_)));
    let joined = house.ask_for(&computer, kept[0].asked.program.path.as_str()).await;
    assert_eq!(joined.joined_to.as_ref(), Some(&kept[0].id));
    let other = house.computer(COMPANY, LOCATION, "SDG-FD-02").await;
    house.ask(&other).await;
    // The count is the database's: a new process finds it.
    house.crash();
    house.start().await;
    assert_eq!(
        house.app().submit(&computer, new_id(), asked("C:\\Setup\\x.exe")).await.unwrap_err().code(),
        "too_many_requests"
    );
    // A wider cap acts at once; so does the time.
    let wider = caps::Change { per_computer: Some(Some(31)), ..caps::Change::default() };
    assert_eq!(house.app().change_caps(&house.admin, wider).await.unwrap().per_computer, Some(31));
    house.ask(&computer).await;
    let full = house.app().submit(&computer, new_id(), asked("C:\\Setup\\y.exe")).await.unwrap_err();
    assert_eq!(full.code(), "too_many_requests");
    house.clock.forward(std::time::Duration::from_secs(601));
    house.ask(&computer).await;
    house.assert_all_done().await;
    assert_eq!(house.halo.tickets().await.len(), 33);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_again_after_a_denial_stands_on_the_same_ticket() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let path = "C:\\Setup\\again.exe";
    let first = house.ask_for(&computer, path).await;
    house.deny(&first).await;
    house.assert_all_done().await;
    let again = house.ask_for(&computer, path).await;
    assert_eq!((again.again_of.as_ref(), again.joined_to.as_ref()), (Some(&first.id), None));
    let repeat = house.ask_for(&computer, path).await;
    assert_eq!((repeat.again_of.as_ref(), repeat.joined_to.as_ref()), (Some(&first.id), Some(&again.id)));
    house.deny(&again).await;
    assert_eq!(house.request(&repeat.id).await.state, State::Denied);
    // Once more, after that denial: still the ticket of the first.
    let third = house.ask_for(&computer, path).await;
    assert_eq!(third.again_of.as_ref(), Some(&first.id));
    house.approve(&third).await;
    house.assert_all_done().await;
    let detail = house.app().request_detail(&house.admin, &third.id).await.unwrap();
    let tickets = house.halo.tickets().await;
    assert_eq!(tickets.len(), 1, "{tickets:#?}");
    assert_eq!(detail.ticket.unwrap().id, tickets[0]["id"].to_string());
    let notes: Vec<String> = actions(&tickets[0]).iter().map(|action| note(action).to_owned()).collect();
    for (kind, times) in [("record_decision", 3), ("record_again", 2), ("record_repeat", 1)] {
        for nth in 1..=times {
            let reference = format!("{}/{kind}/{nth}", first.id);
            assert_eq!(notes.iter().filter(|note| note.contains(&reference)).count(), 1, "{reference}: {notes:#?}");
        }
    }
    assert_eq!(notes.len(), 6, "{notes:#?}");
    // Another account's, or after an hour, is a request of its own.
    let other = house.ask_for(&computer, "C:\\Setup\\other.exe").await;
    assert_eq!(other.again_of, None);
    house.deny(&other).await;
    house.clock.forward(std::time::Duration::from_secs(3601));
    assert_eq!(house.ask_for(&computer, "C:\\Setup\\other.exe").await.again_of, None);
    house.assert_all_done().await;
    assert_eq!(house.halo.tickets().await.len(), 3);
}
