//! Asking before what cannot be taken back.

use std::io::{BufRead, IsTerminal, Write};

use clap::Args;
use trefoil_serve::terminal::escaped;

use super::CliError;

/// What commands take that cannot be taken back.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct ConfirmArgs {
    /// Do it without asking: on a terminal the command asks first, anywhere else it never does
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) yes: bool,
    /// Say what would be done, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl ConfirmArgs {
    /// Asks a person at a terminal whether `what` shall be done. A script is never asked.
    pub(crate) fn confirm(self, what: &str) -> Result<(), CliError> {
        let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if self.yes || !terminal {
            return Ok(());
        }
        let mut answer = String::new();
        let asked = write!(std::io::stderr().lock(), "{}. Go on? [y/N] ", escaped(what))
            .and_then(|()| std::io::stdin().lock().read_line(&mut answer));
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" if asked.is_ok() => Ok(()),
            _ => Err(CliError::new("nothing was changed", "answer y to go on, or give --yes")),
        }
    }
}
