//! `completions SHELL` and `man`.

use std::io;

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::failure::Failure;
use super::{Cli, output};

const NAME: &str = "resource-server";

/// Prints the completion script of a shell.
pub(super) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    if shell == Shell::Bash {
        // The script of a name with a hyphen completes nothing after the first word (clap's issue 6421).
        let plain = NAME.replace('-', "_");
        clap_complete::generate(shell, &mut Cli::command(), &plain, &mut script);
        let ours = |line: &str| match line.strip_suffix(&plain).filter(|_| line.contains("complete -F")) {
            Some(start) => format!("{start}{NAME}\n"),
            None => format!("{line}\n"),
        };
        script = String::from_utf8_lossy(&script).lines().map(ours).collect::<String>().into_bytes();
    } else {
        clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
    }
    output::bytes(&script)
}

/// Prints the manual: one page, with a section for every command.
pub(super) fn man() -> Result<(), Failure> {
    let mut page = Vec::new();
    let mut command = Cli::command();
    command.build();
    head(&command, &mut page)
        .and_then(|()| sections(&command, NAME, &mut page))
        .map_err(|e| Failure::new(format!("man: {e}")))?;
    output::bytes(&page)
}

/// What stands before the commands. clap's own list of them names a page for each, and there is this one alone.
fn head(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let man = Man::new(command.clone());
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    man.render_version_section(page)
}

fn sections(command: &Command, path: &str, page: &mut Vec<u8>) -> io::Result<()> {
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let path = format!("{path} {}", sub.get_name());
        if sub.has_subcommands() {
            sections(sub, &path, page)?;
            continue;
        }
        let mut heading = Roff::new();
        heading.control("SH", [path.to_uppercase().as_str()]);
        heading.text([roman(sub.get_about().map(ToString::to_string).unwrap_or_default())]);
        heading.to_writer(page)?;
        let man = Man::new(sub.clone());
        man.render_synopsis_section(page)?;
        man.render_options_section(page)?;
    }
    Ok(())
}
