//! The signature base: a line for each component, and one for the parameters (RFC 9421 §2.5).

use super::MessageSignatureError;

/// A request as it is signed. The texts are those of the wire, byte for byte.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// The method.
    pub method: &'a str,
    /// `http` or `https`, as clients reach the server.
    pub scheme: &'a str,
    /// The `Host` value, or `:authority`, as sent.
    pub authority: &'a str,
    /// Path and query as sent.
    pub target: &'a str,
    /// The lines of a header, by its name in lower case; nothing if it was not sent.
    pub lines: &'a dyn Fn(&str) -> Vec<&'a str>,
}

impl std::fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { method, scheme, authority, target, .. } = self;
        write!(f, "Message({method} {scheme}://{authority}{target})")
    }
}

/// Writes the base. A component that is not there, or of a kind that is not taken, is an error; so is a line break
/// inside one, which HTTP forbids and which would let two requests have the same bytes.
pub(super) fn write(
    components: &[String],
    params: &str,
    message: &Message<'_>,
) -> Result<Vec<u8>, MessageSignatureError> {
    let mut base = String::new();
    for name in components {
        let value = value(name, message).filter(|value| !value.contains(['\n', '\r']));
        let value = value.ok_or_else(|| MessageSignatureError::Component(name.clone()))?;
        base.push_str(&format_line(name, &value));
    }
    base.push_str("\"@signature-params\": ");
    base.push_str(params);
    Ok(base.into_bytes())
}

fn format_line(name: &str, value: &str) -> String {
    format!("\"{name}\": {value}\n")
}

/// The value of a component (RFC 9421 §2.1, §2.2).
fn value(name: &str, message: &Message<'_>) -> Option<String> {
    let Message { method, scheme, authority, target, lines } = message;
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        // A target without one has an empty one (§2.2.7).
        None => (*target, "?".to_owned()),
    };
    Some(match name {
        "@method" => (*method).to_owned(),
        "@target-uri" => format!("{scheme}://{authority}{target}"),
        "@authority" => normal_authority(scheme, authority),
        "@scheme" => scheme.to_ascii_lowercase(),
        "@request-target" => (*target).to_owned(),
        "@path" if path.is_empty() => "/".to_owned(),
        "@path" => path.to_owned(),
        "@query" => query,
        _ if !is_field_name(name) => return None,
        _ => {
            let lines = lines(name);
            if lines.is_empty() {
                return None;
            }
            let trimmed: Vec<_> = lines.iter().map(|line| line.trim_matches([' ', '\t'])).collect();
            trimmed.join(", ")
        }
    })
}

/// In lower case, without the port that the scheme has anyway (RFC 9421 §2.2.3).
fn normal_authority(scheme: &str, authority: &str) -> String {
    let authority = authority.to_ascii_lowercase();
    let usual = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    authority.strip_suffix(usual).map(str::to_owned).unwrap_or(authority)
}

/// A header's name in lower case (RFC 9110 §5.1).
fn is_field_name(name: &str) -> bool {
    let is_token = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte)
    };
    !name.is_empty() && name.bytes().all(is_token)
}
