//! Each way a call can end has its class, and says Halo's words.

use std::sync::Arc;
use std::time::Duration;

use halopsa::{Client, ErrorKind, NewTicket, UnknownCause};
use serde_json::json;

use crate::stub::{Counted, Reply, Stub, client, config, http, ok};

fn ticket() -> NewTicket {
    NewTicket { summary: "Sample".into(), tickettype_id: 1, client_id: 2, ..NewTicket::default() }
}

async fn class_of(reply: fn() -> Reply) -> (ErrorKind, String, usize) {
    let stub = Stub::start(move |_| reply()).await;
    let mut config = stub.config();
    config.deadline = Duration::from_millis(300);
    config.max_body = 100_000;
    let error = client(config).open_ticket(&ticket()).await.expect_err("a failure");
    assert_eq!((error.method, error.path.as_str()), ("POST", "/Tickets"));
    (error.kind, error.words, stub.seen("/api/Tickets").len())
}

#[tokio::test]
async fn statuses_have_their_classes() {
    use ErrorKind::{Forbidden, NotFound, RateLimited, Refused, Unknown};
    let server_fault = Unknown(UnknownCause::ServerFault);
    let cases: [(u16, &str, ErrorKind, &str); 10] = [
        (400, r#"{"ClassName":"System.Exception","Message":"A summary is needed"}"#, Refused, "A summary is needed"),
        (400, "", Refused, ""),
        (403, "", Forbidden, ""),
        (404, r#"{"Message":"Record not found"}"#, NotFound, "Record not found"),
        (405, "", Refused, ""),
        (408, "", server_fault, ""),
        (429, "slow down", RateLimited, "slow down"),
        (500, r#"{"ClassName":"System.Exception","Message":"Boom"}"#, server_fault, "Boom"),
        (502, "<html><title>502 Bad Gateway</title>", server_fault, "a web page titled \"502 Bad Gateway\""),
        (301, "", Refused, ""),
    ];
    for (status, body, kind, words) in cases {
        let stub = Stub::start(move |_| Reply::Answer(status, body.to_owned())).await;
        let error = stub.client().open_ticket(&ticket()).await.expect_err("a failure");
        assert_eq!((error.kind, error.status, error.words.as_str()), (kind, Some(status), words));
        assert_eq!(stub.seen("/api/Tickets").len(), 1, "{status} was repeated");
    }
}

#[tokio::test]
async fn what_was_sent_and_not_answered_is_unknown_and_sent_once() {
    let cut = ErrorKind::Unknown(UnknownCause::Cut);
    let not_understood = ErrorKind::Unknown(UnknownCause::NotUnderstood);
    let cases: [(fn() -> Reply, ErrorKind); 9] = [
        (|| Reply::Close, cut),
        (|| Reply::Raw("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"id\":1".into()), cut),
        (|| Reply::Silence, ErrorKind::Unknown(UnknownCause::Deadline)),
        (|| Reply::Endless, ErrorKind::Unknown(UnknownCause::TooLarge)),
        (|| Reply::Answer(200, "<html><title>Sign in</title>".into()), not_understood),
        (|| Reply::Answer(201, "{\"id\":".into()), not_understood),
        (|| Reply::Answer(201, "[]".into()), not_understood),
        (|| Reply::Answer(201, "{}".into()), not_understood),
        (|| Reply::Answer(201, format!("{}1{}", "[".repeat(40_000), "]".repeat(40_000))), not_understood),
    ];
    for (at, (reply, kind)) in cases.into_iter().enumerate() {
        let (found, words, sent) = class_of(reply).await;
        assert_eq!((found, sent), (kind, 1), "case {at}: {words}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_after_an_error_status_costs_only_the_words() {
    let (kind, words, _) = class_of(|| Reply::Raw("HTTP/1.1 400 X\r\ncontent-length: 99\r\n\r\n{".into())).await;
    assert_eq!((kind, words.as_str()), (ErrorKind::Refused, ""));
}

#[tokio::test]
async fn a_redirect_says_where_to() {
    let stub = Stub::start(|_| Reply::With(302, "location: https://elsewhere.example.com/\r\n", String::new())).await;
    let error = stub.client().open_ticket(&ticket()).await.expect_err("not followed");
    assert!(error.words.contains("https://elsewhere.example.com/"), "{}", error.words);
}

#[tokio::test]
async fn a_failed_connect_is_known_to_have_sent_nothing() {
    let stub = Stub::start(|_| ok(&json!({"id": 7}))).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let mut config = stub.config();
    config.resource = format!("http://{closed}/api").parse().unwrap();
    let error = client(config).open_ticket(&ticket()).await.expect_err("nobody listens");
    assert_eq!(error.kind, ErrorKind::NotSent);
    assert!(!error.words.is_empty());
}

#[tokio::test]
async fn limits_are_passed_to_the_permit() {
    let stub = Stub::start(|seen| match seen.number("page_no") {
        _ if seen.method == "GET" => Reply::With(429, "retry-after: 7\r\n", String::new()),
        _ => Reply::With(
            429,
            "date: Tue, 01 Sep 2026 08:00:00 GMT\r\nretry-after: Tue, 01 Sep 2026 08:00:30 GMT\r\n",
            String::new(),
        ),
    })
    .await;
    let permit = Arc::new(Counted::default());
    let client = Client::new(http().into(), stub.config(), Arc::<Counted>::clone(&permit));
    let error = client.ticket(1).await.expect_err("limited");
    assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
    let error = client.at(halopsa::Urgency::First).open_ticket(&ticket()).await.expect_err("limited");
    assert_eq!(error.retry_after, Some(Duration::from_secs(30)));
    assert_eq!(permit.limited.lock().unwrap().len(), 2);
    assert_eq!(*permit.asked.lock().unwrap(), [halopsa::Urgency::Normal, halopsa::Urgency::First]);
}

#[tokio::test]
async fn secrets_do_not_show() {
    let client = client(config("http://127.0.0.1:1"));
    let error = client.ticket(1).await.expect_err("nobody listens");
    let shown = format!("{client:?} {error:?} {error}");
    assert!(!shown.contains("very-secret"), "{shown}");
}

#[tokio::test]
async fn records_without_an_id_are_not_found() {
    let stub = Stub::start(|_| ok(&json!({}))).await;
    assert_eq!(stub.client().ticket(5).await.expect_err("gone").kind, ErrorKind::NotFound);
    assert_eq!(stub.client().me().await.expect_err("no agent").kind, ErrorKind::NotFound);
}
