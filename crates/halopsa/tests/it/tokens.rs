//! One token for everybody, one renewal at a time, and no hammering with a wrong secret.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use halopsa::{ErrorKind, SignIn, Tenant, TokenError};
use serde_json::json;

use crate::stub::{Reply, Seen, Stub, client, ok, token};

/// Gives tokens `t1`, `t2`, … and takes only the newest from `good_from` on.
async fn renewing(good_from: usize) -> Stub {
    let issued = Arc::new(AtomicUsize::new(0));
    Stub::start_bare(move |seen| {
        if seen.path.starts_with("/auth/token") {
            return token(&format!("t{}", issued.fetch_add(1, Ordering::SeqCst) + 1));
        }
        let newest = issued.load(Ordering::SeqCst);
        let good = newest >= good_from && seen.head.contains(&format!("bearer t{newest}\r"));
        if good { ok(&json!({"id": 1})) } else { Reply::Answer(401, String::new()) }
    })
    .await
}

#[tokio::test]
async fn the_request_is_what_halo_expects() {
    let stub = Stub::start(|_| ok(&json!({"id": 1}))).await;
    let mut config = stub.config();
    config.tenant = Some(Tenant::Query("sample dental".into()));
    client(config.clone()).ticket(1).await.unwrap();
    config.tenant = Some(Tenant::Form("sample".into()));
    config.auth = format!("{}/auth/token/", stub.url).parse().unwrap();
    client(config).ticket(1).await.unwrap();
    let seen = stub.seen("/auth/token");
    assert_eq!(seen[0].param("tenant").as_deref(), Some("sample dental"));
    assert_eq!(
        seen[0].body,
        "grant_type=client_credentials&client_id=app&client_secret=very-secret\
         &scope=read%3Atickets+edit%3Atickets+read%3Acustomers+read%3Aassets"
    );
    assert!(seen[1].body.ends_with("&tenant=sample") && seen[1].param("tenant").is_none());
}

#[tokio::test]
async fn a_rejected_token_is_renewed_once_for_all() {
    let stub = renewing(2).await;
    let client = stub.client();
    client.sign_in(SignIn::Cached).await.unwrap();
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.ticket(1).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().expect("good after the renewal");
    }
    assert_eq!(stub.seen("/auth/token").len(), 2, "one sign-in and one renewal");
}

#[tokio::test]
async fn a_token_that_stays_rejected_is_given_up() {
    let stub = renewing(99).await;
    let error = stub.client().ticket(1).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorised);
    assert_eq!((stub.seen("/auth/token").len(), stub.seen("/api/Tickets/1").len()), (2, 2));
}

#[tokio::test]
async fn a_short_lived_token_is_renewed_before_it_ends() {
    let stub = Stub::start_bare(|seen| {
        let lifetime = 0;
        let body = json!({"access_token": "x", "expires_in": lifetime});
        if seen.path.starts_with("/auth/token") { ok(&body) } else { ok(&json!({"id": 1})) }
    })
    .await;
    let client = stub.client();
    client.ticket(1).await.unwrap();
    client.ticket(1).await.unwrap();
    assert_eq!(stub.seen("/auth/token").len(), 2);
}

async fn rejecting(status: u16, body: &'static str) -> Stub {
    Stub::start_bare(move |_: &Seen| Reply::Answer(status, body.to_owned())).await
}

#[tokio::test]
async fn rejections_have_their_classes() {
    for (status, body, kind) in [
        (401, r#"{"error":"invalid_client","error_description":"No such application"}"#, TokenError::InvalidClient),
        (400, r#"{"error":"invalid_client"}"#, TokenError::InvalidClient),
        (401, "", TokenError::InvalidClient),
        (400, r#"{"error":"invalid_scope"}"#, TokenError::InvalidScope),
        (400, r#"{"error":"unauthorized_client"}"#, TokenError::UnauthorizedClient),
        (400, r#"{"error":"invalid_request"}"#, TokenError::Rejected),
        (503, "", TokenError::Unavailable),
        (429, "", TokenError::Unavailable),
        (404, "", TokenError::NotUnderstood),
        (200, "<html><title>Welcome</title>", TokenError::NotUnderstood),
        (200, "{}", TokenError::NotUnderstood),
        (302, "", TokenError::NotUnderstood),
    ] {
        let stub = rejecting(status, body).await;
        let error = stub.client().ticket(1).await.unwrap_err();
        assert_eq!((error.kind, error.path.as_str()), (ErrorKind::Token(kind), "/Tickets/1"), "{status} {body}");
        assert!(stub.seen("/api/Tickets/1").is_empty(), "the call was not sent");
    }
}

#[tokio::test]
async fn a_wrong_secret_is_tried_once_until_a_person_asks() {
    let stub = rejecting(401, r#"{"error":"invalid_client","error_description":"Wrong secret"}"#).await;
    let client = stub.client();
    for _ in 0..5 {
        let error = client.ticket(1).await.unwrap_err();
        assert_eq!((error.kind, error.words.as_str()), (ErrorKind::Token(TokenError::InvalidClient), "Wrong secret"));
    }
    assert_eq!(stub.seen("/auth/token").len(), 1);
    client.sign_in(SignIn::Fresh).await.unwrap_err();
    assert_eq!(stub.seen("/auth/token").len(), 2);
}

#[tokio::test]
async fn everybody_waiting_shares_one_failed_renewal() {
    let stub = Stub::start_bare(|_: &Seen| Reply::Silence).await;
    let mut config = stub.config();
    config.deadline = Duration::from_millis(300);
    let client = client(config);
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.ticket(1).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap_err().kind, ErrorKind::Token(TokenError::Unavailable));
    }
    assert_eq!(stub.seen("/auth/token").len(), 1);
}

#[tokio::test]
async fn the_token_tells_scopes_and_agent() {
    // {"name":"Countersign API","agentid":"12","email":null} between two parts that nobody reads.
    let identity = "e30.eyJuYW1lIjoiQ291bnRlcnNpZ24gQVBJIiwiYWdlbnRpZCI6IjEyIiwiZW1haWwiOm51bGx9.x";
    let stub = Stub::start_bare(move |_: &Seen| {
        ok(&json!({"access_token": "x", "expires_in": "3600", "scope": "read:tickets  edit:tickets", "id_token": identity}))
    })
    .await;
    let info = stub.client().sign_in(SignIn::Cached).await.unwrap();
    assert_eq!(info.scopes.unwrap(), ["read:tickets", "edit:tickets"]);
    let agent = info.identity.unwrap();
    assert_eq!((agent.name.as_deref(), agent.agentid), (Some("Countersign API"), Some(12)));
}
