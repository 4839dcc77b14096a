//! Links by name, by hand, cut, ambiguous; and tickets that wait for them.

use countersign_app::ticketing::Change;
use countersign_domain::{
    link::{How, Kind, LinkState},
    role::Role,
};
use halo_sim::Config;
use serde_json::json;

use crate::{
    halo::{MARIA, action_of, actions, minutes},
    house::{COMPANY, House, LOCATION, until, wish},
    sync::settled,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_of_an_unlinked_company_waits_and_goes_with_everything_linked() {
    let house = House::new().await;
    let computer = house.computer("Our name for it", LOCATION, "SDG-FD-01").await;
    let company = computer.computer.company_id.clone();
    let request = house.ask(&computer).await;
    house.approve(&request).await;
    house.until_step(&request.id, "open_ticket", "parked").await;
    assert_eq!(house.app().counts(&house.admin).await.unwrap().parked_steps, 1);
    let row = house.app().company(&house.admin, &company).await.unwrap();
    assert_eq!((row.link.state, row.waiting), (LinkState::Unlinked, 1));
    assert_eq!(house.halo.tickets().await.len(), 0);

    let link = house.app().link(&house.admin, Kind::Company, company.as_str(), Some("201")).await.unwrap();
    assert_eq!((link.state, link.how, link.psa_name.as_deref()), (LinkState::Linked, Some(How::Manual), Some(COMPANY)));
    house.assert_all_done().await;
    let ticket = house.assert_told(&request).await;
    assert_eq!(ticket["client_id"], 201);
    assert_eq!(ticket["site_id"], 301);
    assert_eq!(ticket["assets"][0]["id"], 4301);
    assert_eq!(ticket["user_id"], 7001);
    assert_eq!(house.app().counts(&house.admin).await.unwrap().parked_steps, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_that_no_customer_is_called_after_is_offered_the_likest_at_once() {
    let house = House::new().await;
    let first = settled(&house).await;
    let computer = house.computer("Demo Freight", LOCATION, "DFL-DISP-01").await;
    let company = computer.computer.company_id.clone();
    let offered = async || {
        let link = house.app().company(&house.admin, &company).await.unwrap().link;
        (link.state, link.candidates.first().map(|candidate| candidate.psa_id.clone()))
    };
    let likest = (LinkState::Unlinked, Some("202".to_owned()));
    until("Demo Freight Lines is offered", async || offered().await == likest).await;
    // The customers alone were walked over: no full sync came.
    assert_eq!(settled(&house).await.full_at, first.full_at);
    house.assert_all_done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_from_before_the_set_up_are_told_after_it() {
    let house = House::not_set_up(Config::default()).await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    house.approve(&request).await;
    house.until_step(&request.id, "open_ticket", "parked").await;
    house.set_up(Change::default()).await;
    house.assert_all_done().await;
    house.assert_told(&request).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_fit_twice_are_for_a_person() {
    let house = House::new().await;
    house.halo.control("PATCH", "/clients/211", json!({"name": "SAMPLE BAKERY"})).await;
    let computer = house.computer("sample bakery", "Main Street", "SB-OFFICE-01").await;
    let company = computer.computer.company_id.clone();
    house.until_link(Kind::Company, company.as_str(), LinkState::Ambiguous).await;
    let row = house.app().company(&house.admin, &company).await.unwrap();
    let mut ids: Vec<String> = row.link.candidates.into_iter().map(|candidate| candidate.psa_id).collect();
    ids.sort();
    assert_eq!(ids, ["207", "211"]);
    let request = house.ask(&computer).await;
    house.until_step(&request.id, "open_ticket", "parked").await;
    house.app().link(&house.admin, Kind::Company, company.as_str(), Some("207")).await.unwrap();
    house.assert_all_done().await;
    assert_eq!(house.halo.ticket_of(request.id.as_str()).await["client_id"], 207);
    // A byte-exact name wins over one that only looks alike.
    let exact = house.computer("SAMPLE BAKERY", "Main", "X-1").await;
    assert_eq!(exact.computer.company_id, company, "the same company to us");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_link_stays_cut_and_a_renamed_company_stays_linked() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let company = computer.computer.company_id.clone();
    house.until_link(Kind::Company, company.as_str(), LinkState::Linked).await;
    house.app().rename_company(&house.admin, &company, "Dentists").await.unwrap();
    house.halo.control("PATCH", "/clients/201", json!({"name": "Sample Dental Partners"})).await;
    let linked = house.app().link(&house.admin, Kind::Company, company.as_str(), None).await.unwrap();
    assert_eq!((linked.state, linked.psa_id.as_deref()), (LinkState::Linked, Some("201")));
    let same = house.computer(COMPANY, LOCATION, "SDG-FD-02").await;
    assert_eq!(same.computer.company_id, company, "found by its former name");
    let request = house.ask(&computer).await;
    house.assert_all_done().await;
    assert_eq!(house.halo.ticket_of(request.id.as_str()).await["client_id"], 201);

    house.app().unlink(&house.admin, Kind::Company, company.as_str()).await.unwrap();
    house.halo.control("PATCH", "/clients/201", json!({"name": "Dentists"})).await;
    let third = house.computer(COMPANY, LOCATION, "SDG-XRAY-01").await;
    let late = house.ask(&third).await;
    house.until_step(&late.id, "open_ticket", "parked").await;
    let row = house.app().company(&house.admin, &company).await.unwrap();
    assert_eq!((row.link.state, row.link.how), (LinkState::Unlinked, Some(How::Manual)));
    assert_eq!(house.halo.tickets_of(late.id.as_str()).await.len(), 0);
    house.app().link(&house.admin, Kind::Company, company.as_str(), None).await.unwrap();
    house.assert_all_done().await;
    assert_eq!(house.halo.ticket_of(late.id.as_str()).await["client_id"], 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_are_imported_once_and_two_companies_of_one_customer_are_a_question() {
    let house = House::new().await;
    let wanted = ["202".to_owned(), "203".to_owned()];
    let rows = house.app().import_companies(&house.admin, &wanted).await.unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row.company.name.as_str()).collect();
    assert_eq!(names, ["Demo Freight Lines", "Specimen Credit Union"]);
    let again = house.app().import_companies(&house.admin, &wanted).await.unwrap();
    assert_eq!(again[0].company.id, rows[0].company.id);
    for (wrong, code) in [("9999", "not_found"), ("their name", "bad_field"), ("0", "bad_field"), ("", "bad_field")] {
        let ids = ["204".to_owned(), wrong.to_owned()];
        let refused = house.app().import_companies(&house.admin, &ids).await.unwrap_err();
        assert_eq!(refused.code(), code, "{wrong}: {refused}");
        assert!(refused.to_string().contains(wrong), "it is named: {refused}");
    }
    assert!(house.store().companies_of_customer("204").await.unwrap().is_empty(), "one wrong id makes no company");

    let hand = house.app().create_company(&house.admin, "The bakers").await.unwrap().company.id;
    house.app().link(&house.admin, Kind::Company, hand.as_str(), Some("207")).await.unwrap();
    house.app().rename_company(&house.admin, &hand, "The old bakers").await.unwrap();
    let second = house.app().create_company(&house.admin, "Bakery two").await.unwrap().company.id;
    let refused = house.app().link(&house.admin, Kind::Company, second.as_str(), Some("207")).await.unwrap_err();
    assert_eq!(refused.code(), "linked_twice");
    house.app().rename_company(&house.admin, &second, "sample bakery").await.unwrap();
    let link = house.app().link(&house.admin, Kind::Company, second.as_str(), None).await.unwrap();
    assert_eq!((link.state, link.candidates.len()), (LinkState::Ambiguous, 1));
    house.assert_all_done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_id_of_halos_is_named_and_ties_nothing() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    house.assert_all_done().await;
    let (app, admin) = (house.app(), &house.admin);
    let ours = &computer.computer;
    let user = house.technician("stranger@example.com", "Sam Stranger", Role::L1).await;
    for (kind, id) in [
        (Kind::Company, ours.company_id.as_str()),
        (Kind::Location, ours.location_id.as_str()),
        (Kind::Computer, ours.id.as_str()),
        (Kind::Technician, user.id.as_str()),
    ] {
        for (wrong, code) in [("SDG-FD-01", "bad_field"), ("4301.5", "bad_field"), ("999999", "not_found")] {
            let refused = app.link(admin, kind, id, Some(wrong)).await.unwrap_err();
            assert_eq!(refused.code(), code, "{kind:?} {wrong}: {refused}");
            assert!(refused.to_string().contains(wrong), "{kind:?}: {refused}");
        }
    }
    let link = app.computer(admin, &ours.id).await.unwrap().link;
    assert_eq!((link.state, link.psa_id.as_deref()), (LinkState::Linked, Some("4301")));

    let of = |change: Change| app.change_ticketing(house.by(), change);
    let type_of = of(Change { ticket_type: Some(Some("Incident".to_owned())), ..Change::default() }).await.unwrap_err();
    assert!(type_of.code() == "bad_field" && type_of.to_string().contains("Incident"), "{type_of}");
    let all = of(Change { catch_all_customer: Some(Some("all".to_owned())), ..Change::default() }).await.unwrap_err();
    assert_eq!(all.code(), "bad_field", "{all}");
    assert_eq!(app.choices(Some("Incident")).await.unwrap_err().code(), "bad_field");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn technicians_are_linked_by_mail_address_and_unlinked_ones_decide_all_the_same() {
    let house = House::new().await;
    let maria = house.technician("MARIA.RUIZ@example.com", "Maria Ruiz", Role::L1).await;
    let stranger = house.technician("nobody@example.com", "No Agent", Role::L1).await;
    house.assert_all_done().await;
    let link = house.app().technician(&house.admin, &maria.id).await.unwrap().link;
    assert_eq!(link.psa_id, Some(MARIA.to_string()));
    let computer = house.sample_computer().await;
    let hers = house.ask(&computer).await;
    house.app().decide(&maria, &hers.id, wish(countersign_domain::decision::Verdict::Approve)).await.unwrap();
    let his = house.ask(&computer).await;
    house.app().decide(&stranger, &his.id, wish(countersign_domain::decision::Verdict::Deny)).await.unwrap();
    house.assert_all_done().await;
    let ticket = house.halo.ticket_of(hers.id.as_str()).await;
    assert_eq!(
        (&ticket["agent_id"], &action_of(&ticket, "record_decision")["who_agentid"]),
        (&json!(MARIA), &json!(MARIA))
    );
    let ticket = house.halo.ticket_of(his.id.as_str()).await;
    let action = action_of(&ticket, "record_decision");
    assert_eq!(action["who_agentid"], crate::halo::API_AGENT);
    assert_eq!((ticket["agent_id"].as_i64(), minutes(&action), actions(&ticket).len()), (Some(1), 5, 1));
    assert!(crate::halo::note(&action).contains("No Agent"));
}
