//! Tickets that are not shown any more, and databases that are older than the tickets.

use std::{fs, path::Path, sync::Arc, time::Duration};

use countersign_app::{
    clock::{Ids as _, System},
    ticketing::Change,
};
use countersign_domain::{
    cause::Cause,
    id::{RequestId, ServerId},
    request::{Request, State, TicketOn},
    ticket::server_mark,
};
use countersign_store::{
    ComputerContext,
    backup::{self, Over},
};
use serde_json::json;

use crate::{
    halo::{action_of, actions, assert_right, note},
    house::{House, until},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_again_where_tickets_are_hidden() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let known = house.ask(&computer).await;
    house.approve(&known).await;
    house.assert_all_done().await;
    let sight = ["Can View Unassigned Tickets", "Can view Tickets that are assigned to other Agents"];
    for right in sight {
        house.halo.right(right, "No").await;
    }
    house.halo.fault(json!({"kind": "cut_after", "path": "/Tickets", "method": "POST", "times": 1})).await;
    let request = house.ask(&computer).await;
    house.approve(&request).await;
    house.until_step(&request.id, "open_ticket", "attention").await;
    assert_eq!(house.app().counts(&house.admin).await.unwrap().attention_steps, 1);
    assert_eq!(house.halo.tickets_of(request.id.as_str()).await.len(), 1);
    // A person looks again: still hidden.
    house.let_go(&request.id, "open_ticket").await;
    house.until_step(&request.id, "open_ticket", "attention").await;
    for right in sight {
        house.halo.right(right, "Yes").await;
    }
    house.let_go(&request.id, "open_ticket").await;
    house.assert_all_done().await;
    house.assert_told(&request).await;
    assert_eq!(house.halo.tickets().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_ticket_is_no_lost_sight() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let mut last = None;
    for _ in 0..3 {
        let request = house.ask(&computer).await;
        house.approve(&request).await;
        house.assert_all_done().await;
        last = Some(house.halo.ticket_of(request.id.as_str()).await["id"].clone());
    }
    house.halo.control("DELETE", &format!("/tickets/{}", last.unwrap()), json!({})).await;
    for kind in ["cut_before", "cut_after"] {
        house.halo.fault(json!({"kind": kind, "path": "/Tickets", "method": "POST", "times": 1})).await;
        let request = house.ask(&computer).await;
        house.approve(&request).await;
        house.assert_all_done().await;
        house.assert_told(&request).await;
    }
    assert_eq!(house.halo.tickets().await.len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_deleted_before_its_decision_waits_for_a_person() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    house.until_step(&request.id, "open_ticket", "done").await;
    let id = house.halo.ticket_of(request.id.as_str()).await["id"].clone();
    house.halo.control("DELETE", &format!("/tickets/{id}"), json!({})).await;
    house.approve(&request).await;
    house.until_step(&request.id, "record_decision", "attention").await;
    let steps = house.steps_of(&request.id).await;
    let step = steps.iter().find(|step| step.kind == "record_decision").unwrap();
    house.app().give_up_step(&house.admin, &step.id.parse().unwrap()).await.unwrap();
    house.until_step(&request.id, "record_decision", "given_up").await;
    assert_eq!(house.halo.tickets().await.len(), 1);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

fn put_back(backup: &Path, folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::remove_file(path).unwrap();
        }
    }
    copy(backup, folder);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_doubles_nothing_that_was_undone_in_it() {
    let mut house = House::new().await;
    let computer = house.sample_computer().await;
    let before = house.ask(&computer).await;
    house.until_step(&before.id, "open_ticket", "done").await;
    house.assert_all_done().await;
    // The backup is taken with one action and one ticket still to be written.
    house.halo.down().await;
    house.approve(&before).await;
    let unopened = house.ask(&computer).await;
    house.approve(&unopened).await;
    house.crash();
    let backup = tempfile::tempdir().unwrap();
    copy(house.folder.path(), backup.path());
    house.halo.no_faults().await;
    house.start().await;
    house.assert_all_done().await;
    house.crash();
    put_back(backup.path(), house.folder.path());
    house.start().await;
    house.assert_all_done().await;
    for request in [&before, &unopened] {
        house.assert_told(request).await;
    }
    assert_eq!(house.halo.tickets().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_that_a_restored_backup_does_not_know_pause_new_ones_until_a_person_lets_them_go() {
    let mut house = House::new().await;
    let computer = house.sample_computer().await;
    let known = house.ask(&computer).await;
    house.approve(&known).await;
    house.assert_all_done().await;
    house.crash();
    let backup = tempfile::tempdir().unwrap();
    copy(house.folder.path(), backup.path());
    house.start().await;
    let forgotten = house.ask(&computer).await;
    house.approve(&forgotten).await;
    house.assert_all_done().await;
    house.crash();
    put_back(backup.path(), house.folder.path());
    house.start().await;
    until("it is seen", async || house.app().ticketing().trouble.is_some()).await;
    let trouble = house.app().ticketing().trouble.unwrap();
    assert!(trouble.contains("restored backup") && trouble.contains("1 tickets"), "{trouble}");
    let new = house.ask(&computer).await;
    house.until_step(&new.id, "open_ticket", "parked").await;
    // The endpoint asks on: it was told that the forgotten one is on disk.
    let asked = crate::house::asked("C:\\Setup\\forgotten.exe");
    let id: RequestId = forgotten.id.clone();
    house.app().submit(&computer, id, asked).await.unwrap();
    house.approve(&forgotten).await;
    house.approve(&new).await;
    house.app().resume_tickets(&house.admin).await.unwrap();
    house.assert_all_done().await;
    assert_eq!(house.app().ticketing().trouble, None);
    house.assert_told(&new).await;
    let ticket = house.halo.ticket_of(forgotten.id.as_str()).await;
    assert_eq!(actions(&ticket).len(), 1, "{ticket:#}");
    assert_eq!(house.halo.tickets().await.len(), 3);
}

/// A house with a request whose ticket is open.
async fn opened() -> (House, Arc<ComputerContext>, Request) {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    house.until_step(&request.id, "open_ticket", "done").await;
    house.assert_all_done().await;
    (house, computer, request)
}

/// The same, and a backup of that moment.
async fn backed_up() -> (House, Request, Vec<u8>) {
    let (house, _, request) = opened().await;
    let mut kept = Vec::new();
    backup::backup(&house.place, &mut kept, house.app().now(), "0").await.unwrap();
    (house, request, kept)
}

async fn restore(house: &mut House, kept: &[u8]) {
    let now = house.app().now();
    house.crash();
    // The lock of a process that just died is free when its last task has ended.
    until("it is restored", async || backup::restore(&house.place, kept, Over::Anything, now).await.is_ok()).await;
    house.start().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_decided_again_after_a_restore_is_not_told_again() {
    let (mut house, request, kept) = backed_up().await;
    house.approve(&request).await;
    house.assert_all_done().await;
    let told = house.assert_told(&request).await;
    restore(&mut house, &kept).await;
    assert_eq!(house.request(&request.id).await.state, State::Pending);
    house.approve(&request).await;
    house.assert_all_done().await;
    assert_eq!(house.assert_told(&request).await["actions"], told["actions"]);
    assert!(house.attempts(&request.id).await.contains(&("record_decision".to_owned(), "found".to_owned())));
    // What nobody wrote before is written.
    house.app().revoke(&house.admin, &request.id).await.unwrap();
    house.assert_all_done().await;
    action_of(&house.halo.ticket_of(request.id.as_str()).await, "record_revocation");
}

/// The ticket would else tell of an approval where there is a denial.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_decision_after_a_restore_is_told_once_whatever_becomes_of_the_call() {
    let (mut house, request, kept) = backed_up().await;
    house.approve(&request).await;
    house.assert_all_done().await;
    restore(&mut house, &kept).await;
    house.halo.fault(json!({"kind": "cut_after", "path": "/Actions", "method": "POST", "times": 1})).await;
    house.deny(&request).await;
    house.assert_all_done().await;
    let actions = actions(&house.halo.ticket_of(request.id.as_str()).await);
    let told: Vec<bool> = actions.iter().map(|action| note(action).contains("denied this")).collect();
    assert_eq!(told, [false, true], "{actions:#?}");
}

/// No step of it is in doubt, since there was none when the backup was taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_request_whose_ticket_came_with_its_denial_gets_no_second_one() {
    let change = Change { ticket_on: Some(TicketOn::Denial), ..Change::default() };
    let mut house = House::with(halo_sim::Config::default(), change).await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    let mut kept = Vec::new();
    backup::backup(&house.place, &mut kept, house.app().now(), "0").await.unwrap();
    house.deny(&request).await;
    house.assert_all_done().await;
    let told = house.assert_told(&request).await;
    restore(&mut house, &kept).await;
    house.deny(&request).await;
    house.assert_all_done().await;
    assert_eq!(house.halo.tickets().await.len(), 1);
    assert_eq!(house.assert_told(&request).await["actions"], told["actions"]);
}

/// A copy of the database's files tells nobody that it is older than its tickets; a ticket that it does not know does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_copy_that_meets_a_newer_ticket_tells_nothing_again() {
    let (mut house, computer, request) = opened().await;
    house.crash();
    let backup = tempfile::tempdir().unwrap();
    copy(house.folder.path(), backup.path());
    house.start().await;
    house.approve(&request).await;
    let newer = house.ask(&computer).await;
    house.until_step(&newer.id, "open_ticket", "done").await;
    house.assert_all_done().await;
    house.crash();
    put_back(backup.path(), house.folder.path());
    house.start().await;
    until("it is seen", async || house.app().ticketing().trouble.is_some()).await;
    house.approve(&request).await;
    house.app().resume_tickets(&house.admin).await.unwrap();
    house.assert_all_done().await;
    house.assert_told(&request).await;
}

/// Two servers write into one Halo: the other one's tickets tell nothing of our requests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_of_another_server_is_not_taken_for_one_that_was_lost() {
    let (house, computer, request) = opened().await;
    let customer = house.halo.ticket_of(request.id.as_str()).await["client_id"].clone();
    let another: ServerId = "server_0197c9a0-7d6e-7c3a-8f00-00000000abcd".parse().unwrap();
    for (server, tickets) in [(&another, 2), (house.app().server_id(), 1)] {
        let (id, mark) = (RequestId::from_uuid(System.uuid()), server_mark(server));
        let theirs = json!({
            "summary": "Another server's", "tickettype_id": 21, "client_id": customer, "third_party_id_string": id.as_str(),
            "details": mark, "details_html": mark,
        });
        house.halo.post("/Tickets", theirs).await;
        house.app().resume_tickets(&house.admin).await.unwrap();
        // The walk that follows is over with the next ticket. It would take the reference of a request that is here by then
        // for proof, whoever's mark the ticket bears.
        house.ask(&computer).await;
        house.assert_all_done().await;
        let asked = crate::house::asked(&format!("C:\\Setup\\{tickets}.exe"));
        house.app().submit(&computer, id.clone(), asked).await.unwrap();
        house.assert_all_done().await;
        assert_eq!(house.halo.tickets_of(id.as_str()).await.len(), tickets, "{mark}");
    }
}

/// A house with one told request, so that there is a control record; and a request whose next answer of `path` is lost.
async fn answer_lost(path: &str) -> (House, Request) {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let known = house.ask(&computer).await;
    house.approve(&known).await;
    house.assert_all_done().await;
    let nobody_looks = json!({"kind": "status", "code": 503, "method": "GET"});
    house.halo.fault(nobody_looks).await;
    house.halo.fault(json!({"kind": "cut_after", "path": path, "method": "POST", "times": 1})).await;
    let request = house.ask(&computer).await;
    if path == "/Actions" {
        house.until_step(&request.id, "open_ticket", "done").await;
    }
    house.approve(&request).await;
    let kind = if path == "/Actions" { "record_decision" } else { "open_ticket" };
    let lost = (kind.to_owned(), "unknown".to_owned());
    until("the answer is lost", async || house.attempts(&request.id).await.contains(&lost)).await;
    (house, request)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_was_merged_before_it_was_found_goes_on_where_it_went() {
    let (house, request) = answer_lost("/Tickets").await;
    let ours = house.halo.ticket_of(request.id.as_str()).await;
    let tickets = house.halo.tickets().await;
    let other = tickets.iter().find(|ticket| ticket["id"] != ours["id"]).unwrap().clone();
    house.halo.change(&ours, json!({"merged_into_id": other["id"]})).await;
    house.halo.no_faults().await;
    house.assert_all_done().await;
    let tickets = house.halo.tickets().await;
    assert_eq!(tickets.len(), 2, "none was made anew");
    let target = tickets.iter().find(|ticket| ticket["id"] == other["id"]).unwrap();
    let told = actions(target);
    let about = told.iter().filter(|action| crate::halo::note(action).contains(request.id.as_str())).count();
    assert_eq!((told.len(), about), (2, 1), "{target:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_was_deleted_before_it_was_found_is_not_made_anew() {
    let (house, request) = answer_lost("/Tickets").await;
    let ours = house.halo.ticket_of(request.id.as_str()).await;
    house.halo.control("DELETE", &format!("/tickets/{}", ours["id"]), json!({})).await;
    house.halo.no_faults().await;
    house.until_step(&request.id, "record_decision", "attention").await;
    assert!(house.attempts(&request.id).await.contains(&("open_ticket".to_owned(), "found".to_owned())));
    assert_eq!(house.halo.tickets().await.len(), 2);
}

/// Neither the summary nor the description has to stay as we wrote it: the reference stands in a field of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_was_edited_before_it_was_found_is_found() {
    let (house, request) = answer_lost("/Tickets").await;
    let ours = house.halo.ticket_of(request.id.as_str()).await;
    house.halo.change(&ours, json!({"summary": "A printer driver", "details": "See the call."})).await;
    house.halo.no_faults().await;
    house.assert_all_done().await;
    assert_eq!(house.halo.tickets().await.len(), 2);
    let ticket = house.halo.ticket_of(request.id.as_str()).await;
    assert_eq!((actions(&ticket).len(), &ticket["summary"]), (1, &json!("A printer driver")));
}

/// The other way round: the field was emptied, and the summary still ends with the short form.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_without_its_reference_is_found_by_its_summary() {
    let (house, request) = answer_lost("/Tickets").await;
    let ours = house.halo.ticket_of(request.id.as_str()).await;
    house.halo.change(&ours, json!({"third_party_id_string": ""})).await;
    house.halo.no_faults().await;
    house.assert_all_done().await;
    let tickets = house.halo.tickets().await;
    assert_eq!(tickets.len(), 2);
    assert_right(tickets.iter().find(|ticket| ticket["id"] == ours["id"]).unwrap(), &request);
}

/// A technician rewrote the note before we saw it: our application, the time and the second of its end tell it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_whose_note_was_changed_is_found_by_its_second_witness() {
    let (house, request) = answer_lost("/Actions").await;
    let ticket = house.halo.ticket_of(request.id.as_str()).await;
    house.halo.reword(&ticket, &action_of(&ticket, "record_decision"), "Approved, see the call.").await;
    house.halo.no_faults().await;
    house.assert_all_done().await;
    let ticket = house.halo.ticket_of(request.id.as_str()).await;
    assert_eq!(actions(&ticket).len(), 1, "{ticket:#}");
    assert!(house.attempts(&request.id).await.contains(&("record_decision".to_owned(), "found".to_owned())));
}

/// Its time was changed, too: nobody can tell, so a person must.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_of_ours_that_cannot_be_told_apart_waits_for_a_person() {
    let (house, request) = answer_lost("/Actions").await;
    let ticket = house.halo.ticket_of(request.id.as_str()).await;
    let action = action_of(&ticket, "record_decision");
    let change = json!({"id": action["id"], "ticket_id": ticket["id"], "note_html": "Approved.", "note": "Approved.", "timetaken": 0.5});
    house.halo.post("/Actions", change).await;
    house.halo.no_faults().await;
    house.until_step(&request.id, "record_decision", "attention").await;
    let ticket = house.halo.ticket_of(request.id.as_str()).await;
    assert_eq!(actions(&ticket).len(), 1, "{ticket:#}");
    let steps = house.steps_of(&request.id).await;
    let words = steps.iter().find_map(|step| step.words.clone().filter(|_| step.kind == "record_decision")).unwrap();
    assert!(words.contains("its note was changed by a person"), "{words}");
}

/// The ticket of a step in doubt is hidden: neither is its opening entry shown, so nothing is written again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_is_not_written_again_where_its_ticket_is_hidden() {
    for hidden_is in ["404", "empty"] {
        let (house, request) = answer_lost("/Actions").await;
        house.halo.switches(json!({"hidden_is": hidden_is})).await;
        let sight = ["Can View Unassigned Tickets", "Can view Tickets that are assigned to other Agents"];
        for right in sight {
            house.halo.right(right, "No").await;
        }
        house.halo.no_faults().await;
        house.until_step(&request.id, "record_decision", "attention").await;
        assert_eq!(actions(&house.halo.ticket_of(request.id.as_str()).await).len(), 1);
        for right in sight {
            house.halo.right(right, "Yes").await;
        }
        house.let_go(&request.id, "record_decision").await;
        house.assert_all_done().await;
        house.assert_told(&request).await;
    }
}

/// Its ticket is gone, so nobody will ever see whether the note was written: a person may have a new one made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_in_doubt_on_a_ticket_that_is_gone_may_get_a_new_one() {
    let (house, request) = answer_lost("/Actions").await;
    let old = house.halo.ticket_of(request.id.as_str()).await["id"].clone();
    house.halo.control("DELETE", &format!("/tickets/{old}"), json!({})).await;
    house.halo.no_faults().await;
    house.until_step(&request.id, "record_decision", "attention").await;
    house.until_checked().await;
    let steps = house.steps_of(&request.id).await;
    let step = steps.iter().find(|step| step.kind == "record_decision").unwrap();
    assert_eq!((step.state.as_str(), step.cause), ("attention", Some(Cause::TicketGone)), "{step:?}");
    assert!(step.words.as_ref().unwrap().contains(&format!("ticket {old} is not shown any more")), "{step:?}");
    house.app().new_ticket_for_step(&house.admin, &step.id.parse().unwrap()).await.unwrap();
    house.assert_all_done().await;
    let tickets = house.halo.tickets_of(request.id.as_str()).await;
    assert_eq!(tickets.len(), 2, "{tickets:#?}");
    assert_right(tickets.iter().find(|ticket| ticket["id"] != old).unwrap(), &request);
    assert_eq!(
        house.audited("ticketing", "steps.retried").await,
        0,
        "one ticket that is gone is no right that came back"
    );
}

/// Halo answers well, but with something else than what was asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_about_another_record_is_not_believed() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let stranger = "req_0197c9a0-7d6e-7c3a-8f00-00000000abcd";
    let other_ticket = json!({"id": 1, "summary": "Another", "third_party_id_string": stranger});
    let other_action = json!({"id": 7, "ticket_id": 1, "note_html": "Another note.", "note": "Another note."});
    for (path, body) in [("/Tickets", other_ticket), ("/Actions", other_action)] {
        for when in ["before", "after"] {
            let fault =
                json!({"kind": "garbage", "when": when, "body": body, "path": path, "method": "POST", "times": 1});
            house.halo.fault(fault).await;
            let request = house.ask(&computer).await;
            house.approve(&request).await;
            house.assert_all_done().await;
            house.assert_told(&request).await;
            house.halo.no_faults().await;
        }
    }
    assert_eq!(house.halo.tickets().await.len(), 4);
}

/// A late success after the settle time: Halo needed longer than anybody waits, and the same was sent again. The later
/// ticket is closed with a note, ten minutes later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_success_that_comes_after_the_settle_time_is_closed_with_a_note() {
    let mut house = House::new().await;
    let computer = house.sample_computer().await;
    let known = house.ask(&computer).await;
    house.approve(&known).await;
    house.assert_all_done().await;
    house.start_impatient(Duration::from_millis(500)).await;
    house.halo.hold("/Tickets", "before").await;
    let request = house.ask(&computer).await;
    house.approve(&request).await;
    house.until_step(&request.id, "record_decision", "done").await;
    house.halo.no_faults().await;
    until("Halo made the other one", async || house.halo.tickets_of(request.id.as_str()).await.len() == 2).await;
    house.clock.forward(Duration::from_mins(11));
    let mut tickets = Vec::new();
    until("the other one is closed", async || {
        tickets = house.halo.tickets_of(request.id.as_str()).await;
        tickets.iter().all(|ticket| ticket["hasbeenclosed"] == json!(true) && actions(ticket).len() == 1)
    })
    .await;
    let told = |ticket: &serde_json::Value| crate::halo::note(&actions(ticket)[0]).to_owned();
    tickets.sort_by_key(|ticket| told(ticket).contains("second ticket"));
    assert_right(&tickets[0], &request);
    assert!(
        told(&tickets[1]).contains(&format!("Ticket {} tells its story", tickets[0]["id"])),
        "{}",
        told(&tickets[1])
    );
}
