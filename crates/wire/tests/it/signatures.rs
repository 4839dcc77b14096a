//! A signature holds for the bytes, the key, the role and the kind of document it was made for, and for nothing else.

use countersign_wire::grant::{self, Arguments, Grant, SignedGrant, Uses, arguments_hash};
use countersign_wire::keys::{self, Key, KeySet, NotOpened, Role, SignedKeySet, TrustedKeys};
use countersign_wire::{BadSignature, Sha256, Time};
use proptest::prelude::*;

const ROOT: [u8; 32] = [1; 32];
const GRANT: [u8; 32] = [2; 32];
const POLICY: [u8; 32] = [3; 32];

fn time(micros: i64) -> Time {
    Time::from_micros(micros).unwrap()
}

fn set(serial: u64) -> KeySet {
    let key = |id: &str, role, seed| Key {
        id: id.try_into().unwrap(),
        role,
        public_key: keys::public_of(seed),
        not_after: time(1_000),
    };
    KeySet {
        server: "server_1".try_into().unwrap(),
        serial,
        keys: vec![key("key_g", Role::Grant, &GRANT), key("key_p", Role::Policy, &POLICY)],
    }
}

fn trusted() -> TrustedKeys {
    keys::sign_set(&set(4), &ROOT).unwrap().open(&keys::public_of(&ROOT)).unwrap()
}

fn sample() -> Grant {
    Grant {
        server: "server_1".try_into().unwrap(),
        key: "key_g".try_into().unwrap(),
        computer: "computer_1".try_into().unwrap(),
        request: "req_1".try_into().unwrap(),
        account: "d.lee".try_into().unwrap(),
        user_id: Some("1000".try_into().unwrap()),
        run_as: None,
        program_sha256: Sha256::parse(&"a".repeat(64)).unwrap(),
        arguments: Arguments::Any,
        script_sha256: None,
        uses: Uses::Once,
        seconds: 60,
        issued_at: time(500),
    }
}

#[test]
fn a_grant_comes_back_as_it_was_signed() {
    let signed = grant::sign(&sample(), &GRANT).unwrap();
    let sent: SignedGrant = serde_json::from_str(&serde_json::to_string(&signed).unwrap()).unwrap();
    assert_eq!(sent.open(&trusted(), time(1_000)).unwrap(), sample());
}

#[test]
fn a_grant_of_another_key_role_time_or_server_is_refused() {
    let open = |grant: &Grant, seed, now| grant::sign(grant, seed).unwrap().open(&trusted(), time(now)).unwrap_err();
    assert_eq!(open(&sample(), &[9; 32], 0), NotOpened::Signature(BadSignature::Wrong));
    assert!(matches!(open(&sample(), &GRANT, 1_001), NotOpened::KeyEnded { .. }));
    let other = Grant { key: "key_p".try_into().unwrap(), ..sample() };
    assert!(matches!(open(&other, &POLICY, 0), NotOpened::UnknownKey(_)), "a policy key signs no grants");
    let other = Grant { server: "server_2".try_into().unwrap(), ..sample() };
    assert_eq!(open(&other, &GRANT, 0), NotOpened::Mismatch);
    let mut renamed = grant::sign(&Grant { key: "key_x".try_into().unwrap(), ..sample() }, &GRANT).unwrap();
    renamed.key_id = "key_g".try_into().unwrap();
    assert_eq!(renamed.open(&trusted(), time(0)).unwrap_err(), NotOpened::Mismatch);
}

#[test]
fn one_kind_of_document_does_not_pass_as_another() {
    let set = keys::sign_set(&set(1), &GRANT).unwrap();
    let as_grant = SignedGrant { key_id: "key_g".try_into().unwrap(), payload: set.payload, signature: set.signature };
    assert_eq!(as_grant.open(&trusted(), time(0)).unwrap_err(), NotOpened::Signature(BadSignature::Wrong));
}

#[test]
fn a_key_set_needs_the_root_key() {
    let signed = keys::sign_set(&set(4), &ROOT).unwrap();
    assert_eq!(signed.open(&keys::public_of(&ROOT)).unwrap().serial(), 4);
    assert_eq!(signed.open(&keys::public_of(&GRANT)).unwrap_err(), NotOpened::Signature(BadSignature::Wrong));
    let damaged = SignedKeySet { signature: "AAAA".try_into().unwrap(), ..signed };
    assert_eq!(damaged.open(&keys::public_of(&ROOT)).unwrap_err(), NotOpened::Signature(BadSignature::Damaged));
}

#[test]
fn a_missing_field_widens_nothing() {
    let mut grant = serde_json::to_value(sample()).unwrap();
    for field in ["arguments", "uses", "seconds", "computer", "request", "program_sha256", "account"] {
        let mut without = grant.clone();
        without.as_object_mut().unwrap().remove(field);
        assert!(serde_json::from_value::<Grant>(without).is_err(), "{field}");
    }
    grant["uses"] = "twice".into();
    assert!(serde_json::from_value::<Grant>(grant).is_err());
}

#[test]
fn argument_lists_do_not_collide() {
    let lists: [&[&str]; 6] = [&[], &[""], &["a", "b"], &["ab"], &["a b"], &["a", "", "b"]];
    let hashes: std::collections::BTreeSet<_> = lists.iter().map(|list| arguments_hash(*list)).collect();
    assert_eq!(hashes.len(), lists.len());
}

proptest! {
    #[test]
    fn any_changed_byte_is_found(at in 0_usize..10_000, bit in 0_u8..8) {
        use base64::Engine as _;
        let engine = base64::engine::general_purpose::STANDARD;
        let mut signed = grant::sign(&sample(), &GRANT).unwrap();
        let mut bytes = engine.decode(signed.payload.as_str()).unwrap();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        signed.payload = engine.encode(bytes).try_into().unwrap();
        prop_assert!(signed.open(&trusted(), time(0)).is_err());
    }
}
