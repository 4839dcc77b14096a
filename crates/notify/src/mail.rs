//! Mail as plain text, handed to one SMTP server.
//!
//! The decision a reader would undo: the name is resolved here and the connection made to the address that was checked;
//! the certificate is compared with the name. Left to the mail library, a second look-up could answer otherwise.

use std::time::{Duration, SystemTime};

use countersign_domain::{text, time::Time};
use countersign_egress::Egress;
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        authentication::Credentials,
        client::{Tls as SmtpTls, TlsParameters},
    },
};

use crate::Failed;

/// The longest time for one answer of the mail server.
const PATIENCE: Duration = Duration::from_secs(15);

/// How the connection to a mail server is kept private.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// It begins in plain text and must change to TLS; port 587.
    StartTls,
    /// TLS from the first byte; port 465.
    Implicit,
    /// Not at all.
    None,
}

/// A mail server.
#[derive(Clone)]
pub struct MailServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept private.
    pub tls: Tls,
    /// User and password, where it wants them.
    pub login: Option<(String, String)>,
    /// The sender's address.
    pub from: String,
}

/// One mail. Subject and text may hold anything: the subject becomes one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The same for each try of the same mail, so that a mail program can fold doubles. Letters, digits and hyphens.
    pub id: String,
    /// When it is written.
    pub at: Time,
    /// Who gets it.
    pub to: Vec<String>,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// Whether mail can have this address: `name@example.com` or `Name <name@example.com>`.
#[must_use]
pub fn is_address(address: &str) -> bool {
    address.parse::<Mailbox>().is_ok()
}

pub(crate) async fn send(egress: &Egress, server: &MailServer, mail: &Mail) -> Result<(), Failed> {
    let message = message(&server.from, mail)?;
    let addresses = egress
        .addresses(&server.host, server.port)
        .await
        .map_err(|error| Failed::because("The mail server cannot be called", &error))?;
    let Some(address) = addresses.first() else {
        return Err(Failed::new(&format!("The mail server {} has no address", server.host)));
    };
    let tls = match server.tls {
        Tls::None => SmtpTls::None,
        Tls::StartTls | Tls::Implicit => {
            let parameters = TlsParameters::new(server.host.clone())
                .map_err(|error| Failed::because("TLS cannot be set up", &error))?;
            if server.tls == Tls::Implicit { SmtpTls::Wrapper(parameters) } else { SmtpTls::Required(parameters) }
        }
    };
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.ip().to_string())
        .port(server.port)
        .tls(tls)
        .timeout(Some(PATIENCE));
    if let Some((user, password)) = &server.login {
        transport = transport.credentials(Credentials::new(user.clone(), password.clone()));
    }
    match transport.build().send(message).await {
        Ok(_) => Ok(()),
        Err(error) => Err(Failed::because(&format!("The mail server {} did not take it", server.host), &error)),
    }
}

fn message(from: &str, mail: &Mail) -> Result<Message, Failed> {
    let mailbox =
        |address: &str| address.parse::<Mailbox>().map_err(|_| Failed::new(&format!("{address:?} is no mail address")));
    let from = mailbox(from)?;
    let at = SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(mail.at.0).unwrap_or(0));
    let mut message = Message::builder()
        .message_id(Some(format!("<{}@{}>", mail.id, from.email.domain())))
        .date(at)
        .from(from)
        // One line: a line end in a subject would begin a header of its own.
        .subject(text::line(&mail.subject, 200))
        .header(ContentType::TEXT_PLAIN)
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()));
    for to in &mail.to {
        message = message.to(mailbox(to)?);
    }
    message.body(mail.text.clone()).map_err(|error| Failed::because("The mail cannot be written", &error))
}
