//! Enrolment, the state folder, and what the command line refuses.

use std::os::unix::fs::PermissionsExt as _;

use crate::fake::{Fake, Misdeed, finish, program};

#[tokio::test]
async fn a_computer_is_enrolled_and_known_again() {
    let fake = Fake::new().await;
    let ended = fake.run(&fake.enroll_arguments(&Fake::key())).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.starts_with("Enrolled: http://127.0.0.1:"), "{ended:?}");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&fake.state()), 0o700);
    assert_eq!(mode(&fake.state().join("enrollment.json")), 0o600);
    assert_eq!(fake.run(&fake.enroll_arguments(&Fake::key())).await.code, 0);
    fake.desk(|desk| {
        let (body, bearer) = &desk.enrolled[0];
        assert_eq!((body["company"].as_str(), bearer.as_deref()), (Some("Sample Dental Group"), None));
        assert_eq!(body["computer"]["machine_id"].as_str().unwrap().len(), 64);
        assert_eq!(desk.enrolled[1].1.as_deref(), Some("Bearer sample-credential"), "it shows who it was");
    });
}

#[tokio::test]
async fn another_server_than_the_key_names_gets_nothing() {
    let fake = Fake::new().await;
    let other = Fake::key().rsplit_once('_').unwrap().0.to_owned() + "_" + &"0".repeat(32);
    let ended = fake.run(&fake.enroll_arguments(&other)).await;
    assert!(
        ended.code == 3 && ended.err.contains("is not the server that this enrolment key was made for"),
        "{ended:?}"
    );
    assert!(!fake.state().join("enrollment.json").exists());
}

#[tokio::test]
async fn refused_held_and_unreachable() {
    let fake = Fake::new().await;
    fake.desk(|desk| desk.misdeeds.push_back(("enroll", Misdeed::Status(403, "bad_enrollment_key"))));
    let ended = fake.run(&fake.enroll_arguments(&Fake::key())).await;
    assert!(
        ended.code == 3 && ended.err.contains("does not take this enrolment key: The server says so."),
        "{ended:?}"
    );
    let fake = Fake::new().await;
    fake.desk(|desk| desk.misdeeds.push_back(("enroll", Misdeed::Garbage("<html>"))));
    let ended = fake.run(&fake.enroll_arguments(&Fake::key())).await;
    assert!(ended.code == 3 && ended.err.contains("not understood"), "{ended:?}");
    let mut arguments = fake.enroll_arguments(&Fake::key());
    arguments[2] = "http://127.0.0.1:1".to_owned();
    let ended = fake.run(&arguments).await;
    assert!(ended.code == 3 && ended.err.contains("does not answer (Connection refused"), "{ended:?}");
    arguments[2] = "http://192.0.2.1".to_owned();
    let ended = fake.run(&arguments).await;
    assert!(ended.code == 3 && ended.err.contains("is not encrypted"), "{ended:?}");
    arguments[2] = "ftp://192.0.2.1".to_owned();
    let ended = fake.run(&arguments).await;
    assert!(ended.code == 3 && ended.err.contains("is no address of a server"), "{ended:?}");
}

#[tokio::test]
async fn held_until_a_technician_confirms() {
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};
    let server = MockServer::start().await;
    let body = serde_json::json!({"computer_id": crate::fake::COMPUTER, "held": true});
    Mock::given(any()).respond_with(ResponseTemplate::new(202).set_body_json(body)).mount(&server).await;
    let fake = Fake::new().await;
    let mut arguments = fake.enroll_arguments(&Fake::key());
    arguments[2] = server.uri();
    let ended = fake.run(&arguments).await;
    assert!(ended.code == 2 && ended.out.contains("technician confirms"), "{ended:?}");
}

#[tokio::test]
async fn what_cannot_be_asked_is_said_without_asking() {
    let fake = Fake::new().await;
    let ended = fake.request(0).await;
    assert!(ended.code == 3 && ended.err.contains("not enrolled"), "{ended:?}");
    let fake = Fake::enrolled().await;
    let run = async |arguments: &[&str]| fake.run(arguments).await;
    let ended = run(&["request", "--", "no-such-program-here"]).await;
    assert!(ended.code == 3 && ended.err.contains("was not found in any folder of PATH"), "{ended:?}");
    let ended = run(&["request", "--", "/etc/passwd"]).await;
    assert!(
        ended.code == 3 && ended.err.contains("/etc/passwd cannot be asked for: it is not marked as executable"),
        "{ended:?}"
    );
    let ended = run(&["request", "--", "/nowhere/at/all"]).await;
    assert!(ended.code == 3 && ended.err.contains("No such file"), "{ended:?}");
    let ended = run(&["request", "--reason", &"x".repeat(1001), "--", "env"]).await;
    assert!(ended.code == 3 && ended.err.contains("at most 1000 characters are allowed, 1001 were sent"), "{ended:?}");
    for wrong in [&["request"][..], &["request", "--wait", "soon", "--", "env"], &["enroll", "--key", "x"], &[]] {
        assert_eq!(run(wrong).await.code, 3, "{wrong:?}");
    }
    let help = run(&["request", "--help"]).await;
    assert!(help.code == 0 && help.out.contains("Exit codes: 0 approved, 1 denied, 2 no answer, 3 error"), "{help:?}");
    fake.desk(|desk| assert!(desk.calls.is_empty(), "{:?}", desk.calls));
}

#[tokio::test]
async fn a_state_folder_that_others_can_write_is_refused() {
    let fake = Fake::enrolled().await;
    let set = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set(&fake.state(), 0o770);
    let ended = fake.request(0).await;
    assert!(ended.code == 3 && ended.err.contains("has mode 0770, which lets others in"), "{ended:?}");
    set(&fake.state(), 0o700);
    set(&fake.state().join("enrollment.json"), 0o644);
    let ended = fake.request(0).await;
    assert!(ended.code == 3 && ended.err.contains("chmod 0600"), "{ended:?}");
    set(&fake.state().join("enrollment.json"), 0o600);
    std::fs::write(fake.state().join("enrollment.json"), "{\"server\":").unwrap();
    let ended = fake.request(0).await;
    assert!(ended.code == 3 && ended.err.contains("is damaged"), "{ended:?}");
    let ended = finish(program(std::path::Path::new("/proc"), &["request", "--", "env"]).spawn().unwrap()).await;
    assert_eq!(ended.code, 3, "{ended:?}");
}
