//! What the process finds around it: the environment variables and the working directory.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// A snapshot of the environment, taken once at the start, so that the rules are functions of their arguments.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    variables: BTreeMap<String, String>,
}

impl Surroundings {
    /// The variables of this process.
    pub fn of_this_process() -> Self {
        trefoil_serve::config::process_environment(super::PREFIX).into_iter().collect()
    }

    /// The value of a variable; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// All variables, in the order of their names.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The directory for state where the configuration names none: `$STATE_DIRECTORY` (systemd; its first path),
    /// else `auth-server` in the XDG state directory (decision 33). `None` where there is no home either.
    pub fn state_dir(&self) -> Option<PathBuf> {
        if let Some(paths) = self.get("STATE_DIRECTORY") {
            return paths.split(':').next().map(PathBuf::from);
        }
        let xdg = self.get("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let base = xdg.or_else(|| self.get("HOME").map(|home| PathBuf::from(home).join(".local/state")));
        base.map(|base| base.join("auth-server"))
    }
}

impl FromIterator<(String, String)> for Surroundings {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self { variables: pairs.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(pairs: &[(&str, &str)]) -> Option<PathBuf> {
        let owned = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        owned.collect::<Surroundings>().state_dir()
    }

    #[test]
    fn d33_the_state_directory_is_systemds_else_xdgs_else_the_homes() {
        let home = ("HOME", "/home/ann");
        let xdg = ("XDG_STATE_HOME", "/state");
        let systemd = ("STATE_DIRECTORY", "/var/lib/trefoil:/var/lib/other");
        assert_eq!(around(&[home]), Some("/home/ann/.local/state/auth-server".into()));
        assert_eq!(around(&[home, xdg]), Some("/state/auth-server".into()));
        assert_eq!(around(&[home, xdg, systemd]), Some("/var/lib/trefoil".into()));
        assert_eq!(around(&[("XDG_STATE_HOME", "relative"), home]), around(&[home]));
        assert_eq!(around(&[]), None);
    }
}
