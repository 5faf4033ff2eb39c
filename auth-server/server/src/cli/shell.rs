//! The command line as a whole, and what is made of it: `completions SHELL` and `man`.

use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use serde_json::json;

use super::CliError;
use super::args::Cli;
use super::output::Report;

const NAME: &str = "auth-server";

/// The command line. `add` and `update` share arguments, but an update leaves alone what is not named: it has no
/// defaults.
pub(super) fn command() -> Command {
    let without_default = |arg: Arg| match arg.get_help().map(ToString::to_string) {
        Some(help) => match help.split_once(" [default") {
            Some((before, _)) => arg.help(before.to_owned()),
            None => arg,
        },
        None => arg,
    };
    let of_group = |group: Command| group.mut_subcommand("update", |update| update.mut_args(without_default));
    Cli::command().mut_subcommand("client", of_group).mut_subcommand("resource", of_group)
}

/// The completion script of a shell.
pub(super) fn completions(shell: Shell) -> Result<Report, CliError> {
    let mut script = Vec::new();
    if shell == Shell::Bash {
        // The script of a name with a hyphen completes nothing after the first word (clap's issue 6421).
        let plain = NAME.replace('-', "_");
        clap_complete::generate(shell, &mut command(), &plain, &mut script);
        let ours = |line: &str| match line.strip_suffix(&plain).filter(|_| line.contains("complete -F")) {
            Some(start) => format!("{start}{NAME}\n"),
            None => format!("{line}\n"),
        };
        script = text(script)?.lines().map(ours).collect::<String>().into_bytes();
    } else {
        clap_complete::generate(shell, &mut command(), NAME, &mut script);
    }
    let script = text(script)?;
    Ok(Report::new(json!({ "shell": shell.to_string(), "script": script }), script))
}

/// The manual: one page, with a section for every command.
pub(super) fn man() -> Result<Report, CliError> {
    let mut page = Vec::new();
    let mut command = command();
    command.build();
    let rendered = head(&command, &mut page).and_then(|()| sections(&command, NAME, &mut page));
    rendered.map_err(|reason| CliError::new("cannot write the manual", reason.to_string()))?;
    let page = text(page)?;
    Ok(Report::new(json!({ "man": page }), page))
}

/// What stands before the commands. clap's own list of them names a page for each, and there is this one alone.
fn head(command: &Command, page: &mut Vec<u8>) -> std::io::Result<()> {
    let man = Man::new(command.clone());
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    man.render_extra_section(page)?;
    man.render_version_section(page)
}

fn sections(command: &Command, path: &str, page: &mut Vec<u8>) -> std::io::Result<()> {
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

fn text(bytes: Vec<u8>) -> Result<String, CliError> {
    String::from_utf8(bytes)
        .map_err(|_| CliError::new("the text is no UTF-8", "this is a fault of the program"))
}
