//! Servers that are no HaloPSA, or a bad one: what stands behind a wrong address, and lists that contradict themselves.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

/// What a stub answers: status, one more header line or nothing, body.
pub(crate) type Reply = (u16, &'static str, String);

/// A server on loopback; it ends with the test's process.
pub(crate) struct Stub {
    pub(crate) port: u16,
}

impl Stub {
    /// Plain HTTP, one answer a connection. The reply is given method and path with its query.
    pub(crate) fn http(reply: impl Fn(&str, &str) -> Reply + Send + 'static) -> Self {
        Self::each(move |mut stream| {
            let head = head(&mut stream)?;
            let mut words = head.split(' ');
            let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let (status, header, body) = reply(method, path);
            let length = body.len();
            write!(stream, "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{header}\r\n{body}")
        })
    }

    /// TLS with a certificate that nobody vouches for; made with openssl, for 127.0.0.1 and localhost, until 2120.
    pub(crate) fn tls() -> Self {
        let certificate = CertificateDer::from(&include_bytes!("self_signed/certificate.der")[..]);
        let key = PrivateKeyDer::try_from(&include_bytes!("self_signed/key.der")[..]).unwrap();
        // Another test may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        let config = Arc::new(config);
        Self::each(move |mut stream| {
            let mut tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            // Ends when the client turns away.
            Stream::new(&mut tls, &mut stream).read(&mut [0]).map(|_| ())
        })
    }

    fn each(serve: impl Fn(TcpStream) -> std::io::Result<()> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away ends its connection here too.
                let _ = serve(stream);
            }
        });
        Self { port }
    }
}

/// A port at which nobody listens.
pub(crate) fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Reads a request to its end, and gives its head; nothing where TLS begins in place of a request.
fn head(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    let mut one = [0];
    while !bytes.ends_with(b"\r\n\r\n") && stream.read(&mut one)? == 1 {
        bytes.extend(one);
        if bytes == [0x16] {
            return Ok(String::new());
        }
    }
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    stream.read_exact(&mut vec![0; length.unwrap_or(0)])?;
    Ok(head)
}
