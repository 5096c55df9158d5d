//! Host names: as requests send them, and as a mapping writes them.

use nameplate_core::domain::host::{BadRequestHost, Host, HostBuffer, MAX_HOST, MAX_LABEL, normalize};

/// The same name, however it is read: once, twice, with a port, in upper case, or from a mapping.
pub fn host(input: &[u8]) {
    let mut buffer = HostBuffer::default();
    match normalize(input, &mut buffer) {
        Ok(name) => sent(input, name),
        Err(BadRequestHost::Missing) => assert!(input.is_empty(), "only no host at all is missing"),
        Err(BadRequestHost::Malformed) => {}
    }
    if let Ok(text) = std::str::from_utf8(input)
        && let Ok(name) = Host::parse(text)
    {
        written(text, &name);
    }
}

/// A host that a request sent, and what it is looked up as.
fn sent(raw: &[u8], name: &str) {
    assert!((1..=MAX_HOST).contains(&name.len()), "{} bytes", name.len());
    let literal = name.starts_with('[');
    for byte in name.bytes() {
        let plain = byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
        assert!(plain || literal && matches!(byte, b'[' | b']' | b':'), "byte {byte:#04x} in {name:?}");
    }
    assert!(!name.ends_with('.') && !name.starts_with('.') && (literal || !name.contains("..")), "{name:?}");
    assert!(raw.to_ascii_lowercase().starts_with(name.as_bytes()), "{name:?} is not what was sent");
    for again in [name.to_owned(), format!("{name}:443"), format!("{}:", name.to_ascii_uppercase())] {
        assert_eq!(normalize(again.as_bytes(), &mut HostBuffer::default()), Ok(name), "{again:?}");
    }
    if !literal {
        let dotted = format!("{name}.");
        assert_eq!(normalize(dotted.as_bytes(), &mut HostBuffer::default()), Ok(name), "{dotted:?}");
    }
}

/// A name that a mapping may write, and what its entry is found by.
fn written(text: &str, name: &Host) {
    let name_text = name.as_str();
    assert!((1..=MAX_HOST).contains(&name_text.len()), "{name_text:?}");
    assert_eq!(Host::parse(name_text).as_ref(), Ok(name), "{text:?}");
    assert_eq!(name.wildcard_parent().is_some(), name_text.starts_with("*."));
    let labels = name.wildcard_parent().unwrap_or(name_text);
    for (at, label) in labels.split('.').enumerate() {
        assert!((1..=MAX_LABEL).contains(&label.len()), "{name_text:?}");
        // Only a wildcard's certificate names an underscore, and it does so in the first label.
        let underscore = at == 0 && name.wildcard_parent().is_none();
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || underscore && b == b'_';
        assert!(label.bytes().all(plain), "{name_text:?}");
    }
    // What a mapping takes, requests can ask for.
    assert_eq!(normalize(labels.as_bytes(), &mut HostBuffer::default()), Ok(labels), "{text:?}");
}
