//! Records put aside and taken back, by people and by enrolling.

use countersign_app::{DirectoryQuery, Shelf, enroll::Enrollment, sign_in::hash};
use countersign_domain::{
    link::{Kind, LinkState},
    role::Role,
};

use crate::house::{COMPANY, COMPUTER, House, LOCATION, enrollment, until};

async fn archived_of(house: &House) -> (bool, bool, bool) {
    let (app, admin) = (house.app(), &house.admin);
    let wanted = DirectoryQuery { shelf: Shelf::Both, limit: 9, ..DirectoryQuery::default() };
    let company = app.companies(admin, &wanted).await.unwrap().remove(0).archived_at.is_some();
    let location = app.locations(admin, &wanted).await.unwrap().remove(0).archived_at.is_some();
    let computer = app.computers(admin, &wanted).await.unwrap().remove(0).archived_at.is_some();
    (company, location, computer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archived_company_leaves_everything_and_comes_back_as_it_was() {
    let house = House::new().await;
    let (app, admin) = (house.app(), &house.admin);
    let computer = house.sample_computer().await.computer.clone();
    let company = computer.company_id.clone();
    house.until_link(Kind::Computer, computer.id.as_str(), LinkState::Linked).await;
    let reader = house.technician("priya.nair@example.com", "Priya Nair", Role::L1).await;
    assert_eq!(app.archive(&reader, Kind::Company, company.as_str()).await.unwrap_err().code(), "forbidden");
    let in_the_way = app.archive(admin, Kind::Location, computer.location_id.as_str()).await.unwrap_err();
    assert_eq!(in_the_way.code(), "has_computers");

    app.archive(admin, Kind::Company, company.as_str()).await.unwrap();
    app.archive(admin, Kind::Company, company.as_str()).await.unwrap();
    assert_eq!(archived_of(&house).await, (true, true, true));
    assert!(app.companies(admin, &DirectoryQuery { limit: 9, ..DirectoryQuery::default() }).await.unwrap().is_empty());
    for (kind, id) in [(Kind::Company, company.as_str()), (Kind::Computer, computer.id.as_str())] {
        assert_eq!(app.link(admin, kind, id, None).await.unwrap_err().code(), "archived");
        assert_eq!(app.unlink(admin, kind, id).await.unwrap_err().code(), "archived");
    }
    assert_eq!(app.create_location(admin, &company, "Harbour").await.unwrap_err().code(), "archived");
    assert_eq!(app.restore(admin, Kind::Computer, computer.id.as_str()).await.unwrap_err().code(), "parent_archived");

    app.restore(admin, Kind::Company, company.as_str()).await.unwrap();
    assert_eq!(archived_of(&house).await, (false, false, false));
    assert_eq!(app.company(admin, &company).await.unwrap().link.state, LinkState::Linked, "its link was kept");
    let told: Vec<String> =
        app.audit(admin, Some(company.as_str()), None, 50).await.unwrap().into_iter().map(|row| row.action).collect();
    assert_eq!(told.iter().filter(|action| *action == "company.archived").count(), 1);
    assert_eq!(told.iter().filter(|action| *action == "company.restored").count(), 1);
    house.assert_all_done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enrolling_brings_company_and_location_back() {
    let house = House::new().await;
    let (app, admin) = (house.app(), &house.admin);
    let first = app.enroll(enrollment(&house.key, COMPANY, LOCATION, COMPUTER)).await.unwrap();
    let second = app.enroll(enrollment(&house.key, COMPANY, LOCATION, "SDG-FD-02")).await.unwrap();
    let company = app.computer(admin, &first.computer_id).await.unwrap().computer.company_id;
    app.archive(admin, Kind::Company, company.as_str()).await.unwrap();
    for enrolled in [&first, &second] {
        assert!(app.computer_caller(&enrolled.credential).await.unwrap().unwrap().archived);
    }

    // With its old credential it is itself again; the other one stays aside.
    let proven = Enrollment {
        old_credential_hash: Some(hash(&first.credential)),
        ..enrollment(&house.key, COMPANY, LOCATION, COMPUTER)
    };
    let again = app.enroll(proven).await.unwrap();
    assert_eq!((again.computer_id.clone(), again.held), (first.computer_id.clone(), false));
    assert!(!app.computer_caller(&again.credential).await.unwrap().unwrap().archived);
    assert!(app.company(admin, &company).await.unwrap().archived_at.is_none());
    assert!(app.computer(admin, &second.computer_id).await.unwrap().archived_at.is_some());
    let told = app.audit(admin, Some(company.as_str()), None, 50).await.unwrap();
    let restored = told.iter().find(|row| row.action == "company.restored").unwrap();
    assert_eq!(restored.actor, first.computer_id.as_str());

    // Without it the machine is a new computer: nobody waits for the archived one.
    let fresh = app.enroll(enrollment(&house.key, COMPANY, LOCATION, "SDG-FD-02")).await.unwrap();
    assert_ne!(fresh.computer_id, second.computer_id);
    assert!(!fresh.held);
    assert!(app.computer_caller(&second.credential).await.unwrap().unwrap().archived);
    house.assert_all_done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_that_another_company_took_meanwhile_is_for_a_person() {
    let house = House::new().await;
    let (app, admin) = (house.app(), &house.admin);
    let company = house.sample_computer().await.computer.company_id.clone();
    house.until_link(Kind::Company, company.as_str(), LinkState::Linked).await;
    app.archive(admin, Kind::Company, company.as_str()).await.unwrap();
    let other = app.create_company(admin, "Sample Dental Group New").await.unwrap().company.id;
    app.link(admin, Kind::Company, other.as_str(), Some("201")).await.unwrap();
    app.restore(admin, Kind::Company, company.as_str()).await.unwrap();
    until("the rule looked again", async || {
        app.company(admin, &company).await.unwrap().link.state == LinkState::Ambiguous
    })
    .await;
    assert_eq!(app.company(admin, &other).await.unwrap().link.psa_id.as_deref(), Some("201"));
    house.assert_all_done().await;
}
