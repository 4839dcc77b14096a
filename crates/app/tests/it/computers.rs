//! Computers: enrolled, held, confirmed; grants redeemed once; keys with limits.

use countersign_app::{
    enroll::{Enrollment, KeyWish},
    sign_in::hash,
};

use crate::house::{COMPANY, House, LOCATION, enrollment};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_is_good_once_and_the_same_use_may_be_said_again() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    let id = &computer.computer.id;
    assert_eq!(house.app().redeem(id, &request.id, None).await.unwrap_err().code(), "not_pending");
    house.approve(&request).await;
    let named = Some("use-1".to_owned());
    house.app().redeem(id, &request.id, named.clone()).await.unwrap();
    house.app().redeem(id, &request.id, named).await.unwrap();
    for other in [None, Some("use-2".to_owned())] {
        assert_eq!(house.app().redeem(id, &request.id, other).await.unwrap_err().code(), "already_used");
    }
    let other = house.computer(COMPANY, LOCATION, "SDG-FD-02").await;
    assert_eq!(house.app().redeem(&other.computer.id, &request.id, None).await.unwrap_err().code(), "not_found");
    let contested = house.ask(&computer).await;
    house.approve(&contested).await;
    let (one, two) =
        tokio::join!(house.app().redeem(id, &contested.id, None), house.app().redeem(id, &contested.id, None));
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    house.assert_all_done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_known_machine_without_its_credential_is_held_until_a_person_confirms() {
    let house = House::new().await;
    let first = house.app().enroll(enrollment(&house.key, COMPANY, LOCATION, "SDG-FD-01")).await.unwrap();
    let again = house.app().enroll(enrollment(&house.key, COMPANY, LOCATION, "SDG-FD-01")).await.unwrap();
    assert!(again.held);
    assert_eq!(again.computer_id, first.computer_id);
    let good = house.app().computer_caller(&first.credential).await.unwrap().unwrap();
    assert!(!good.held_credential);
    let held = house.app().computer_caller(&again.credential).await.unwrap().unwrap();
    assert!(held.held_credential);
    house.app().confirm_held(&house.admin, &first.computer_id).await.unwrap();
    assert!(house.app().computer_caller(&first.credential).await.unwrap().is_none());
    assert!(!house.app().computer_caller(&again.credential).await.unwrap().unwrap().held_credential);
    assert_eq!(house.app().confirm_held(&house.admin, &first.computer_id).await.unwrap_err().code(), "not_found");

    let proven = Enrollment {
        old_credential_hash: Some(hash(&again.credential)),
        ..enrollment(&house.key, COMPANY, "Harbour Branch", "SDG-FD-01")
    };
    let moved = house.app().enroll(proven).await.unwrap();
    assert!(!moved.held);
    let moved = house.app().computer_caller(&moved.credential).await.unwrap().unwrap();
    assert_eq!((moved.computer.id.clone(), moved.location.as_str()), (first.computer_id, "Harbour Branch"));
    house.assert_all_done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_computer_that_moves_to_another_company_leaves_its_asset_behind() {
    let house = House::new().await;
    house.halo.switches(serde_json::json!({"foreign_asset": "400"})).await;
    let first = house.app().enroll(enrollment(&house.key, COMPANY, LOCATION, "SDG-FD-01")).await.unwrap();
    house.assert_all_done().await;
    let moved = Enrollment {
        old_credential_hash: Some(hash(&first.credential)),
        company: "Demo Freight Lines".to_owned(),
        ..enrollment(&house.key, COMPANY, LOCATION, "SDG-FD-01")
    };
    let moved = house.app().enroll(moved).await.unwrap();
    let computer = house.app().computer_caller(&moved.credential).await.unwrap().unwrap();
    let request = house.ask(&computer).await;
    house.approve(&request).await;
    house.assert_all_done().await;
    let ticket = house.assert_told(&request).await;
    assert_eq!((ticket["client_id"].as_i64(), ticket["site_id"].as_i64()), (Some(202), Some(303)));
    assert_eq!(ticket["assets"].as_array().map(Vec::len), Some(0), "{ticket:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enrolment_keys_end_by_count_by_time_and_by_hand() {
    let house = House::new().await;
    let now = house.app().now();
    let once = KeyWish { name: "once".to_owned(), max_uses: Some(1), ..KeyWish::default() };
    let late = KeyWish { name: "late".to_owned(), expires_at: Some(now.plus_seconds(-1)), ..KeyWish::default() };
    let (_, once) = house.app().make_enrollment_key(&house.admin, once).await.unwrap();
    let (_, late) = house.app().make_enrollment_key(&house.admin, late).await.unwrap();
    let (id, gone) = house.app().make_enrollment_key(&house.admin, KeyWish::default()).await.unwrap();
    house.app().revoke_enrollment_key(&house.admin, &id).await.unwrap();
    house.app().enroll(enrollment(&once, COMPANY, LOCATION, "PC-1")).await.unwrap();
    for key in [&once, &late, &gone, &"unknown".to_owned()] {
        let refused = house.app().enroll(enrollment(key, COMPANY, LOCATION, "PC-2")).await.unwrap_err();
        assert_eq!(refused.code(), "enrollment_key_refused", "{key}");
    }
    let company = house.app().create_company(&house.admin, "Specimen Architects").await.unwrap().company.id;
    let bound = KeyWish { company: Some(company.clone()), ..KeyWish::default() };
    let (_, bound) = house.app().make_enrollment_key(&house.admin, bound).await.unwrap();
    let enrolled = house.app().enroll(enrollment(&bound, COMPANY, "Studio", "SA-CAD-01")).await.unwrap();
    let computer = house.app().computer_caller(&enrolled.credential).await.unwrap().unwrap();
    assert_eq!(computer.computer.company_id, company, "whatever company it says");
    house.assert_all_done().await;
}
