//! What the examples are told: by `--name value` arguments, or by environment variables `TREFOIL_NAME`.

use std::collections::BTreeMap;

use trefoil_client::{Error, Secret};

/// Every setting that an example knows, by the name of its argument.
const NAMES: [&str; 9] = [
    "issuer",
    "client-id",
    "client-secret",
    "client-secret-file",
    "resource",
    "api",
    "allow-plain-http",
    "token-cache",
    "token-url",
];

/// Settings of an example.
pub(crate) struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Reads the environment, then the arguments, which win.
    #[expect(clippy::disallowed_methods, reason = "the one place where an example reads its environment")]
    pub(crate) fn read() -> Result<Self, Box<dyn std::error::Error>> {
        let mut found = BTreeMap::new();
        for name in NAMES {
            let variable = format!("TREFOIL_{}", name.to_ascii_uppercase().replace('-', "_"));
            if let Some(value) = std::env::var(variable).ok().filter(|value| !value.is_empty()) {
                found.insert(name.to_owned(), value);
            }
        }
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let name = argument.strip_prefix("--").filter(|name| NAMES.contains(name));
            let name =
                name.ok_or_else(|| format!("unknown argument {argument}; known: --{}", NAMES.join(" --")))?;
            let value = arguments.next().ok_or_else(|| format!("--{name} needs a value"))?;
            found.insert(name.to_owned(), value);
        }
        Ok(Self(found))
    }

    /// A setting that must be there.
    pub(crate) fn need(&self, name: &str) -> Result<&str, String> {
        let variable = name.to_ascii_uppercase().replace('-', "_");
        self.find(name).ok_or_else(|| format!("missing: --{name} VALUE (or TREFOIL_{variable})"))
    }

    /// A setting that may be there.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The client secret, from its file or as it is.
    pub(crate) fn secret(&self) -> Result<Secret, Box<dyn std::error::Error>> {
        match self.find("client-secret-file") {
            Some(path) => Ok(Secret::file(path)?),
            None => Ok(Secret::new(self.need("client-secret")?)),
        }
    }

    /// Hosts that plain http may go to, in a lab.
    pub(crate) fn plain_hosts(&self) -> impl Iterator<Item = &str> {
        let list = self.find("allow-plain-http").unwrap_or_default();
        list.split(',').map(str::trim).filter(|host| !host.is_empty())
    }
}

/// Says what went wrong, and what to do about it.
pub(crate) fn explain(error: &(dyn std::error::Error + 'static)) {
    eprintln!("error: {error}");
    if let Some(error) = error.downcast_ref::<Error>() {
        eprintln!("remedy: {:?}", error.remedy());
    }
}
