//! A server, a network or an attacker that misbehaves: never exit code 0, and always a sentence.

use std::time::Duration;

use countersign_wire::grant::{Arguments, Grant, arguments_hash};
use countersign_wire::keys::{KeySet, Role};
use countersign_wire::{Sha256, Time};
use tokio::io::AsyncReadExt as _;

use crate::fake::{Decided, Desk, Ended, Fake, Misdeed};

/// Words that the refusal must have, and the change that it refuses.
type Change<T> = (&'static str, fn(&mut T));

/// One run against an approving server that was changed.
async fn against(change: impl FnOnce(&mut Desk)) -> Ended {
    let fake = Fake::enrolled().await;
    fake.desk(|desk| {
        desk.decided = Decided::Approved;
        change(desk);
    });
    fake.request(1).await
}

#[tokio::test]
async fn grants_that_are_not_good_for_this() {
    let changes: [Change<Grant>; 9] = [
        ("another computer", |g| g.computer = "computer_2".try_into().unwrap()),
        ("another request", |g| g.request = "req_0197c9a0-0000-7000-8000-000000000002".try_into().unwrap()),
        ("another user", |g| g.account = "p.nair".try_into().unwrap()),
        ("another user", |g| g.run_as = Some("postgres".try_into().unwrap())),
        ("another program", |g| g.program_sha256 = Sha256::parse(&"0".repeat(64)).unwrap()),
        ("other arguments", |g| g.arguments = Arguments::Exact { sha256: arguments_hash(["env", "sh"]) }),
        ("names a script", |g| g.script_sha256 = Some(g.program_sha256.clone())),
        ("its time is over", |g| g.seconds = 0),
        ("another key or server", |g| g.server = "server_2".try_into().unwrap()),
    ];
    for (words, change) in changes {
        let ended = against(|desk| desk.change_grant = change).await;
        assert_eq!(ended.code, 3, "{words}: {ended:?}");
        assert!(format!("{}{}", ended.out, ended.err).contains(words), "{words}: {ended:?}");
    }
}

#[tokio::test]
async fn grants_and_key_sets_that_are_not_signed_as_they_should_be() {
    let ended = against(|desk| desk.grant_seed = [9; 32]).await;
    assert_eq!(ended.code, 3);
    assert!(ended.err.contains("must not be trusted: the signature is wrong"), "{ended:?}");
    let ended = against(|desk| desk.keys_seed = [9; 32]).await;
    assert!(ended.code == 3 && ended.err.contains("the signature is wrong"), "{ended:?}");
    let changes: [Change<KeySet>; 3] = [
        ("does not allow", |set| set.keys[0].role = Role::Policy),
        ("does not allow", |set| set.keys.clear()),
        ("ended at 2001-", |set| set.keys[0].not_after = Time::parse("2001-01-01T00:00:00Z").unwrap()),
    ];
    for (words, change) in changes {
        let ended = against(|desk| desk.change_keys = change).await;
        assert!(ended.code == 3 && ended.err.contains(words), "{words}: {ended:?}");
    }
}

#[tokio::test]
async fn an_older_key_set_than_seen_before() {
    let fake = Fake::enrolled().await;
    fake.desk(|desk| desk.decided = Decided::Approved);
    assert_eq!(fake.request(20).await.code, 0);
    fake.desk(|desk| desk.change_keys = |set| set.serial = 4);
    let ended = fake.request(1).await;
    assert!(ended.code == 3 && ended.err.contains("key set 4, but had shown 5"), "{ended:?}");
    fake.desk(|desk| desk.change_keys = |set| set.serial = 6);
    assert_eq!(fake.request(20).await.code, 0);
}

#[tokio::test]
async fn a_grant_that_was_used_or_taken_back() {
    let ended = against(|desk| desk.misdeeds.push_back(("redeem", Misdeed::Status(409, "already_used")))).await;
    assert!(ended.code == 3 && ended.out.starts_with("Used "), "{ended:?}");
    let ended = against(|desk| desk.misdeeds.push_back(("redeem", Misdeed::Status(409, "revoked")))).await;
    assert!(ended.code == 1 && ended.out.starts_with("Revoked "), "{ended:?}");
    let ended = against(|desk| desk.misdeeds.push_back(("redeem", Misdeed::Status(403, "other")))).await;
    assert!(ended.code == 3 && ended.out.starts_with("Refused The server says so."), "{ended:?}");
    let ended = against(|desk| desk.decided = Decided::ApprovedWithoutGrant).await;
    assert!(ended.code == 3 && ended.out.starts_with("Used "), "{ended:?}");
    let ended = against(|desk| {
        for _ in 0..20 {
            desk.misdeeds.push_back(("redeem", Misdeed::Status(500, "")));
        }
    })
    .await;
    assert!(ended.code == 3 && ended.out.starts_with("Not used It is approved, but"), "{ended:?}");
}

#[tokio::test]
async fn a_used_grant_that_is_shown_again() {
    let fake = Fake::enrolled().await;
    fake.desk(|desk| desk.decided = Decided::Approved);
    assert_eq!(fake.request(20).await.code, 0);
    // The spool as it was before the use, put back by somebody who wants to use it twice; the server forgets as well.
    let id = fake.desk(|desk| {
        desk.redeemed.clear();
        desk.requests[0].0.clone()
    });
    let mark = fake.state().join("spool").join(format!("{id}.used"));
    assert!(mark.exists());
    let mut later = Fake::enrolled().await;
    let mut child = later.start();
    later.had("get").await;
    child.kill().await.unwrap();
    let open = std::fs::read_dir(later.state().join("spool")).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&open).unwrap();
    let other = open.file_stem().unwrap().to_str().unwrap().to_owned();
    std::fs::write(fake.state().join("spool").join(format!("{id}.json")), text.replace(&other, &id)).unwrap();
    assert_eq!(fake.request(20).await.code, 0);
    fake.desk(|desk| {
        assert_eq!(desk.requests.len(), 2, "the marked request is over; this one is new");
        assert_ne!(desk.redeemed[0].0, id);
    });
}

/// One run in which a call goes wrong in every passing way before it goes right.
async fn rides_out(call: &'static str) {
    let fake = Fake::enrolled().await;
    fake.desk(|desk| {
        desk.decided = Decided::Approved;
        desk.misdeeds.extend([(call, Misdeed::Lost), (call, Misdeed::Status(500, "")), (call, Misdeed::Flood(1))]);
        // Any 2xx redeems, whatever its body.
        if call != "redeem" {
            desk.misdeeds.push_back((call, Misdeed::Garbage("<html>Sign in to the network</html>")));
        }
    });
    let ended = fake.request(30).await;
    assert_eq!(ended.code, 0, "{call}: {ended:?}");
    fake.desk(|desk| {
        assert!(desk.misdeeds.is_empty(), "{call}");
        assert_eq!((desk.requests.len(), desk.redeemed.len()), (1, 1), "{call}: once, however often it was said");
    });
}

#[tokio::test]
async fn trouble_that_passes_is_ridden_out() {
    tokio::join!(rides_out("put"), rides_out("get"), rides_out("keys"), rides_out("redeem"));
}

#[tokio::test]
async fn trouble_that_stays_is_said() {
    let ended = against(|desk| desk.misdeeds.push_back(("put", Misdeed::Flood(3600)))).await;
    assert!(
        ended.code == 3
            && ended.out.contains("30 requests in 10 minutes are the limit. It can be tried again in 3600 s."),
        "{ended:?}"
    );
    let ended = against(|desk| {
        for _ in 0..20 {
            desk.misdeeds.push_back(("put", Misdeed::Garbage(r#"{"id":"req_1","state":"maybe"}"#)));
        }
    })
    .await;
    assert!(ended.code == 3 && ended.out.contains("not understood (state: unknown variant `maybe`"), "{ended:?}");
    let ended = against(|desk| desk.misdeeds.push_back(("put", Misdeed::Status(401, "unauthenticated")))).await;
    assert!(ended.code == 3 && ended.out.contains("Enrol this computer again"), "{ended:?}");
    let ended = against(|desk| desk.misdeeds.push_back(("put", Misdeed::Status(403, "held")))).await;
    assert!(ended.code == 3 && ended.out.starts_with("Refused "), "{ended:?}");
}

#[tokio::test]
async fn a_server_that_hangs_up_or_is_not_there() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let fake = Fake::enrolled().await;
    let file = fake.state().join("enrollment.json");
    let text =
        std::fs::read_to_string(&file).unwrap().replace(&fake.server.address().to_string(), &address.to_string());
    std::fs::write(&file, text).unwrap();
    let hangs_up = tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut start = [0; 16];
            let _ = connection.read(&mut start).await;
        }
    });
    let ended = fake.request(1).await;
    assert!(
        ended.code == 3 && ended.out.starts_with("Not sent ") && ended.out.contains("does not answer"),
        "{ended:?}"
    );
    hangs_up.abort();
    let _ = tokio::time::timeout(Duration::from_secs(5), hangs_up).await;
    let ended = fake.request(0).await;
    assert!(ended.code == 3 && ended.out.contains("Connection refused"), "{ended:?}");
    assert_eq!(std::fs::read_dir(fake.state().join("spool")).unwrap().count(), 1, "the request is kept, once");
}
