//! Webhooks out of the simulated Halo: their configuration, the events that trigger them, and the deliveries.
//!
//! Deliveries are hints without a repeat, as Halo's are not known to be repeated either. They go over plain HTTP only,
//! written by hand: a test's receiver is on the loopback, and an HTTP client would be this crate's only one.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::answer::{Answer, Call, Reply, set};
use crate::clock::{Stamp, Stopwatch, random_guid};
use crate::model::{Book, Notification, Webhook, WebhookEvent};
use crate::rights::Access;
use crate::serve::Shared;
use crate::switches::OnOff;
use crate::ticket_writes::written;
use crate::tickets::detail;
use crate::world::{Change, World};

/// Something that happened to a ticket and that a webhook may be told.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// Halo's event number.
    number: &'static str,
    /// Halo's name of it.
    name: &'static str,
    ticket_id: i64,
    /// The sentence of the payload.
    message: String,
}

impl Event {
    pub(crate) fn new_ticket(ticket_id: i64) -> Self {
        let message = format!("Ticket {ticket_id:07} has been logged");
        Self { number: "3", name: "new ticket logged", ticket_id, message }
    }

    /// A status change; one to a closing status counts as "closed" for webhooks that wait for that alone.
    pub(crate) fn status_changed(book: &Book, ticket_id: i64, status_id: i64) -> Self {
        let status = book.statuses.get(status_id).map_or("", |status| &status.name);
        let message = format!("The status of ticket {ticket_id:07} has been changed to {status}");
        Self { number: "76", name: "ticket status changed", ticket_id, message }
    }

    pub(crate) fn deleted(ticket_id: i64) -> Self {
        let message = format!("Ticket {ticket_id:07} has been deleted");
        Self { number: "1072", name: "ticket deleted", ticket_id, message }
    }

    /// Whether a notification for event `number` is about this.
    fn is(&self, book: &Book, number: &str) -> bool {
        let closed = || book.tickets.get(self.ticket_id).is_some_and(|ticket| book.status_is_closed(ticket.status_id));
        number == self.number || (number == "39" && self.number == "76" && closed())
    }
}

/// `/Webhook`, `/Notification`, `/WebhookEvent`, and the empty `/Roles` and `/Application`: for administrators' tokens.
///
/// # Errors
/// 403 for all others, 404 for ids that are not there.
pub(crate) fn route(world: &mut World, access: &Access, call: &Call) -> Reply {
    if !access.configures() {
        return Err(Answer::forbidden());
    }
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    match (call.method.as_str(), path.as_slice()) {
        ("GET", ["webhook"]) => Ok(Answer::ok(world.book.webhooks.values().map(row).collect())),
        ("GET", ["webhook", guid]) => find(&world.book, guid).map(|webhook| Answer::ok(row(webhook))),
        ("POST", ["webhook"]) => {
            let records = call.records(world.switches.accept_bare_object == OnOff::On)?;
            let ids = records.into_iter().map(|body| create(world, body)).collect::<Result<Vec<_>, _>>();
            let ids = ids.map_err(|sentence| Answer::exception(&sentence))?;
            Ok(written(world, call, &ids, |world, id| world.book.webhooks.get(*id).map_or(Value::Null, row)))
        }
        ("DELETE", ["webhook", guid]) => {
            let webhook = find(&world.book, guid)?;
            let (id, body) = (webhook.id, row(webhook));
            world.record(Change::WebhookGone(id));
            Ok(Answer::ok(body))
        }
        ("GET", ["notification"]) => Ok(Answer::ok(world.book.notifications.values().map(notification_row).collect())),
        ("POST", ["notification"]) => {
            let records = call.records(world.switches.accept_bare_object == OnOff::On)?;
            let mut ids = Vec::new();
            for body in records {
                let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                let webhook = find(&world.book, &text("webhook_id"));
                let webhook_id = webhook.map_err(|_| Answer::exception("The webhook is not valid."))?.guid.clone();
                ids.push(subscribe(world, webhook_id, text("eventno"), body));
            }
            let print =
                |world: &World, id: &i64| world.book.notifications.get(*id).map_or(Value::Null, notification_row);
            Ok(written(world, call, &ids, print))
        }
        ("GET", ["webhookevent"]) => {
            let wanted = call.query.get("webhook_id");
            let events = world.book.webhook_events.values();
            let rows = events.filter(|event| wanted.is_none_or(|guid| event.webhook_id.eq_ignore_ascii_case(guid)));
            Ok(Answer::ok(rows.map(event_row).collect()))
        }
        ("GET", ["roles"]) => Ok(Answer::ok(json!([]))),
        ("GET", ["application"]) => Ok(Answer::ok(json!([{
            "id": 1, "name": crate::actions::APPLICATION, "clientId": world.credentials().client_id, "grant_type": 1,
            "loginas_agent_id": world.book.login_agent_id, "inactive": false,
            "loginas_agent_name": world.book.agent_name(world.book.login_agent_id), "scopes": world.book.application_scopes,
        }]))),
        _ => Err(Answer::not_found()),
    }
}

fn find<'a>(book: &'a Book, guid: &str) -> Result<&'a Webhook, Answer> {
    book.webhooks.values().find(|webhook| webhook.guid.eq_ignore_ascii_case(guid)).ok_or_else(Answer::not_found)
}

/// The webhook as it was sent, with its id; the password stays inside.
fn row(webhook: &Webhook) -> Value {
    let mut row = webhook.body.clone();
    set(&mut row, "id", json!(webhook.guid));
    if let Some(fields) = row.as_object_mut() {
        fields.remove("basic_password");
    }
    row
}

fn notification_row(notification: &Notification) -> Value {
    let mut row = notification.body.clone();
    set(&mut row, "id", json!(notification.id));
    row
}

fn event_row(event: &WebhookEvent) -> Value {
    json!({
        "id": event.guid, "webhook_id": event.webhook_id, "notification_id": event.notification_id, "status": 1,
        "timestamp": event.timestamp, "duration": event.duration, "requestbody": event.requestbody,
        "responsestatus": event.responsestatus, "responsebody": event.responsebody, "entity_id": event.entity_id,
        "error": event.error,
    })
}

fn create(world: &mut World, body: Value) -> Result<i64, String> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let url = text("url");
    if !url::Url::parse(&url).is_ok_and(|url| url.has_host()) {
        return Err("a webhook needs `url`, an absolute address".to_owned());
    }
    let id = world.book.webhooks.next_id();
    world.record(Change::Webhook(Webhook { id, name: text("name"), guid: random_guid(), body }));
    Ok(id)
}

fn subscribe(world: &mut World, webhook_id: String, eventno: String, body: Value) -> i64 {
    let id = world.book.notifications.next_id();
    world.record(Change::Notification(Notification { id, webhook_id, eventno, body }));
    id
}

/// A person sets up a webhook in Halo's configuration: `{url, events?, basic_username?, basic_password?, batch_method?}`.
/// Without `events` it gets new tickets, status changes and deletions.
///
/// # Errors
/// A sentence for what is missing.
pub(crate) fn create_for_person(world: &mut World, body: Value) -> Result<Answer, String> {
    let events = match body.get("events") {
        Some(Value::Array(events)) => {
            events.iter().map(|event| event.as_str().map_or_else(|| event.to_string(), str::to_owned)).collect()
        }
        _ => vec!["3".to_owned(), "76".to_owned(), "1072".to_owned()],
    };
    let id = create(world, body)?;
    let guid = world.book.webhooks.get(id).map(|webhook| webhook.guid.clone()).unwrap_or_default();
    for event in events {
        let body = json!({ "webhook_id": guid, "type": -2, "delivery_method": 6, "eventno": event });
        subscribe(world, guid.clone(), event, body);
    }
    Ok(Answer::json(201, world.book.webhooks.get(id).map_or(Value::Null, row)))
}

/// One delivery on its way.
struct Delivery {
    webhook: Webhook,
    notification_id: i64,
    ticket_id: i64,
    body: String,
}

/// Sends what the last call made happen, in the background and in order.
pub(crate) fn deliver_waiting(shared: &Arc<Shared>) {
    let deliveries = {
        let mut world = shared.world();
        if world.told.is_empty() {
            return;
        }
        let told = std::mem::take(&mut world.told);
        due(&world, &told)
    };
    if deliveries.is_empty() {
        return;
    }
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        for delivery in deliveries {
            send(&shared, delivery).await;
        }
    });
}

fn due(world: &World, told: &[Event]) -> Vec<Delivery> {
    let book = &world.book;
    let mut deliveries = Vec::new();
    for event in told {
        for notification in book.notifications.values().filter(|notification| event.is(book, &notification.eventno)) {
            let Ok(webhook) = find(book, &notification.webhook_id) else { continue };
            if webhook.body.get("active").and_then(Value::as_bool) == Some(false) {
                continue;
            }
            let payload = payload(world, event, webhook, notification.id);
            let batched = webhook.body.get("batch_method").and_then(Value::as_i64).is_some_and(|method| method != 0);
            let body = if batched { json!([payload]) } else { payload }.to_string();
            deliveries.push(Delivery {
                webhook: webhook.clone(),
                notification_id: notification.id,
                ticket_id: event.ticket_id,
                body,
            });
        }
    }
    deliveries
}

fn payload(world: &World, event: &Event, webhook: &Webhook, notification_id: i64) -> Value {
    let ticket = world.book.tickets.get(event.ticket_id);
    json!({
        "id": random_guid(), "webhook_id": webhook.guid, "notification_id": notification_id, "escmsg_id": random_guid(),
        "event": event.name, "message": event.message, "object_id": event.ticket_id,
        "agent_id": ticket.map_or(0, |ticket| ticket.agent_id),
        // Here, other than in the API, times carry their zone.
        "timestamp": format!("{}Z", Stamp::now()),
        "ticket": ticket.map_or(Value::Null, |ticket| detail(world, ticket)),
    })
}

async fn send(shared: &Shared, delivery: Delivery) {
    let watch = Stopwatch::start();
    let result = post(&delivery.webhook, &delivery.body).await;
    let mut world = shared.world();
    let event = WebhookEvent {
        id: world.book.webhook_events.next_id(),
        webhook_id: delivery.webhook.guid.clone(),
        guid: random_guid(),
        notification_id: delivery.notification_id,
        timestamp: Some(Stamp::now()),
        entity_id: delivery.ticket_id,
        requestbody: delivery.body,
        responsestatus: *result.as_ref().unwrap_or(&0),
        responsebody: result.as_ref().err().map(ToString::to_string).unwrap_or_default(),
        error: !result.as_ref().is_ok_and(|status| (200..300).contains(status)),
        duration: watch.elapsed().as_secs_f64(),
    };
    world.record(Change::WebhookEvent(event));
    if let Err(error) = world.commit() {
        tracing::error!(%error, "the snapshot file cannot be written");
    }
}

/// One POST over plain HTTP/1.1; answers the status.
async fn post(webhook: &Webhook, body: &str) -> std::io::Result<i64> {
    let other = |text: &str| std::io::Error::other(text.to_owned());
    let text = |name: &str| webhook.body.get(name).and_then(Value::as_str).unwrap_or_default();
    let url = url::Url::parse(text("url")).map_err(|error| other(&error.to_string()))?;
    if url.scheme() != "http" {
        return Err(other("the simulator delivers to http:// addresses only"));
    }
    let host = url.host_str().ok_or_else(|| other("the address has no host"))?;
    let port = url.port_or_known_default().unwrap_or(80);
    let mut path = url.path().to_owned();
    if let Some(query) = url.query() {
        path = format!("{path}?{query}");
    }
    let user = text("basic_username");
    let sign_in = if user.is_empty() {
        String::new()
    } else {
        format!("Authorization: Basic {}\r\n", BASE64_STANDARD.encode(format!("{user}:{}", text("basic_password"))))
    };
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n{sign_in}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect((host, port)).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(|| other("the answer is not HTTP"))
}
