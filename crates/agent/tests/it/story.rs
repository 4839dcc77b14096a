//! What people meet: approved, denied, no answer, taken back, broken off and gone on with.

use std::time::Duration;

use crate::fake::{Decided, Fake, Misdeed, finish};

#[tokio::test]
async fn approved() {
    let fake = Fake::enrolled().await;
    fake.desk(|desk| desk.decided = Decided::Approved);
    let ended = fake.request(20).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.out.lines().count(), 1, "one line where nobody looks: {ended:?}");
    assert!(
        ended
            .out
            .starts_with("Approved by Maria Ruiz, once: “Fine, remove it after the test.” Ticket #48216. Request CS-")
    );
    fake.desk(|desk| {
        assert_eq!(desk.calls, ["put", "get", "keys", "redeem"]);
        let (id, body) = &desk.requests[0];
        assert!(id.starts_with("req_") && id.len() == 40, "{id}");
        assert_eq!(body.command_line.as_ref().unwrap().as_str(), "env true");
        assert_eq!(body.run_as.as_ref().unwrap().as_str(), "root");
        assert!(body.program.path.as_str().ends_with("/env") || body.program.path.as_str().contains("coreutils"));
        assert!(body.program.size.unwrap() > 0);
        assert!(body.parent.is_some() && body.working_dir.is_some());
    });
    let ended = fake.request(0).await;
    assert_eq!(ended.code, 0, "the same command asks anew: {ended:?}");
    fake.desk(|desk| assert_eq!(desk.requests.len(), 2, "an approval is used up by the run that shows it"));
}

#[tokio::test]
async fn denied_with_words_that_cannot_move_the_cursor() {
    let fake = Fake::enrolled().await;
    fake.desk(|desk| desk.decided = Decided::Denied);
    let ended = fake.request(20).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.out.starts_with("Denied by Maria Ruiz: “Auditing stays on.\u{fffd}[2J”"), "{ended:?}");
    assert!(!ended.out.contains('\u{1b}'));
}

#[tokio::test]
async fn no_answer_and_the_same_command_goes_on() {
    let fake = Fake::enrolled().await;
    let ended = fake.request(1).await;
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.out.starts_with("No answer in ") && ended.out.contains("Ticket #48216 stays open"), "{ended:?}");
    let other = fake.run(&["request", "--wait", "0", "--", "env", "false"]).await;
    assert_eq!(other.code, 2, "{other:?}");
    fake.desk(|desk| {
        assert_eq!(desk.withdrawn, Vec::<String>::new(), "who stops waiting has not taken it back");
        assert_eq!(desk.requests.len(), 2, "other arguments are another request");
        desk.decided = Decided::Approved;
    });
    assert_eq!(fake.request(20).await.code, 0);
    fake.desk(|desk| {
        assert_eq!(desk.requests.len(), 2);
        assert_eq!(desk.redeemed[0].0, desk.requests[0].0);
    });
}

#[tokio::test]
async fn killed_while_waiting() {
    let mut fake = Fake::enrolled().await;
    let mut child = fake.start();
    fake.had("get").await;
    child.kill().await.unwrap();
    fake.desk(|desk| desk.decided = Decided::Approved);
    assert_eq!(fake.request(20).await.code, 0);
    fake.desk(|desk| assert_eq!(desk.requests.len(), 1, "the same request, not a second one"));
}

#[tokio::test]
async fn killed_between_redeeming_and_use() {
    let mut fake = Fake::enrolled().await;
    fake.desk(|desk| {
        desk.decided = Decided::Approved;
        desk.misdeeds.push_back(("redeem", Misdeed::Late(Duration::from_secs(20))));
    });
    let mut child = fake.start();
    fake.had("redeem").await;
    child.kill().await.unwrap();
    let ended = fake.request(20).await;
    assert_eq!(ended.code, 0, "the one use is still there: {ended:?}");
    fake.desk(|desk| assert_eq!((desk.requests.len(), desk.redeemed.len()), (1, 1)));
}

#[tokio::test]
async fn ctrl_c_takes_it_back() {
    let mut fake = Fake::enrolled().await;
    let child = fake.start();
    fake.had("get").await;
    interrupt(child.id().unwrap());
    let ended = finish(child).await;
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.out.starts_with("Withdrawn "), "{ended:?}");
    fake.desk(|desk| {
        assert_eq!(desk.withdrawn, [desk.requests[0].0.clone()]);
        desk.decided = Decided::Approved;
    });
    assert_eq!(fake.request(20).await.code, 0);
    fake.desk(|desk| assert_eq!(desk.requests.len(), 2, "what was taken back is not gone on with"));
}

#[tokio::test]
async fn ctrl_c_without_a_server_is_told_later() {
    let mut fake = Fake::enrolled().await;
    fake.desk(|desk| desk.misdeeds.push_back(("delete", Misdeed::Status(500, ""))));
    let child = fake.start();
    fake.had("get").await;
    interrupt(child.id().unwrap());
    let ended = finish(child).await;
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.out.contains("could not be told"), "{ended:?}");
    assert_eq!(fake.request(0).await.code, 2);
    fake.desk(|desk| {
        assert_eq!(desk.withdrawn, [desk.requests[0].0.clone()]);
        assert_eq!(desk.requests.len(), 2);
    });
}

fn interrupt(pid: u32) {
    let status = std::process::Command::new("sh").arg("-c").arg(format!("kill -INT {pid}")).status().unwrap();
    assert!(status.success());
}
