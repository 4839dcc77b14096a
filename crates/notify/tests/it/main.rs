//! Mail and webhooks against stubs on loopback.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]

use countersign_domain::time::Time;
use countersign_egress::{Egress, EgressConfig};
use countersign_notify::{Delivery, Hook, Mail, MailServer, Notifier, SIGNATURE, Tls, is_address, signature};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
    task::JoinHandle,
};

const AT: Time = Time(1_795_000_000_000_000);

fn notifier(allow: &[&str]) -> Notifier {
    let allow_hosts = allow.iter().map(ToString::to_string).collect();
    Notifier::new(Egress::new(&EgressConfig { allow_hosts, ..EgressConfig::default() }).unwrap())
}

/// A mail server that takes one mail, or refuses the recipient; what it heard.
async fn mail_server(refuses: Option<&'static str>) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let (reader, mut writer) = socket.into_split();
        let mut lines = BufReader::new(reader).lines();
        let mut heard = String::new();
        let mut in_data = false;
        writer.write_all(b"220 stub\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            heard.push_str(&line);
            heard.push('\n');
            let answer = match line.get(..4).unwrap_or_default() {
                _ if in_data && line != "." => continue,
                _ if in_data => {
                    in_data = false;
                    "250 taken"
                }
                "EHLO" => "250 stub",
                "DATA" => {
                    in_data = true;
                    "354 go on"
                }
                "RCPT" => refuses.unwrap_or("250 fine"),
                "QUIT" => break,
                _ => "250 fine",
            };
            writer.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
        }
        heard
    });
    (port, heard)
}

fn server(port: u16) -> MailServer {
    MailServer {
        host: "127.0.0.1".to_owned(),
        port,
        tls: Tls::None,
        login: None,
        from: "Countersign <countersign@example.com>".to_owned(),
    }
}

fn mail(subject: &str, text: &str) -> Mail {
    Mail {
        id: "alert-1".to_owned(),
        at: AT,
        to: vec!["desk@example.org".to_owned(), "night@example.org".to_owned()],
        subject: subject.to_owned(),
        text: text.to_owned(),
    }
}

#[tokio::test]
async fn a_mail_is_taken_and_hostile_text_makes_no_header() {
    let (port, heard) = mail_server(None).await;
    let hostile = "Halo fails\r\nBcc: all@example.org\u{202E}";
    notifier(&["127.0.0.1"]).mail(&server(port), &mail(hostile, "One line.\n.\nQUIT\n")).await.unwrap();
    let heard = heard.await.unwrap();
    let (envelope, body) = heard.split_once("\n\n").unwrap();
    assert!(
        envelope.contains("RCPT TO:<desk@example.org>") && envelope.contains("RCPT TO:<night@example.org>"),
        "{heard}"
    );
    assert!(envelope.contains("Message-ID: <alert-1@example.com>"), "{heard}");
    assert!(envelope.contains("Auto-Submitted: auto-generated"), "{heard}");
    assert!(envelope.contains("Subject: ") && !envelope.lines().any(|line| line.starts_with("Bcc")), "{heard}");
    assert!(!heard.contains("RCPT TO:<all@example.org>"), "{heard}");
    // A dot alone would have ended the mail.
    assert!(body.contains("One line.") && body.contains("\n..\n"), "{heard}");
}

#[tokio::test]
async fn what_a_mail_server_refuses_is_told_in_its_words() {
    let (port, heard) = mail_server(Some("550 no such mailbox here")).await;
    let failed = notifier(&["127.0.0.1"]).mail(&server(port), &mail("x", "y")).await.unwrap_err().to_string();
    assert!(failed.contains("no such mailbox here") && failed.contains("127.0.0.1"), "{failed}");
    heard.await.unwrap();
}

#[tokio::test]
async fn without_tls_no_mail_goes_where_tls_is_wanted() {
    let (port, heard) = mail_server(None).await;
    let login = Some(("user".to_owned(), "sample password".to_owned()));
    let strict = MailServer { tls: Tls::StartTls, login, ..server(port) };
    notifier(&["127.0.0.1"]).mail(&strict, &mail("x", "y")).await.unwrap_err();
    let heard = heard.await.unwrap();
    assert!(!heard.contains("AUTH") && !heard.contains("MAIL FROM"), "{heard}");
}

#[tokio::test]
async fn private_addresses_are_refused_unless_allowed() {
    let notifier = notifier(&[]);
    let failed = notifier.mail(&server(25), &mail("x", "y")).await.unwrap_err().to_string();
    assert!(failed.contains("loopback"), "{failed}");
    let hook = |url: &str| Hook { url: url.parse().unwrap(), secret: "s".to_owned() };
    let delivery = Delivery { id: "1".to_owned(), at: AT, body: "{}".to_owned() };
    for url in ["https://127.0.0.1/x", "http://hooks.example.com/", "https://169.254.169.254/latest"] {
        notifier.webhook(&hook(url), &delivery).await.unwrap_err();
        assert!(notifier.check(&url.parse().unwrap()).is_err(), "{url}");
    }
}

#[tokio::test]
async fn a_webhook_is_signed_over_time_and_body() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?key=hidden", listener.local_addr().unwrap());
    let heard = tokio::spawn(async move {
        let mut heard = Vec::new();
        for answer in ["204 No Content", "401 Unauthorized"] {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            let mut buffer = [0; 4096];
            while !bytes.ends_with(b"{\"n\":1}") {
                let read = socket.read(&mut buffer).await.unwrap();
                bytes.extend_from_slice(&buffer[..read]);
            }
            heard.push(String::from_utf8(bytes).unwrap());
            let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
        heard
    });
    let notifier = notifier(&["127.0.0.1"]);
    let hook = Hook { url: url.parse().unwrap(), secret: "sample secret".to_owned() };
    let delivery = Delivery { id: "alert-1".to_owned(), at: AT, body: "{\"n\":1}".to_owned() };
    notifier.webhook(&hook, &delivery).await.unwrap();
    let failed = notifier.webhook(&hook, &delivery).await.unwrap_err().to_string();
    assert!(failed.contains("401") && !failed.contains("hidden"), "{failed}");
    let heard = heard.await.unwrap();
    assert!(heard[0].contains(&format!("{SIGNATURE}: {}", signature("sample secret", 1_795_000_000, "{\"n\":1}"))));
    assert!(heard[0].contains("countersign-delivery: alert-1"), "{}", heard[0]);
}

/// The value was computed by another implementation: `printf 1795000000.{} | openssl dgst -sha256 -hmac sample`.
#[test]
fn the_signature_is_hmac_sha256_in_hex() {
    assert_eq!(signature("sample", 1_795_000_000, "{}"), format!("t=1795000000,v1={KNOWN}"));
    assert_ne!(signature("sample", 1_795_000_001, "{}"), signature("sample", 1_795_000_000, "{}"));
}

const KNOWN: &str = "817112fa66c02a6aed224e1dca96545afdd9385357bc29e6025892a394937c2e";

#[test]
fn addresses_of_mail() {
    for good in ["desk@example.com", "Service Desk <desk@example.com>"] {
        assert!(is_address(good), "{good}");
    }
    for bad in ["", "desk", "desk@", "a@example.com, b@example.com", "a@example.com\r\nBcc: b@example.com"] {
        assert!(!is_address(bad), "{bad:?}");
    }
}
