//! What commands read beside their arguments: files, and standard input for `-`.

use std::io::Read;
use std::path::Path;

use trefoil_shared::Secret;
use zeroize::Zeroizing;

use super::CliError;

const MAX_BYTES: u64 = 1 << 20;

/// The bytes of a file, or of standard input for `-`; at most 1 MiB.
pub(crate) fn bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let mut read = Zeroizing::new(Vec::new());
    let outcome = if path == Path::new("-") {
        std::io::stdin().lock().take(MAX_BYTES).read_to_end(&mut read)
    } else {
        // Who runs the command may read it, not the owner of the data directory.
        let opened = trefoil_disk::as_caller(|| std::fs::File::open(path));
        opened.and_then(|file| file.take(MAX_BYTES).read_to_end(&mut read))
    };
    outcome.map_err(|reason| {
        CliError::new(
            format!("cannot read {}", path.display()),
            format!("{reason}; name a file that you may read"),
        )
    })?;
    Ok(read)
}

/// The text of a file or of standard input, without the line end that editors and `echo` leave behind it.
pub(crate) fn text(path: &Path) -> Result<Secret, CliError> {
    let read = bytes(path)?;
    let text = std::str::from_utf8(&read)
        .map_err(|_| CliError::new(format!("{} is no text", path.display()), "it must be UTF-8"))?;
    Ok(Secret::new(text.trim_end_matches(['\n', '\r'])))
}

/// A value from the command line; `-` stands for standard input (decision 26).
pub(crate) fn value(given: &str) -> Result<Secret, CliError> {
    if given == "-" { text(Path::new("-")) } else { Ok(Secret::new(given)) }
}

/// A token as it was pasted: it may stand in quotes, and behind `Bearer` or the name of the whole header.
pub(crate) fn token(given: &str) -> Result<Secret, CliError> {
    let pasted = value(given)?;
    let outside = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
    let mut token = pasted.reveal().trim_matches(outside);
    for prefix in ["authorization:", "bearer "] {
        if token.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)) {
            token = token.get(prefix.len()..).unwrap_or_default().trim_matches(outside);
        }
    }
    Ok(Secret::new(token))
}

/// The fewest characters of a secret that an operator brings (decision 6).
const MIN_SECRET: usize = 32;

/// What to say of an id and a secret that are not the same after form-decoding: curl and many libraries put them into
/// Basic as they are, against RFC 6749 section 2.3.1.
pub(crate) fn basic_warning(client_id: &str, secret: &str) -> Option<String> {
    let found = |text: &str, odd: &[char]| text.chars().find(|c| odd.contains(c));
    let (what, odd) = found(client_id, &['+', '%', ':'])
        .map(|odd| ("client_id", odd))
        .or_else(|| found(secret, &['+', '%']).map(|odd| ("secret", odd)))?;
    Some(format!(
        "warning: the {what} has a {odd} in it: clients that send it in Basic without form-encoding it (curl -u, many \
         Python libraries) are refused; they must send %{:02X} (RFC 6749 section 2.3.1), or use client_secret_post",
        u32::from(odd)
    ))
}

/// A client secret that the operator chose, from a file or standard input.
pub(crate) fn client_secret(path: &Path) -> Result<Secret, CliError> {
    let secret = text(path)?;
    let length = secret.reveal().chars().count();
    if length < MIN_SECRET {
        return Err(CliError::new(
            format!("the secret in {} has {length} characters", path.display()),
            format!("bring at least {MIN_SECRET}, or leave --secret-file out and one is generated"),
        ));
    }
    // RFC 6749 appendix A.2: client-secret is VSCHAR.
    if !secret.reveal().bytes().all(|b| (0x20..=0x7e).contains(&b)) || length > 1024 {
        return Err(CliError::new(
            format!("the secret in {} cannot be sent", path.display()),
            "use up to 1024 printable ASCII characters on one line",
        ));
    }
    Ok(secret)
}
