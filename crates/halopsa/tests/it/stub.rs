//! A server on a raw socket: it answers what a test says, breaks off where a test says, and remembers every request.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use halopsa::{Client, Config, Permit, Unlimited, Urgency};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// With its query.
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn param(&self, name: &str) -> Option<String> {
        let url = url::Url::parse(&format!("http://stub{}", self.path)).unwrap();
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    pub(crate) fn number(&self, name: &str) -> usize {
        self.param(name).and_then(|text| text.parse().ok()).unwrap_or_default()
    }
}

/// What to do with a request.
pub(crate) enum Reply {
    /// Answer with this status and body, and keep the connection.
    Answer(u16, String),
    /// The same with extra header lines, each ending in CRLF.
    With(u16, &'static str, String),
    /// Answer, then close the connection without having said so.
    AnswerAndClose(u16, String),
    /// Write these bytes and close.
    Raw(String),
    /// Close without a word.
    Close,
    /// Never answer.
    Silence,
    /// Promise nothing and send without end.
    Endless,
}

pub(crate) fn ok(body: &Value) -> Reply {
    Reply::Answer(200, body.to_string())
}

pub(crate) struct Stub {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Stub {
    /// Serves tokens by itself and everything else as `reply` says.
    pub(crate) async fn start(reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_bare(move |seen| if seen.path.starts_with("/auth/token") { token("t1") } else { reply(seen) }).await
    }

    pub(crate) async fn start_bare(reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (record, reply) = (Arc::clone(&seen), Arc::new(reply));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (record, reply) = (Arc::clone(&record), Arc::clone(&reply));
                tokio::spawn(async move {
                    // A client that goes away ends its connection here too.
                    let _ = serve(stream, &record, reply.as_ref()).await;
                });
            }
        });
        Self { url, seen }
    }

    pub(crate) fn seen(&self, path: &str) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().filter(|seen| seen.path.split('?').next() == Some(path)).cloned().collect()
    }

    pub(crate) fn config(&self) -> Config {
        config(&self.url)
    }

    pub(crate) fn client(&self) -> Client {
        client(self.config())
    }
}

pub(crate) fn config(url: &str) -> Config {
    let at = |path: &str| format!("{url}{path}").parse().unwrap();
    let mut config = Config::new(at("/api"), at("/auth"), "app", "very-secret");
    config.deadline = Duration::from_secs(5);
    config
}

pub(crate) fn client(config: Config) -> Client {
    Client::new(http().into(), config, Arc::new(Unlimited))
}

pub(crate) fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    builder.retry(reqwest::retry::never()).connect_timeout(Duration::from_secs(2)).build().unwrap()
}

pub(crate) fn token(access: &str) -> Reply {
    ok(&json!({"access_token": access, "token_type": "Bearer", "expires_in": 3600}))
}

/// Counts what the client tells its permit.
#[derive(Default)]
pub(crate) struct Counted {
    pub(crate) asked: Mutex<Vec<Urgency>>,
    pub(crate) limited: Mutex<Vec<Option<Duration>>>,
}

#[async_trait]
impl Permit for Counted {
    async fn acquire(&self, urgency: Urgency) {
        self.asked.lock().unwrap().push(urgency);
    }

    async fn limited(&self, retry_after: Option<Duration>) {
        self.limited.lock().unwrap().push(retry_after);
    }
}

async fn serve(
    mut stream: TcpStream,
    record: &Mutex<Vec<Seen>>,
    reply: &(impl Fn(&Seen) -> Reply + ?Sized),
) -> std::io::Result<()> {
    while let Some(seen) = read(&mut stream).await? {
        record.lock().unwrap().push(seen.clone());
        let (status, extra, body, close) = match reply(&seen) {
            Reply::Answer(status, body) => (status, "", body, false),
            Reply::With(status, extra, body) => (status, extra, body, false),
            Reply::AnswerAndClose(status, body) => (status, "", body, true),
            Reply::Raw(bytes) => return stream.write_all(bytes.as_bytes()).await,
            Reply::Close => return Ok(()),
            Reply::Silence => std::future::pending().await,
            Reply::Endless => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n[").await?;
                loop {
                    stream.write_all(&[b'1'; 4096]).await?;
                }
            }
        };
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{extra}\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
        if close {
            return Ok(());
        }
    }
    Ok(())
}

async fn read(stream: &mut TcpStream) -> std::io::Result<Option<Seen>> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let first = String::from_utf8_lossy(&bytes[..end]).lines().next().unwrap_or_default().to_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let body = String::from_utf8_lossy(&bytes[end..end + length]).into_owned();
    Ok(Some(Seen { method, path, head, body }))
}
