//! The authorisation server: token endpoint, discovery document, and the tokens of `/api` calls.
//!
//! Halo's is built on OpenIddict; errors follow it and RFC 6749. Tokens are looked up, not verified: they look like a
//! JWT because clients decode them, and are signed (HS256, key = the client secret) because strict ones check that too.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::answer::{Answer, Call, Reply, set};
use crate::clock::{Stamp, random_guid};
use crate::query::Query;
use crate::rights::Access;
use crate::switches::{Login, NoAccess, OnOff, Scope, WrongTenant};
use crate::world::{Change, Token, World};

/// Every scope that Halo knows, as public clients list them.
const SCOPES: &[&str] = &[
    "all",
    "all:standard",
    "admin",
    "read:tickets",
    "edit:tickets",
    "read:calendar",
    "edit:calendar",
    "read:customers",
    "edit:customers",
    "read:crm",
    "edit:crm",
    "editMine:timesheets",
    "read:timesheets",
    "edit:timesheets",
    "read:contracts",
    "edit:contracts",
    "read:suppliers",
    "edit:suppliers",
    "read:items",
    "edit:items",
    "read:projects",
    "edit:projects",
    "read:sales",
    "edit:sales",
    "read:quotes",
    "edit:quotes",
    "read:sos",
    "edit:sos",
    "read:pos",
    "edit:pos",
    "read:invoices",
    "edit:invoices",
    "read:reporting",
    "edit:reporting",
    "read:software",
    "edit:software",
    "read:softwarelicensing",
    "edit:softwarelicensing",
    "read:kb",
    "edit:kb",
    "read:assets",
    "edit:assets",
    "access:chat",
    "access:adpasswordreset",
    "openid",
    "profile",
    "email",
    "roles",
    "offline_access",
];

/// Scopes of `OpenID` Connect itself: allowed to ask for, no use on the API.
const IDENTITY_SCOPES: &[&str] = &["openid", "profile", "email", "roles", "offline_access"];

/// Whether Halo knows a scope of this name.
pub(crate) fn is_scope(name: &str) -> bool {
    SCOPES.contains(&name)
}

fn refusal(status: u16, error: &str, description: &str) -> Answer {
    let body = json!({
        "error": error, "error_description": description, "error_uri": format!("https://documentation.openiddict.com/errors/{error}"),
    });
    Answer::json(status, body).with("cache-control", "no-store").with("pragma", "no-cache")
}

/// `POST /auth/token`.
///
/// # Errors
/// The OAuth errors of RFC 6749, section 5.2.
pub(crate) fn token(world: &mut World, call: &Call, lifetime: i64) -> Reply {
    if call.method != "POST" {
        return Err(refusal(400, "invalid_request", "The specified HTTP method is not valid."));
    }
    if !call.header("content-type").to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
        return Err(refusal(400, "invalid_request", "The specified 'Content-Type' header is not valid."));
    }
    let form = Query::parse(&String::from_utf8_lossy(&call.body));
    let credentials = world.credentials().clone();

    let tenant = call.query.get("tenant").or_else(|| form.get("tenant")).unwrap_or(&credentials.tenant);
    if !tenant.eq_ignore_ascii_case(&credentials.tenant) {
        match world.switches.wrong_tenant {
            WrongTenant::Error => return Err(refusal(400, "invalid_request", "The specified tenant is not valid.")),
            WrongTenant::Html => return Err(Answer::html(404, "Tenant not found")),
            WrongTenant::Ignore => {}
        }
    }
    match form.get("grant_type") {
        None => return Err(refusal(400, "invalid_request", "The mandatory 'grant_type' parameter is missing.")),
        Some("client_credentials") => {}
        Some("password" | "authorization_code" | "refresh_token") => {
            let text = "This client application is not allowed to use the specified grant type.";
            return Err(refusal(400, "unauthorized_client", text));
        }
        Some(_) => return Err(refusal(400, "unsupported_grant_type", "The specified 'grant_type' is not supported.")),
    }
    let (id, secret) = client(call, &form)?;
    let known = id.eq_ignore_ascii_case(&credentials.client_id) && secret == credentials.client_secret;
    if !known {
        let answer = refusal(401, "invalid_client", "The specified client credentials are invalid.");
        let basic = !call.header("authorization").is_empty();
        return Err(if basic { answer.with("www-authenticate", "Basic realm=\"token\"") } else { answer });
    }
    let scopes = granted(world, form.get("scope").unwrap_or_default())?;

    let now = Stamp::now();
    let agent = (world.switches.application_login == Login::Agent)
        .then(|| world.book.agents.get(world.book.login_agent_id).cloned())
        .flatten();
    let issuer = format!("{}/auth", call.base);
    let subject = agent.as_ref().map_or_else(|| credentials.client_id.clone(), |agent| agent.id.to_string());
    let claims = json!({
        "iss": issuer, "aud": format!("{}/api", call.base), "sub": subject, "client_id": credentials.client_id,
        "iat": now.unix_seconds(), "exp": now.plus_seconds(lifetime).unix_seconds(), "jti": random_guid(), "scope": scopes.join(" "),
    });
    let text = jwt(&claims, "at+jwt", &credentials.client_secret);
    let mut body = json!({ "access_token": text, "token_type": "Bearer", "expires_in": lifetime });
    if !scopes.is_empty() {
        set(&mut body, "scope", json!(scopes.join(" ")));
    }
    if let Some(agent) = &agent {
        let claims = json!({
            "iss": issuer, "aud": credentials.client_id, "sub": agent.id.to_string(), "name": agent.name, "email": agent.email,
            "agent_id": agent.id, "iat": now.unix_seconds(), "exp": now.plus_seconds(lifetime).unix_seconds(),
        });
        set(&mut body, "id_token", json!(jwt(&claims, "JWT", &credentials.client_secret)));
    }
    let scopes = scopes.into_iter().filter(|scope| !IDENTITY_SCOPES.contains(&scope.as_str())).collect();
    world.record(Change::Token(Token { text, scopes, expires: now.plus_seconds(lifetime), agent }));
    Ok(Answer::ok(body).with("cache-control", "no-store").with("pragma", "no-cache"))
}

/// Client id and secret: from the form, or from a Basic header (each part URL-encoded, RFC 6749 section 2.3.1).
fn client(call: &Call, form: &Query) -> Result<(String, String), Answer> {
    let header = call.header("authorization");
    let Some((scheme, value)) = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
    else {
        let id = form.get("client_id");
        let id =
            id.ok_or_else(|| refusal(400, "invalid_request", "The mandatory 'client_id' parameter is missing."))?;
        return Ok((id.to_owned(), form.get("client_secret").unwrap_or_default().to_owned()));
    };
    if form.get("client_secret").is_some() {
        return Err(refusal(400, "invalid_request", "Multiple client credentials cannot be specified."));
    }
    let decoded = BASE64_STANDARD.decode(value.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let (id, secret) = decoded.as_deref().and_then(|text| text.split_once(':')).ok_or_else(|| {
        let text = format!("The {scheme} authentication header is malformed.");
        refusal(400, "invalid_request", &text)
    })?;
    // Many clients forget the encoding; a part without a percent sign is taken as it is.
    let plain = |text: &str| {
        let mut pairs = url::form_urlencoded::parse(text.as_bytes());
        let decoded = pairs.next().map(|(key, _)| key.into_owned());
        decoded.filter(|_| text.contains('%')).unwrap_or_else(|| text.to_owned())
    };
    Ok((plain(id), plain(secret)))
}

/// The scopes of the new token: what is asked, cut with what the application was given.
fn granted(world: &World, asked: &str) -> Result<Vec<String>, Answer> {
    let application = &world.book.application_scopes;
    let everything = application.iter().any(|scope| scope == "all");
    let mut granted: Vec<String> = Vec::new();
    let mut identity = 0;
    for scope in asked.split_whitespace() {
        if !SCOPES.contains(&scope) {
            return Err(refusal(400, "invalid_scope", "The specified 'scope' is not supported."));
        }
        let given = everything || IDENTITY_SCOPES.contains(&scope) || application.iter().any(|given| given == scope);
        if given {
            identity += usize::from(IDENTITY_SCOPES.contains(&scope));
            granted.push(scope.to_owned());
        } else if world.switches.ungranted_scope == Scope::Error {
            return Err(refusal(
                400,
                "invalid_scope",
                "This client application is not allowed to use the specified scope.",
            ));
        } else if scope.starts_with("all") {
            granted.extend(application.iter().cloned());
        }
    }
    if !asked.trim().is_empty() && granted.len() == identity && identity == 0 {
        return Err(refusal(
            400,
            "invalid_scope",
            "This client application is not allowed to use the specified scope.",
        ));
    }
    let mut seen = std::collections::HashSet::new();
    granted.retain(|scope| seen.insert(scope.clone()));
    Ok(granted)
}

fn jwt(claims: &Value, kind: &str, secret: &str) -> String {
    let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&json!({ "alg": "HS256", "typ": kind })), encode(claims));
    let signature = hmac_sha256(secret.as_bytes(), signed.as_bytes());
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

/// HMAC-SHA-256 (RFC 2104). Signs the stand-in's tokens, which guard nothing: not worth a dependency.
fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut block = [0; BLOCK];
    let hashed = Sha256::digest(key);
    let key = if key.len() > BLOCK { hashed.as_slice() } else { key };
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

/// `/.well-known/openid-configuration`, under `/auth` and at the root.
pub(crate) fn discovery(call: &Call, issuer: &str) -> Answer {
    let auth = format!("{}/auth", call.base);
    Answer::ok(json!({
        "issuer": issuer, "token_endpoint": format!("{auth}/token"), "authorization_endpoint": format!("{auth}/authorize"),
        "jwks_uri": format!("{auth}/.well-known/jwks"), "grant_types_supported": ["client_credentials"],
        "response_types_supported": ["code", "token", "id_token"], "response_modes_supported": ["query", "fragment", "form_post"],
        "scopes_supported": SCOPES, "claims_supported": ["aud", "exp", "iat", "iss", "sub", "name", "email", "agent_id"],
        "id_token_signing_alg_values_supported": ["HS256"], "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
    }))
}

/// Who calls `/api`, from the Bearer token.
///
/// # Errors
/// 401 without a good token, and for one without scopes (403 by switch).
pub(crate) fn access(world: &World, call: &Call) -> Result<Access, Answer> {
    let header = call.header("authorization");
    let bearer = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let text = bearer.map(|(_, text)| text.trim()).ok_or_else(|| Answer::unauthorized(""))?;
    let token = world.token(text).ok_or_else(|| Answer::unauthorized("invalid_token"))?;
    if token.scopes.is_empty() {
        return Err(match world.switches.scopeless_token {
            NoAccess::Unauthorized => Answer::unauthorized("insufficient_scope"),
            NoAccess::Forbidden => Answer::forbidden(),
        });
    }
    let current = || token.agent.as_ref().and_then(|agent| world.book.agents.get(agent.id));
    let agent = match world.switches.stale_permissions {
        OnOff::On => token.agent.clone(),
        OnOff::Off => current().cloned(),
    };
    if agent.as_ref().is_some_and(|agent| agent.isdisabled) {
        return Err(Answer::unauthorized("invalid_token"));
    }
    Ok(Access { agent, scopes: token.scopes.clone() })
}
