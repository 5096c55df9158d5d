//! The query of a page.

/// The values of these names, in their order; `None` if the query has another name, or one twice.
pub(super) fn values<const N: usize>(query: Option<&str>, names: [&str; N]) -> Option<[Option<String>; N]> {
    let mut values = [const { None }; N];
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let at = names.iter().position(|known| *known == name)?;
        if values[at].replace(value.into_owned()).is_some() {
            return None;
        }
    }
    Some(values)
}

/// The value of a name as bytes, where it need not be UTF-8.
pub(super) fn bytes(query: Option<&str>, name: &str) -> Option<Vec<u8>> {
    let mut pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(known, _)| *known == name)?;
    Some(percent_encoding::percent_decode_str(&value.replace('+', " ")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_need_not_be_text() {
        assert_eq!(bytes(Some("x=1&path=/%ff+%2b%3D=a"), "path").as_deref(), Some(&b"/\xff +==a"[..]));
        assert_eq!((bytes(Some("path"), "path"), bytes(None, "path")), (None, None));
    }

    #[test]
    fn each_name_may_be_there_once() {
        let read = |query| values(query, ["domain", "path"]);
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(read(None), Some([None, None]));
        assert_eq!(read(Some("path=%2Fx+y&domain=")), Some([text(""), text("/x y")]));
        assert_eq!(read(Some("domain=%ff%00")), Some([text("\u{fffd}\0"), None]), "what is no UTF-8 is no fault");
        for bad in ["x", "Domain=a", "domain=a&domain=a", "domain=a&x=b"] {
            assert_eq!(read(Some(bad)), None, "{bad}");
        }
    }
}
