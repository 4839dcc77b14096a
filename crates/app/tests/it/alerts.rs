//! Alerts: once for a cause while it lasts, a reminder after a day, an all-clear; by one of several nodes.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use countersign_app::{
    alerts::{Change, MailChange, MailTls, Tells, WebhookChange},
    notify::signature,
};
use countersign_domain::cause::Cause;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::house::{House, until};

const SECRET: &str = "a sample secret of tests";

/// A receiver of webhooks: what came, and what it answers.
struct Receiver {
    url: String,
    heard: Arc<Mutex<Vec<Value>>>,
    answer: Arc<Mutex<&'static str>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (heard, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new("200 OK")));
        let (kept, wanted) = (heard.clone(), answer.clone());
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut bytes = Vec::new();
                let mut buffer = [0; 4096];
                let (top, body) = loop {
                    let read = socket.read(&mut buffer).await.unwrap();
                    bytes.extend_from_slice(&buffer[..read]);
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    let Some((top, body)) = text.split_once("\r\n\r\n") else { continue };
                    let length = top.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                    if body.len() >= length.parse().unwrap() {
                        break (top.to_owned(), body.to_owned());
                    }
                };
                let signed = top.lines().find_map(|line| line.strip_prefix("countersign-signature: ")).unwrap();
                let seconds = signed.split(['=', ',']).nth(1).unwrap().parse().unwrap();
                assert_eq!(signed, signature(SECRET, seconds, &body));
                let says = *wanted.lock().unwrap();
                if says.starts_with("200") {
                    kept.lock().unwrap().push(serde_json::from_str(&body).unwrap());
                }
                let answer = format!("HTTP/1.1 {says}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { url, heard, answer }
    }

    fn heard(&self) -> Vec<Value> {
        self.heard.lock().unwrap().clone()
    }

    fn events(&self) -> Vec<String> {
        self.heard().iter().map(|body| body["event"].as_str().unwrap().to_owned()).collect()
    }

    fn answers(&self, answer: &'static str) {
        *self.answer.lock().unwrap() = answer;
    }
}

fn to(receiver: &Receiver, tells: Tells) -> Change {
    let hook = WebhookChange { url: Some(receiver.url.clone()), secret: Some(SECRET.to_owned()), tells: Some(tells) };
    Change { webhook: Some(Some(hook)), ..Change::default() }
}

const LIMIT: Duration = Duration::from_mins(31);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cause_is_told_once_reminded_of_and_cleared() {
    let mut house = House::new().await;
    let receiver = Receiver::start().await;
    house.app().change_alerts(&house.admin, to(&receiver, Tells::Person)).await.unwrap();
    let computer = house.sample_computer().await;
    house.halo.right("Can add new Tickets", "No").await;
    let requests = [house.ask(&computer).await, house.ask(&computer).await];
    for request in &requests {
        house.until_step(&request.id, "open_ticket", "attention").await;
    }
    house.app().tell_alerts().await.unwrap();
    assert!(receiver.heard().is_empty(), "before the limit");
    house.clock.forward(LIMIT);
    until("it is told", async || !receiver.heard().is_empty()).await;
    let told = receiver.heard().remove(0);
    assert_eq!((told["event"].as_str(), told["cause"].as_str()), (Some("alert.raised"), Some("ticket_not_permitted")));
    assert_eq!((told["steps"].as_u64(), told["companies"][0].as_str()), (Some(2), Some("Sample Dental Group")));
    until("it is known to be told", async || house.app().alerts().await.unwrap().open[0].told_at.is_some()).await;
    // Neither the next looks nor a restart tell it again.
    house.crash();
    house.start().await;
    assert_eq!(house.app().tell_alerts().await.unwrap(), 0);
    house.clock.forward(Duration::from_hours(23));
    assert_eq!(house.app().tell_alerts().await.unwrap(), 0);
    house.clock.forward(Duration::from_hours(2));
    until("it is reminded of", async || receiver.events().len() == 2).await;
    house.halo.right("Can add new Tickets", "Yes").await;
    for request in &requests {
        house.let_go(&request.id, "open_ticket").await;
    }
    house.assert_all_done().await;
    house.clock.forward(Duration::from_mins(1));
    until("it is cleared", async || house.app().alerts().await.unwrap().open.is_empty()).await;
    assert_eq!(receiver.events(), ["alert.raised", "alert.reminder", "alert.cleared"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_tell_it_once_and_a_failing_target_is_told_later() {
    let house = House::new().await;
    let receiver = Receiver::start().await;
    receiver.answers("500 Internal Server Error");
    house.app().change_alerts(&house.admin, to(&receiver, Tells::Everything)).await.unwrap();
    let computer = house.computer("Unknown Sample Works", "Somewhere", "USW-01").await;
    let request = house.ask(&computer).await;
    house.until_step(&request.id, "open_ticket", "parked").await;
    house.clock.forward(LIMIT);
    until("it fails", async || {
        house.app().alerts().await.unwrap().open.first().is_some_and(|row| row.failure.is_some())
    })
    .await;
    let open = house.app().alerts().await.unwrap().open.remove(0);
    assert_eq!((open.cause, open.told_at), (Cause::NoLink, None));
    assert!(open.failure.as_ref().unwrap().contains("500"), "{open:?}");
    receiver.answers("200 OK");
    house.clock.forward(Duration::from_hours(1));
    // Three nodes look at the same moment, beside the timers.
    let app = house.app();
    let sent = tokio::join!(app.tell_alerts(), app.tell_alerts(), app.tell_alerts());
    let sent = sent.0.unwrap() + sent.1.unwrap() + sent.2.unwrap();
    assert!(sent <= 1, "{sent}");
    until("it is told", async || !receiver.heard().is_empty()).await;
    for _ in 0..3 {
        house.app().tell_alerts().await.unwrap();
    }
    assert_eq!(receiver.events(), ["alert.raised"]);
    // Taking the target away forgets it.
    house.app().change_alerts(&house.admin, Change { webhook: Some(None), ..Change::default() }).await.unwrap();
    house.app().tell_alerts().await.unwrap();
    assert!(house.app().alerts().await.unwrap().open.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_cannot_work_are_refused_by_field() {
    let house = House::new().await;
    let mail = |change: MailChange| Change { mail: Some(Some(change)), ..Change::default() };
    let good = || MailChange {
        host: Some("smtp.example.com".to_owned()),
        from: Some("countersign@example.com".to_owned()),
        to: Some(vec!["desk@example.org".to_owned()]),
        ..MailChange::default()
    };
    let hook = |url: &str, secret: &str| {
        let hook = WebhookChange { url: Some(url.to_owned()), secret: Some(secret.to_owned()), tells: None };
        Change { webhook: Some(Some(hook)), ..Change::default() }
    };
    let text = |value: &str| Some(value.to_owned());
    for (change, field) in [
        (Change { after_minutes: Some(0), ..Change::default() }, "after_minutes"),
        (mail(MailChange { host: text("smtp.example.com\r\nx"), ..good() }), "mail.host"),
        (mail(MailChange { from: text("nobody"), ..good() }), "mail.from"),
        (mail(MailChange { to: Some(vec!["a@example.org\r\nBcc: b@example.org".to_owned()]), ..good() }), "mail.to"),
        (mail(MailChange { to: Some(Vec::new()), ..good() }), "mail.to"),
        (mail(MailChange { user: text("desk"), ..good() }), "mail.password"),
        (mail(MailChange { user: text("desk"), password: text("x"), tls: Some(MailTls::None), ..good() }), "mail.tls"),
        (hook("http://10.0.0.1/x", SECRET), "webhook.url"),
        (hook("nowhere", SECRET), "webhook.url"),
        (hook("https://hooks.example.com/", "short"), "webhook.secret"),
    ] {
        match house.app().change_alerts(&house.admin, change).await.unwrap_err() {
            countersign_app::Error::Invalid { field: found, sentence, .. } => {
                assert_eq!(found, Some(field), "{sentence}");
            }
            other => panic!("{field}: {other:?}"),
        }
    }
    let view = house.app().change_alerts(&house.admin, mail(good())).await.unwrap();
    assert_eq!(view.settings.mail.unwrap().port, 587);
    let audit = house.app().audit(&house.admin, Some("alerts"), None, 9).await.unwrap();
    assert_eq!(audit.len(), 1);
    assert!(!audit[0].body.contains(SECRET));
}
