//! What people who move here expect of linking after the set-up, for locations, computers and technicians; companies are
//! in [`seed_linking`](crate::seed_linking).

use countersign_app::people::TechnicianChange;
use countersign_domain::{
    decision::Verdict,
    id::TechnicianId,
    link::{How, Kind, Link, LinkState},
    role::Role,
};
use serde_json::json;

use crate::{
    halo::{API_AGENT, MARIA, action_of, minutes},
    house::{COMPANY, COMPUTER, House, LOCATION, wish},
};

async fn press_link(house: &House, kind: Kind, id: &str) -> Link {
    let mut results = house.app().link_many(&house.admin, kind, &[id.to_owned()]).await.unwrap();
    assert_eq!((results.len(), results[0].error.as_deref()), (1, None));
    results.remove(0).link.unwrap()
}

async fn technician_link(house: &House, id: &TechnicianId) -> Link {
    house.app().technician(&house.admin, id).await.unwrap().link
}

/// A location is linked by itself to the site of its own company's customer that bears its name, and the ticket stands
/// at that site. Other customers have a site of that name too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_location_links_to_the_site_of_its_customer_as_a_company_to_its_customer() {
    let house = House::new().await;
    let computer = house.computer("Demo Freight Lines", "Main Street", "DFL-NEW-01").await;
    let company = computer.computer.company_id.clone();
    house.until_link(Kind::Location, computer.computer.location_id.as_str(), LinkState::Linked).await;
    let request = house.ask(&computer).await;
    let by_hand = house.app().create_location(&house.admin, &company, "Depot North").await.unwrap().location.id;
    house.assert_all_done().await;
    let link = house.app().location(&house.admin, &by_hand).await.unwrap().link;
    assert_eq!((link.state, link.psa_id.as_deref(), link.how), (LinkState::Linked, Some("304"), Some(How::Auto)));
    let ticket = house.halo.ticket_of(request.id.as_str()).await;
    assert_eq!((&ticket["client_id"], &ticket["site_id"]), (&json!(202), &json!(303)));
}

/// A location whose name fits no site is renamed, linked and renamed back, as a company is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_location_is_renamed_to_link_and_renamed_back_and_stays_linked() {
    let house = House::new().await;
    let computer = house.computer(COMPANY, "By the water", COMPUTER).await;
    let location = computer.computer.location_id.clone();
    house.assert_all_done().await;
    assert_eq!(press_link(&house, Kind::Location, location.as_str()).await.state, LinkState::Unlinked);

    house.app().rename_location(&house.admin, &location, "Harbour Branch").await.unwrap();
    assert_eq!(press_link(&house, Kind::Location, location.as_str()).await.psa_id.as_deref(), Some("302"));
    house.app().rename_location(&house.admin, &location, "By the water").await.unwrap();
    let row = house.app().location(&house.admin, &location).await.unwrap();
    assert_eq!((row.location.name.as_str(), row.link.state), ("By the water", LinkState::Linked));
    let request = house.ask(&computer).await;
    house.assert_all_done().await;
    assert_eq!(house.halo.ticket_of(request.id.as_str()).await["site_id"], 302);
}

/// The company decides whether a computer's tickets are made, not the computer: cutting the company's link holds the
/// next ticket back although location and computer are linked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_computers_tickets_are_made_only_while_its_company_is_linked() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let company = computer.computer.company_id.to_string();
    house.until_link(Kind::Computer, computer.computer.id.as_str(), LinkState::Linked).await;
    house.app().unlink(&house.admin, Kind::Company, &company).await.unwrap();
    let request = house.ask(&computer).await;
    house.until_step(&request.id, "open_ticket", "parked").await;
    let row = house.app().computer(&house.admin, &computer.computer.id).await.unwrap();
    assert_eq!(row.link.state, LinkState::Linked);
    assert_eq!(house.halo.tickets().await.len(), 0);

    assert_eq!(press_link(&house, Kind::Company, &company).await.state, LinkState::Linked);
    house.assert_all_done().await;
    assert_eq!(house.halo.ticket_of(request.id.as_str()).await["client_id"], 201);
}

/// A computer is linked by itself to the asset of its customer that bears its name: as its tag, as its key field, or in a
/// field of its type. It makes no difference whether the company was linked before the computer came.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_computer_links_to_the_asset_of_its_name_wherever_the_asset_keeps_it() {
    let house = House::new().await;
    house.halo.control("PATCH", "/assets/4302", json!({"key_field": "TAG-4302"})).await;
    for (company, location, name, asset) in [
        (COMPANY, LOCATION, "SDG-FD-02", "4302"),
        ("Demo Freight Lines", "Depot North", "DFL-YARD-01", "4306"),
        ("Example Manufacturing", "Plant 2", "EM-LINE-07", "4315"),
    ] {
        for known in [false, true] {
            let computer = house.computer(company, location, name).await.computer.clone();
            house.assert_all_done().await;
            let link = house.app().computer(&house.admin, &computer.id).await.unwrap().link;
            let told = (link.state, link.psa_id.as_deref(), link.how);
            assert_eq!(told, (LinkState::Linked, Some(asset), Some(How::Auto)), "{name}, company linked: {known}");
            // The next of that name is another computer to us, and its company is linked by now.
            house.app().change_computer(&house.admin, &computer.id, Some(&format!("{name}-OLD")), None).await.unwrap();
        }
    }
}

/// A computer that found no asset is linked by a person: by its name once that fits, or to any asset of its customer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_computer_is_linked_by_a_person_as_a_company_is() {
    let house = House::new().await;
    let computer = house.computer(COMPANY, LOCATION, "FRONT-DESK").await.computer.id.clone();
    house.assert_all_done().await;
    assert_eq!(press_link(&house, Kind::Computer, computer.as_str()).await.state, LinkState::Unlinked);

    house.app().change_computer(&house.admin, &computer, Some("SDG-FD-01"), None).await.unwrap();
    assert_eq!(press_link(&house, Kind::Computer, computer.as_str()).await.psa_id.as_deref(), Some("4301"));
    house.app().change_computer(&house.admin, &computer, Some("FRONT-DESK"), None).await.unwrap();
    let row = house.app().computer(&house.admin, &computer).await.unwrap();
    assert_eq!((row.computer.name.as_str(), row.link.psa_id.as_deref()), ("FRONT-DESK", Some("4301")));

    let other = house.computer(COMPANY, LOCATION, "X-RAY ROOM").await.computer.id.clone();
    let link = house.app().link(&house.admin, Kind::Computer, other.as_str(), Some("4303")).await.unwrap();
    assert_eq!((link.state, link.how), (LinkState::Linked, Some(How::Manual)));
}

/// What a computer is linked for: its tickets bear its asset.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_linked_computers_tickets_bear_its_asset() {
    let house = House::new().await;
    let computer = house.computer(COMPANY, LOCATION, "X-RAY ROOM").await;
    house.assert_all_done().await;
    house.app().link(&house.admin, Kind::Computer, computer.computer.id.as_str(), Some("4303")).await.unwrap();
    let request = house.ask(&computer).await;
    house.assert_all_done().await;
    let ticket = house.halo.ticket_of(request.id.as_str()).await;
    assert_eq!(ticket["assets"].as_array().map(Vec::len), Some(1));
    assert_eq!(ticket["assets"][0]["id"], 4303);
}

/// As long as its company is not linked, a computer cannot be, by name or by hand; when the company is, the computer
/// follows by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_computer_is_linked_after_its_company() {
    let house = House::new().await;
    let computer = house.computer("Smile Partners", LOCATION, COMPUTER).await.computer.clone();
    house.assert_all_done().await;
    for asset in [None, Some("4301")] {
        let refused = house.app().link(&house.admin, Kind::Computer, computer.id.as_str(), asset).await.unwrap_err();
        assert_eq!(refused.code(), "company_unlinked");
        assert!(refused.to_string().starts_with("Link the company first"), "{refused}");
    }
    house.app().link(&house.admin, Kind::Company, computer.company_id.as_str(), Some("201")).await.unwrap();
    house.until_link(Kind::Computer, computer.id.as_str(), LinkState::Linked).await;
}

/// A computer that HaloPSA does not know has tickets all the same, without an asset.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_computer_need_not_be_linked() {
    let house = House::new().await;
    let computer = house.computer(COMPANY, LOCATION, "SDG-NEW-01").await;
    let request = house.ask(&computer).await;
    house.approve(&request).await;
    house.assert_all_done().await;
    let row = house.app().computer(&house.admin, &computer.computer.id).await.unwrap();
    assert_eq!(row.link.state, LinkState::Unlinked);
    let ticket = house.assert_told(&request).await;
    assert_eq!((&ticket["client_id"], &ticket["assets"]), (&json!(201), &json!([])));
}

/// Technicians are matched to agents by e-mail address, whatever their names. Neither the agent of our own application nor
/// one that is disabled is anybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_technician_links_to_the_agent_with_the_same_mail_address() {
    let house = House::new().await;
    for (email, name, agent) in [
        ("Priya.Nair@example.com", "P. N.", Some("29")),
        ("maria@example.com", "Maria Ruiz", None),
        ("countersign-api@example.com", "Countersign API", None),
        ("former.colleague@example.com", "Former Colleague", None),
    ] {
        let technician = house.technician(email, name, Role::L1).await;
        house.assert_all_done().await;
        assert_eq!(technician_link(&house, &technician.id).await.psa_id.as_deref(), agent, "{email}");
        let pressed = press_link(&house, Kind::Technician, technician.id.as_str()).await;
        assert_eq!(pressed.psa_id.as_deref(), agent, "{email}");
    }
}

/// A technician who did not link gets an address that fits, here or in HaloPSA, and is linked by Link; the list says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_technicians_address_is_set_right_on_either_side_and_then_linked() {
    let house = House::new().await;
    let maria = house.technician("m.ruiz@example.org", "Maria Ruiz", Role::L1).await;
    let priya = house.technician("p.nair@example.org", "Priya Nair", Role::L1).await;
    house.assert_all_done().await;
    for technician in [&maria, &priya] {
        let link = press_link(&house, Kind::Technician, technician.id.as_str()).await;
        assert_eq!(link.state, LinkState::Unlinked);
    }
    assert_eq!(house.app().unlinked(&house.admin).await.unwrap().technicians, 2);

    house.halo.control("PATCH", "/agents/25", json!({"email": "m.ruiz@example.org"})).await;
    let ours = TechnicianChange { email: Some("priya.nair@example.com".to_owned()), ..TechnicianChange::default() };
    house.app().change_technician(&house.admin, &priya.id, ours).await.unwrap();
    for (technician, agent) in [(&maria, "25"), (&priya, "29")] {
        let link = press_link(&house, Kind::Technician, technician.id.as_str()).await;
        assert_eq!((link.state, link.psa_id.as_deref()), (LinkState::Linked, Some(agent)));
        assert_eq!(technician_link(&house, &technician.id).await.state, LinkState::Linked, "as the list shows it");
    }
    assert_eq!(house.app().unlinked(&house.admin).await.unwrap().technicians, 0);
}

/// A technician who is added is linked without anybody pressing anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_technician_links_by_itself() {
    let house = House::new().await;
    let maria = house.technician("maria.ruiz@example.com", "Maria Ruiz", Role::L2).await;
    house.until_link(Kind::Technician, maria.id.as_str(), LinkState::Linked).await;
    let link = technician_link(&house, &maria.id).await;
    assert_eq!((link.psa_id, link.how), (Some(MARIA.to_string()), Some(How::Auto)));
}

/// Who approved or denied owns the time on the ticket's action only if he is linked; else it stands under the agent of our
/// application.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_entry_is_owned_by_who_decided_where_he_is_linked() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let maria = house.technician("maria@example.org", "Maria Ruiz", Role::L1).await;
    house.assert_all_done().await;
    let mut owners = Vec::new();
    for verdict in [Verdict::Approve, Verdict::Deny] {
        let request = house.ask(&computer).await;
        house.app().decide(&maria, &request.id, wish(verdict)).await.unwrap();
        house.assert_all_done().await;
        let action = action_of(&house.halo.ticket_of(request.id.as_str()).await, "record_decision");
        owners.push((action["who_agentid"].as_i64().unwrap(), minutes(&action)));
        // Linked before the second decision.
        let agent = MARIA.to_string();
        house.app().link(&house.admin, Kind::Technician, maria.id.as_str(), Some(&agent)).await.unwrap();
    }
    assert_eq!(owners, [(API_AGENT, 5), (MARIA, 5)]);
}

/// A company that moves to another customer takes its records along: what was tied inside the old customer, by the rule
/// or by hand, is looked for in the new one, so that no ticket names a site or asset of somebody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_that_moves_to_another_customer_leaves_the_old_ones_sites_and_assets() {
    let house = House::new().await;
    let computer = house.computer(COMPANY, LOCATION, "DFL-DISP-01").await;
    let company = computer.computer.company_id.to_string();
    house.assert_all_done().await;
    house.app().link(&house.admin, Kind::Computer, computer.computer.id.as_str(), Some("4303")).await.unwrap();
    house.app().unlink(&house.admin, Kind::Company, &company).await.unwrap();
    house.app().link(&house.admin, Kind::Company, &company, Some("202")).await.unwrap();

    let request = house.ask(&computer).await;
    house.assert_all_done().await;
    let ticket = house.halo.ticket_of(request.id.as_str()).await;
    assert_eq!((&ticket["client_id"], &ticket["site_id"]), (&json!(202), &json!(303)));
    assert_eq!(ticket["assets"][0]["id"], 4304);
}

/// A link by hand inside the customer that a company comes back to stays as it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_that_is_linked_to_its_customer_again_keeps_what_was_tied_by_hand() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let (company, id) = (computer.computer.company_id.to_string(), computer.computer.id.clone());
    house.assert_all_done().await;
    house.app().link(&house.admin, Kind::Computer, id.as_str(), Some("4303")).await.unwrap();
    house.app().unlink(&house.admin, Kind::Company, &company).await.unwrap();
    house.app().link(&house.admin, Kind::Company, &company, Some("201")).await.unwrap();
    let link = house.app().computer(&house.admin, &id).await.unwrap().link;
    assert_eq!((link.psa_id.as_deref(), link.how), (Some("4303"), Some(How::Manual)));
}
