//! The forms of keys and values that the tables have in common.

use std::time::Duration;

use crate::settings::endpoint::CLOSED_BY_API_GATEWAY;
use crate::settings::kind::{Key, Keys, List, MILLISECOND, SOME_TIME, Scalar, TIME_OR_NONE, Text, Value};
use crate::settings::problem::Wrong;
use crate::settings::values::{LONGEST, Network};

/// A key with a default.
pub(super) const fn key(name: &'static str, value: Value, default: &'static str, doc: &'static str) -> Key {
    Key { name, value, default: Some(default), doc, why: None }
}

/// A key whose default is nothing, or the machine's own.
pub(super) const fn optional(name: &'static str, value: Value, doc: &'static str) -> Key {
    Key { name, value, default: None, doc, why: None }
}

/// The same key, with the reason for its limits.
pub(super) const fn because(why: &'static str, key: Key) -> Key {
    Key { name: key.name, why: Some(why), ..key }
}

/// Keys that may all be left out.
pub(super) const fn keys(name: &'static str, keys: &'static [Key]) -> Keys {
    Keys { name, keys, required: &[], together: None }
}

pub(super) const FLAG: Value = Value::One(Scalar::Flag);
pub(super) const SOME: Value = Value::One(SOME_TIME);
pub(super) const SOME_OR_NONE: Value = Value::One(TIME_OR_NONE);
pub(super) const AT_LEAST_ONE: Value = number(1, u32::MAX as u64);

pub(super) const fn number(least: u64, most: u64) -> Value {
    Value::One(Scalar::Integer { least, most })
}

pub(super) const fn size(least: u64, most: u64) -> Value {
    Value::One(Scalar::Size { least, most })
}

pub(super) const fn text(text: Text) -> Value {
    Value::One(Scalar::Text(text))
}

/// An IP address and a port, as a pattern: what is wrong with numbers is left to the program.
pub(super) const ADDRESS: Option<&str> = Some(r"^([0-9.]+|\[[0-9A-Fa-f:.%]+\]):[0-9]{1,5}$");

pub(super) const PATH: Text =
    Text { called: "a path", example: "/etc/nameplate/ca.pem", pattern: Some("^.+$"), check: not_empty };

pub(super) const PATH_OR_NONE: Text =
    Text { called: "a path", example: "/var/cache/nameplate", pattern: None, check: |_| Ok(()) };

pub(super) const NETWORKS: Value = Value::List(NETWORK_LIST);

pub(super) const NETWORK_LIST: List = List { item: &NETWORK, at_least_one: None, example: "[10.0.0.0/16]" };

pub(super) const NETWORK: Value = text(Text {
    called: "an IP network",
    example: "10.0.0.0/16",
    pattern: Some("^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"),
    check: |text| said(text.parse::<Network>()),
});

/// What a type's own reading says.
pub(super) fn said<T>(read: Result<T, String>) -> Result<(), Wrong> {
    read.map(|_| ()).map_err(|said| Wrong::of(&said, "write it as conf/nameplate.yaml shows"))
}

pub(super) fn not_empty(text: &str) -> Result<(), Wrong> {
    let help = "write a path, absolute or from the folder of the settings file; or delete the key";
    if text.is_empty() { Err(Wrong::new("it is empty", help)) } else { Ok(()) }
}

/// Checks that an interval of looking at addresses is not far too short.
pub(super) const CHECKS: Value =
    Value::One(Scalar::Duration { zero: true, least: Duration::from_secs(1), most: LONGEST });

/// How long connections are kept: less than API Gateway keeps them.
pub(super) const BEFORE_API_GATEWAY: Value = Value::One(Scalar::Duration {
    zero: true,
    least: MILLISECOND,
    most: Duration::from_secs(CLOSED_BY_API_GATEWAY.as_secs() - 1),
});
