//! How much one caller may ask for: tries to prove who he is, and calls at all, by address.
//!
//! Where the address comes from: the connection, or `X-Forwarded-For` where the connection is a trusted proxy's. The
//! decision a reader would undo: credentials are checked before a failed try is refused. They have 256 random bits, so
//! guessing is hopeless anyway, and one broken computer must not shut out the office behind the same address.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    extract::{ConnectInfo, DefaultBodyLimit, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use ipnet::IpNet;
use tower_http::limit::RequestBodyLimitLayer;

use super::{headers::is_api, problem::Problem};
use crate::portal;

/// The largest body, in bytes.
pub(crate) const MAX_BODY: usize = 256 * 1024;
/// The largest list that is read in, in bytes: ten thousand lines of 400.
pub(crate) const MAX_LIST: usize = 4 * 1024 * 1024;
/// The largest form that brings one: a form writes a byte as three at the most, and has other fields.
pub(crate) const MAX_LIST_FORM: usize = 3 * MAX_LIST + 64 * 1024;
/// Of a body that is too large so much more is read, and thrown away: a caller that is cut off while it sends never sees
/// why.
const THROWN_AWAY: usize = 4 * 1024 * 1024;

/// The longest time until an answer begins; a waiting endpoint waits for 55 s at the most.
pub(crate) const LONGEST: Duration = Duration::from_secs(70);

/// Proxies whose word about the caller's address counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies(Arc<[IpNet]>);

impl Proxies {
    /// These networks.
    pub(crate) fn new(nets: Vec<IpNet>) -> Self {
        Self(nets.into())
    }

    /// True if nobody's word counts.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&address))
    }

    /// Who calls: from the connection backwards, the first that is no trusted proxy.
    pub(crate) fn caller(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut caller = peer.to_canonical();
        let values = headers.get_all("x-forwarded-for").iter().rev();
        let hops = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.rsplit(','));
        for hop in hops {
            if !self.trusts(caller) {
                return caller;
            }
            // Some proxies write a port, too.
            let hop = hop.trim();
            let read = hop.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|hop| hop.ip()));
            // What cannot be read hides who called: the proxy itself is the caller then.
            let Some(read) = read else { return caller };
            caller = IpAddr::to_canonical(&read);
        }
        caller
    }
}

/// Whoever calls: an address; of IPv6 the network, of which one caller has all addresses.
fn key(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
    }
}

type PerAddress = DefaultKeyedRateLimiter<IpAddr>;

/// The limits of one server.
pub(crate) struct Limits {
    proxies: Proxies,
    clock: DefaultClock,
    /// Credentials that were refused.
    refused: PerAddress,
    /// Tries to sign in.
    sign_ins: PerAddress,
    /// Deliveries of Halo's webhook.
    hooks: PerAddress,
    /// Calls of any kind, this machine's own left out.
    calls: PerAddress,
}

/// So many a second in the long run, and so many at once.
fn per_second(rate: u32, burst: u32) -> Quota {
    let some = |count: u32| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(some(rate)).allow_burst(some(burst))
}

impl Limits {
    /// Limits that believe these proxies.
    pub(crate) fn new(proxies: Proxies) -> Self {
        Self {
            proxies,
            clock: DefaultClock::default(),
            refused: RateLimiter::keyed(per_second(1, 100)),
            sign_ins: RateLimiter::keyed(per_second(1, 30)),
            // Halo delivers one by one, and a storm of them at once after it was away.
            hooks: RateLimiter::keyed(per_second(50, 2000)),
            // Ten thousand endpoints behind one address poll 400 times a second, and all at once after an outage.
            calls: RateLimiter::keyed(per_second(2000, 20_000)),
        }
    }

    /// Forgets addresses that have not been seen for long.
    pub(crate) fn forget(&self) {
        for limiter in [&self.refused, &self.sign_ins, &self.hooks, &self.calls] {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }

    fn check(&self, limiter: &PerAddress, address: IpAddr) -> Result<(), Duration> {
        limiter.check_key(&key(address)).map_err(|early| early.wait_time_from(self.clock.now()))
    }
}

fn too_many(code: &str, wait: Duration, sentence: &str) -> Response {
    let seconds = wait.as_secs().saturating_add(1);
    let detail = format!("{sentence} Try again in {seconds} s.");
    let mut response = Problem::new(StatusCode::TOO_MANY_REQUESTS, code, detail).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// Middleware: refuses who asks for too much.
pub(crate) async fn limit(State(limits): State<Arc<Limits>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    let caller = limits.proxies.caller(peer, request.headers());
    if !caller.is_loopback()
        && let Err(wait) = limits.check(&limits.calls, caller)
    {
        return too_many("too_many_calls", wait, "There are too many calls from your address.");
    }
    let signs_in = request.method() == Method::POST && request.uri().path().starts_with("/sign-in");
    if signs_in && let Err(wait) = limits.check(&limits.sign_ins, caller) {
        return too_many("too_many_tries", wait, "There were too many tries to sign in from your address.");
    }
    let delivers = request.uri().path().starts_with("/hooks/");
    if delivers && let Err(wait) = limits.check(&limits.hooks, caller) {
        return too_many("too_many_calls", wait, "There are too many deliveries from your address.");
    }
    let enrols = request.uri().path() == "/agent/v1/enroll";
    let claims =
        request.headers().contains_key(header::AUTHORIZATION) || request.headers().contains_key(header::COOKIE);
    let response = next.run(request).await;
    let refused = match response.status() {
        StatusCode::UNAUTHORIZED => claims,
        StatusCode::FORBIDDEN => enrols,
        StatusCode::NOT_FOUND => delivers,
        _ => false,
    };
    if refused && let Err(wait) = limits.check(&limits.refused, caller) {
        return too_many("too_many_tries", wait, "Too many wrong credentials came from your address.");
    }
    response
}

/// Routes that take bodies up to `max` bytes. A larger one is refused in words: before it is read where it says its length,
/// else where it becomes too large.
pub(crate) fn bodies_up_to<S: Clone + Send + Sync + 'static>(max: usize, routes: Router<S>) -> Router<S> {
    let limited = routes.layer(DefaultBodyLimit::disable()).layer(RequestBodyLimitLayer::new(max));
    limited.layer(from_fn_with_state(max, at_most))
}

async fn at_most(State(max): State<usize>, request: Request, next: Next) -> Response {
    use futures_util::StreamExt as _;
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let told = if is_api(request.uri().path()) { too_large } else { portal::too_large };
    if length.is_some_and(|length: usize| length > max) {
        // Lets the caller finish sending, so that he reads the refusal in place of a broken connection.
        if length.is_some_and(|length| length <= max + THROWN_AWAY) {
            let mut body = request.into_body().into_data_stream();
            while let Some(Ok(_)) = body.next().await {}
        }
        return told(max);
    }
    let response = next.run(request).await;
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE { told(max) } else { response }
}

fn too_large(max: usize) -> Response {
    let detail = format!("A body may have {} KiB here at the most.", max / 1024);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(proxies: &str, peer: &str, forwarded: &[&str]) -> String {
        let proxies = Proxies::new(proxies.split_whitespace().map(|net| net.parse().unwrap()).collect());
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        proxies.caller(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn the_caller_is_the_rightmost_address_that_is_no_trusted_proxy() {
        let table = [
            ("", "203.0.113.9", &["198.51.100.1"][..], "203.0.113.9"),
            ("127.0.0.1/32", "203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
            ("127.0.0.1/32", "127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1/32", "127.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1/32", "127.0.0.1", &["10.9.9.9, 198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1/32 10.0.0.0/8", "127.0.0.1", &["198.51.100.1, 10.0.0.7"], "198.51.100.1"),
            ("127.0.0.1/32 10.0.0.0/8", "127.0.0.1", &["198.51.100.1", "10.0.0.7"], "198.51.100.1"),
            ("127.0.0.1/32", "127.0.0.1", &["198.51.100.1:5512"], "198.51.100.1"),
            ("127.0.0.1/32", "127.0.0.1", &["198.51.100.1, unknown"], "127.0.0.1"),
            ("127.0.0.1/32", "::ffff:127.0.0.1", &["2001:db8::5"], "2001:db8::5"),
        ];
        for (proxies, peer, forwarded, expected) in table {
            assert_eq!(caller(proxies, peer, forwarded), expected, "{proxies} {peer} {forwarded:?}");
        }
    }

    #[test]
    fn an_address_is_forgiven_in_time_and_alone() {
        let limits = Limits::new(Proxies::default());
        let (one, other) = ("203.0.113.9".parse().unwrap(), "203.0.113.10".parse().unwrap());
        let tries = (0..200).filter(|_| limits.check(&limits.sign_ins, one).is_ok()).count();
        assert!((30..40).contains(&tries), "{tries}");
        let wait = limits.check(&limits.sign_ins, one).unwrap_err();
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        assert!(limits.check(&limits.sign_ins, other).is_ok());
        assert_eq!(key("2001:db8::5".parse().unwrap()), key("2001:db8::6".parse().unwrap()));
    }
}
