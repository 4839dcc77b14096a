//! Why a connection did not come about, read from the layers of the error that the HTTP client gives.
//!
//! A person who set up an address needs to know which of them it was: the name, the port, the network, or the
//! certificate. Called for failed connects alone. The layers are looked at by type wherever they have one; the look-up of
//! names has none, so it is known by the words of its layer.

use std::error::Error;
use std::io;

use crate::error::Unreached;

/// The first layer that tells, from the outside in.
pub(crate) fn why(error: &reqwest::Error) -> Unreached {
    let mut next: Option<&(dyn Error + 'static)> = error.source();
    while let Some(layer) = next {
        if let Some(why) = of_layer(layer) {
            return why;
        }
        next = layer.source();
    }
    if error.is_timeout() { Unreached::TooSlow } else { Unreached::Other }
}

fn of_layer(layer: &(dyn Error + 'static)) -> Option<Unreached> {
    if let Some(tls) = layer.downcast_ref::<rustls::Error>() {
        return Some(of_tls(tls));
    }
    if let Some(io) = layer.downcast_ref::<io::Error>() {
        // An I/O error that wraps another shows that one's cause as its own, and never itself.
        if let Some(inner) = io.get_ref() {
            let inner: &(dyn Error + 'static) = inner;
            return of_layer(inner);
        }
        return match io.kind() {
            io::ErrorKind::ConnectionRefused => Some(Unreached::Refused),
            io::ErrorKind::TimedOut => Some(Unreached::TooSlow),
            // Closed before the first words were over.
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Some(Unreached::NotTls),
            _ => None,
        };
    }
    layer.to_string().starts_with("dns error").then_some(Unreached::NoSuchHost)
}

fn of_tls(error: &rustls::Error) -> Unreached {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => Unreached::Certificate,
        rustls::Error::InvalidMessage(_) | rustls::Error::AlertReceived(_) | rustls::Error::PeerIncompatible(_) => {
            Unreached::NotTls
        }
        _ => Unreached::Other,
    }
}
