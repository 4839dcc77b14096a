//! Lists that make companies, locations and technicians.

use countersign_app::{
    DirectoryQuery,
    import::{Done, Line, LineResult, MAX_LINES, Run},
    people::NewTechnician,
};
use countersign_domain::{
    link::{How, Kind, LinkState},
    role::Role,
};

use crate::house::{COMPANY, House};

fn line(number: u64, name: &str, psa_id: &str) -> Line {
    Line { number, name: name.to_owned(), psa_id: psa_id.to_owned(), ..Line::default() }
}

/// Name, what became of it, what it is tied to, and the beginning of the reason.
fn told(results: &[LineResult]) -> Vec<(String, Done, Option<String>, String)> {
    results
        .iter()
        .map(|one| {
            let reason = one.reason.as_deref().unwrap_or_default().split_whitespace().take(3).collect::<Vec<_>>();
            (one.name.clone(), one.done, one.linked.clone(), reason.join(" "))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_companies_does_what_its_preview_said() {
    let house = House::new().await;
    let (app, admin) = (house.app(), &house.admin);
    let known = app.create_company(admin, "Known Company").await.unwrap().company.id;
    let aside = app.create_company(admin, "Put Aside").await.unwrap().company.id;
    app.archive(admin, Kind::Company, aside.as_str()).await.unwrap();
    let lines = [
        line(2, "Their Name for It", "201"),
        line(3, "known  company", ""),
        line(4, "Nobody Knows It", ""),
        line(5, "Second of One", "201"),
        line(6, "Wrong Id", "999999"),
        line(7, "  ", ""),
        line(8, "Put Aside", ""),
        line(9, "NOBODY knows it", ""),
    ];
    let wanted = vec![
        ("Their Name for It".to_owned(), Done::Created, Some(COMPANY.to_owned()), String::new()),
        ("known  company".to_owned(), Done::Exists, None, String::new()),
        ("Nobody Knows It".to_owned(), Done::Created, None, String::new()),
        ("Second of One".to_owned(), Done::Refused, None, "A line above".to_owned()),
        ("Wrong Id".to_owned(), Done::Refused, None, "HaloPSA has no".to_owned()),
        ("  ".to_owned(), Done::Refused, None, "The name is".to_owned()),
        ("Put Aside".to_owned(), Done::Refused, None, "An archived record".to_owned()),
        ("NOBODY knows it".to_owned(), Done::Exists, None, String::new()),
    ];
    let preview = app.import_lines(admin, Kind::Company, &lines, Run::Preview).await.unwrap();
    assert_eq!(told(&preview), wanted);
    let all = DirectoryQuery { limit: 99, ..DirectoryQuery::default() };
    assert_eq!(app.companies(admin, &all).await.unwrap().len(), 1, "a preview makes nothing");

    let mut done = app.import_lines(admin, Kind::Company, &lines, Run::Do).await.unwrap();
    // By then the customer is taken.
    let late = done.remove(3);
    assert_eq!(late.done, Done::Refused);
    let mut rest = wanted.clone();
    rest.remove(3);
    assert_eq!(told(&done), rest);
    assert_eq!(done[1].id.as_deref(), Some(known.as_str()));
    let made = done[0].id.as_deref().unwrap().parse().unwrap();
    let link = app.company(admin, &made).await.unwrap().link;
    assert_eq!((link.state, link.how, link.psa_id.as_deref()), (LinkState::Linked, Some(How::Manual), Some("201")));
    assert_eq!(app.companies(admin, &all).await.unwrap().len(), 3);

    let again = app.import_lines(admin, Kind::Company, &[line(2, "Their Name for It", "201")], Run::Do).await.unwrap();
    assert_eq!((again[0].done, again[0].linked.as_deref()), (Done::Exists, None), "a second time changes nothing");
    let other = app.import_lines(admin, Kind::Company, &[line(2, "Their Name for It", "202")], Run::Do).await.unwrap();
    assert!(other[0].reason.as_deref().unwrap().contains("Unlink it first"), "{other:?}");
    house.assert_all_done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locations_and_technicians_name_their_companies() {
    let house = House::new().await;
    let (app, admin) = (house.app(), &house.admin);
    let company = app.create_company(admin, COMPANY).await.unwrap().company.id;
    house.until_link(Kind::Company, company.as_str(), LinkState::Linked).await;
    let place = |number, name: &str, company: &str, psa_id: &str| Line {
        company: company.to_owned(),
        ..line(number, name, psa_id)
    };
    let lines = [
        place(2, "Front Desk", COMPANY, "301"),
        place(3, "Back Office", company.as_str(), ""),
        place(4, "Nowhere", "No Such Company", ""),
        place(5, "Homeless", "", ""),
    ];
    let done = app.import_lines(admin, Kind::Location, &lines, Run::Do).await.unwrap();
    assert_eq!(
        [done[0].done, done[1].done, done[2].done, done[3].done],
        [Done::Created, Done::Created, Done::Refused, Done::Refused]
    );
    assert!(done[0].linked.is_some());

    let person = |number, email: &str, role: &str, company: &str| Line {
        email: email.to_owned(),
        role: role.to_owned(),
        company: company.to_owned(),
        ..line(number, "Maria Ruiz", "")
    };
    let lines = [
        person(2, "maria.ruiz@example.com", "L2", COMPANY),
        person(3, "no address", "l1", ""),
        person(4, "x@example.com", "chief", ""),
    ];
    let done = app.import_lines(admin, Kind::Technician, &lines, Run::Do).await.unwrap();
    assert_eq!([done[0].done, done[1].done, done[2].done], [Done::Created, Done::Refused, Done::Refused]);
    let maria = app.technician_by_email("maria.ruiz@example.com").await.unwrap().technician;
    assert_eq!(maria.role, Role::L2);
    assert!(maria.access.covers(&company) && maria.access != countersign_domain::role::Access::All);

    // She sees one company, so new companies and people are not hers to make, and other companies do not exist.
    for kind in [Kind::Company, Kind::Technician] {
        assert_eq!(app.import_lines(&maria, kind, &[], Run::Do).await.unwrap_err().code(), "forbidden");
    }
    app.create_company(admin, "Another Company").await.unwrap();
    let done =
        app.import_lines(&maria, Kind::Location, &[place(2, "Spy", "Another Company", "")], Run::Do).await.unwrap();
    assert!(done[0].reason.as_deref().unwrap().starts_with("No company is called"), "{done:?}");
    let many = vec![Line::default(); MAX_LINES + 1];
    assert_eq!(app.import_lines(admin, Kind::Company, &many, Run::Do).await.unwrap_err().code(), "too_many");
    let reader = NewTechnician {
        email: "sam.reader@example.com".to_owned(),
        name: "Reader".to_owned(),
        role: Role::Auditor,
        companies: None,
    };
    let reader = app.create_technician(admin, reader).await.unwrap().technician;
    assert_eq!(app.import_lines(&reader, Kind::Location, &[], Run::Preview).await.unwrap_err().code(), "forbidden");
    house.assert_all_done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_sees_what_the_lines_above_it_did() {
    let house = House::new().await;
    let (app, admin) = (house.app(), &house.admin);
    let lines = [
        line(2, "Their Name for It", "201"),
        line(3, "Placeholder Hotel", ""),
        // By the name of the customer that the first line takes.
        line(4, COMPANY, ""),
        line(5, "placeholder  HOTEL", ""),
        line(6, "Placeholder Hotel", "202"),
        line(7, "Another One", ""),
    ];
    let done = app.import_lines(admin, Kind::Company, &lines, Run::Do).await.unwrap();
    let made = |one: &LineResult| (one.number, one.done);
    assert_eq!(
        done.iter().map(made).collect::<Vec<_>>(),
        [
            (2, Done::Created),
            (3, Done::Created),
            (4, Done::Exists),
            (5, Done::Exists),
            (6, Done::Exists),
            (7, Done::Created)
        ]
    );
    assert_eq!((&done[2].id, &done[3].id, &done[4].id), (&done[0].id, &done[1].id, &done[1].id));
    assert!(done[4].linked.is_some(), "what a line above made is tied");
    let hotel = app.company(admin, &done[1].id.as_deref().unwrap().parse().unwrap()).await.unwrap();
    assert_eq!((hotel.link.how, hotel.link.psa_id.as_deref()), (Some(How::Manual), Some("202")));
    house.assert_all_done().await;
    assert!(app.verify_audit().await.unwrap().faults.is_empty());
}
