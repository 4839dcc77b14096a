//! What people who move here expect of linking after the set-up: one test for each thing they know, told in our words.
//!
//! Companies are here, with what they hold for all kinds; locations, computers and technicians are in
//! [`seed_records`](crate::seed_records). Tickets of Technician Mode are not among it: there is no such mode to have
//! tickets yet, and nobody was promised any.

use countersign_domain::{
    id::CompanyId,
    link::{How, Kind, LinkState},
    role::Role,
};
use countersign_store::DirectoryQuery;
use serde_json::json;

use crate::{
    halo::{API_AGENT, SAM, action_of},
    house::{COMPANY, COMPUTER, House, LOCATION, wish},
};

/// The column "Linked to Ticketing System" of a company.
async fn linked(house: &House, company: &CompanyId) -> bool {
    house.app().company(&house.admin, company).await.unwrap().link.state == LinkState::Linked
}

/// Ticks one company and presses Link.
async fn press_link(house: &House, company: &CompanyId) -> LinkState {
    let ids = [company.to_string()];
    let mut results = house.app().link_many(&house.admin, Kind::Company, &ids).await.unwrap();
    assert_eq!((results.len(), results[0].error.as_deref()), (1, None));
    results.remove(0).link.unwrap().state
}

/// Without a linked company there is no ticket; linking the company makes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_need_a_linked_company() {
    let house = House::new().await;
    let computer = house.computer("Smile Partners", LOCATION, COMPUTER).await;
    let request = house.ask(&computer).await;
    house.until_step(&request.id, "open_ticket", "parked").await;
    assert_eq!(house.halo.tickets().await.len(), 0);
    assert_eq!(house.app().company(&house.admin, &computer.computer.company_id).await.unwrap().waiting, 1);

    let company = computer.computer.company_id.to_string();
    house.app().link(&house.admin, Kind::Company, &company, Some("201")).await.unwrap();
    house.assert_all_done().await;
    assert_eq!(house.halo.ticket_of(request.id.as_str()).await["client_id"], 201);
}

/// Linked locations, computers and technicians tell the ticket more; where none of them is linked, it is made without.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_links_add_to_a_ticket_and_are_not_needed_for_one() {
    let house = House::new().await;
    let known = house.sample_computer().await;
    let full = house.ask(&known).await;
    house.approve(&full).await;

    let stranger = house.technician("nobody@example.com", "No Agent", Role::L1).await;
    let unknown = house.computer(COMPANY, "Cellar", "SDG-CELLAR-01").await;
    let bare = house.ask(&unknown).await;
    let verdict = wish(countersign_domain::decision::Verdict::Approve);
    house.app().decide(&stranger, &bare.id, verdict).await.unwrap();
    house.assert_all_done().await;

    let ticket = house.halo.ticket_of(full.id.as_str()).await;
    let owner = &action_of(&ticket, "record_decision")["who_agentid"];
    assert_eq!((&ticket["site_id"], &ticket["assets"][0]["id"], owner), (&json!(301), &json!(4301), &json!(SAM)));
    let ticket = house.halo.ticket_of(bare.id.as_str()).await;
    assert_eq!((&ticket["client_id"], &ticket["assets"]), (&json!(201), &json!([])));
    assert_eq!(action_of(&ticket, "record_decision")["who_agentid"], API_AGENT);
}

/// A company is linked by itself when it is made and a customer bears its name: by a person, and by an enrolment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_company_links_by_itself_where_the_names_match() {
    let house = House::new().await;
    let by_hand = house.app().create_company(&house.admin, "Demo Freight Lines").await.unwrap().company.id;
    let enrolled = house.computer("Sample Bakery", "Main Street", "SB-OFFICE-01").await.computer.company_id.clone();
    for (company, customer) in [(by_hand, "202"), (enrolled, "207")] {
        house.until_link(Kind::Company, company.as_str(), LinkState::Linked).await;
        let link = house.app().company(&house.admin, &company).await.unwrap().link;
        assert_eq!((link.psa_id.as_deref(), link.how), (Some(customer), Some(How::Auto)));
    }
}

/// A company that did not link by itself is linked by a person, once the customer in HaloPSA is called the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_that_did_not_link_by_itself_is_linked_by_a_person_when_the_names_match() {
    let house = House::new().await;
    let company = house.app().create_company(&house.admin, "Freight Demo Ltd").await.unwrap().company.id;
    house.assert_all_done().await;
    assert_eq!(press_link(&house, &company).await, LinkState::Unlinked, "no customer is called so");

    house.halo.control("PATCH", "/clients/202", json!({"name": "Freight Demo Ltd"})).await;
    assert_eq!(press_link(&house, &company).await, LinkState::Linked);
    let link = house.app().company(&house.admin, &company).await.unwrap().link;
    assert_eq!((link.psa_id.as_deref(), link.psa_name.as_deref()), (Some("202"), Some("Freight Demo Ltd")));
}

/// Each company in the list is linked or not, the list can be narrowed to either, and the count follows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_of_companies_tells_for_each_whether_it_is_linked() {
    let house = House::new().await;
    let yes = house.app().create_company(&house.admin, "Demo Freight Lines").await.unwrap().company.id;
    let no = house.app().create_company(&house.admin, "Freight Demo Ltd").await.unwrap().company.id;
    house.assert_all_done().await;
    assert_eq!((linked(&house, &yes).await, linked(&house, &no).await), (true, false));
    for (state, expected) in [(LinkState::Linked, &yes), (LinkState::Unlinked, &no)] {
        let wanted = DirectoryQuery { link: Some(state), limit: 10, ..DirectoryQuery::default() };
        let rows = house.app().companies(&house.admin, &wanted).await.unwrap();
        let ids: Vec<&CompanyId> = rows.iter().map(|row| &row.company.id).collect();
        assert_eq!(ids, [expected], "{state:?}");
    }
    assert_eq!(house.app().unlinked(&house.admin).await.unwrap().companies, 1);
}

/// A company whose name matches no customer stays unlinked, whatever is pressed, until its name is edited and Link is
/// pressed again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_that_is_not_linked_is_renamed_and_then_linked() {
    let house = House::new().await;
    let company = house.app().create_company(&house.admin, "Freight Demo Ltd").await.unwrap().company.id;
    house.assert_all_done().await;
    assert_eq!(press_link(&house, &company).await, LinkState::Unlinked);

    house.app().rename_company(&house.admin, &company, "Demo Freight Lines").await.unwrap();
    assert_eq!(press_link(&house, &company).await, LinkState::Linked);
    assert!(linked(&house, &company).await);
}

/// Companies are ticked together and linked at once, with a result for each; one that matches nothing spoils no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_ticked_companies_are_linked_at_once_with_a_result_for_each() {
    let house = House::new().await;
    let mut ids = Vec::new();
    for (name, renamed) in [("Freight", "Demo Freight Lines"), ("Nobody", "Nobody at all"), ("Bakers", "Sample Bakery")]
    {
        let company = house.app().create_company(&house.admin, name).await.unwrap().company.id;
        house.app().rename_company(&house.admin, &company, renamed).await.unwrap();
        ids.push(company.to_string());
    }
    let results = house.app().link_many(&house.admin, Kind::Company, &ids).await.unwrap();
    let told: Vec<(&str, LinkState)> =
        results.iter().map(|one| (one.id.as_str(), one.link.as_ref().unwrap().state)).collect();
    let [freight, nobody, bakers] = ids.as_slice() else { panic!("three") };
    assert_eq!(
        told,
        [
            (freight.as_str(), LinkState::Linked),
            (nobody.as_str(), LinkState::Unlinked),
            (bakers.as_str(), LinkState::Linked)
        ]
    );
}

/// A company takes its customer's name, is linked, and takes its own name back: the link stays and tickets go to that
/// customer. Pressing Link again, a rename on either side, and a customer that has the company's own name by then all
/// change nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_is_renamed_to_link_and_renamed_back_and_stays_linked() {
    let house = House::new().await;
    let computer = house.computer("The Dentists", LOCATION, COMPUTER).await;
    let company = computer.computer.company_id.clone();
    let waiting = house.ask(&computer).await;
    house.until_step(&waiting.id, "open_ticket", "parked").await;

    house.app().rename_company(&house.admin, &company, COMPANY).await.unwrap();
    assert_eq!(press_link(&house, &company).await, LinkState::Linked);
    house.app().rename_company(&house.admin, &company, "The Dentists").await.unwrap();
    assert!(linked(&house, &company).await);
    house.halo.control("PATCH", "/clients/211", json!({"name": "The Dentists"})).await;
    assert_eq!(press_link(&house, &company).await, LinkState::Linked, "to whatever it was linked to by then");

    let row = house.app().company(&house.admin, &company).await.unwrap();
    assert_eq!(row.company.name, "The Dentists");
    let after = house.ask(&computer).await;
    house.assert_all_done().await;
    assert_eq!(house.halo.ticket_of(waiting.id.as_str()).await["client_id"], 201, "went when it was linked");
    assert_eq!(house.halo.ticket_of(after.id.as_str()).await["client_id"], 201);
}

/// After the rename there and back, computers that enrol find that company under its own name, under the name that it had
/// to link, and under the customer's name of today.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn later_enrolments_find_a_renamed_company_under_every_name_it_had() {
    let house = House::new().await;
    let company = house.app().create_company(&house.admin, "The Dentists").await.unwrap().company.id;
    house.app().rename_company(&house.admin, &company, COMPANY).await.unwrap();
    assert_eq!(press_link(&house, &company).await, LinkState::Linked);
    house.app().rename_company(&house.admin, &company, "Dentists of Main Street").await.unwrap();

    for (n, name) in ["The Dentists", COMPANY, "Dentists of Main Street", "  sample   DENTAL group "].iter().enumerate()
    {
        let computer = house.computer(name, LOCATION, &format!("SDG-LATE-{n}")).await;
        assert_eq!(computer.computer.company_id, company, "{name}");
        let request = house.ask(&computer).await;
        house.assert_all_done().await;
        assert_eq!(house.halo.ticket_of(request.id.as_str()).await["client_id"], 201, "{name}");
    }
    let all = DirectoryQuery { limit: 10, ..DirectoryQuery::default() };
    assert_eq!(house.app().companies(&house.admin, &all).await.unwrap().len(), 1);
}
