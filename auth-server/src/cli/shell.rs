//! `completions SHELL` and `man`.

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;
use serde_json::json;

use super::CliError;
use super::args::Cli;
use super::output::Report;

const NAME: &str = "auth-server";

/// The completion script of a shell.
pub(super) fn completions(shell: Shell) -> Result<Report, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
    let script = text(script)?;
    Ok(Report::new(json!({ "shell": shell.to_string(), "script": script }), script))
}

/// The manual: one page, with a section for every command.
pub(super) fn man() -> Result<Report, CliError> {
    let mut page = Vec::new();
    let mut command = Cli::command();
    command.build();
    let rendered =
        Man::new(command.clone()).render(&mut page).and_then(|()| sections(&command, NAME, &mut page));
    rendered.map_err(|reason| CliError::new("cannot write the manual", reason.to_string()))?;
    let page = text(page)?;
    Ok(Report::new(json!({ "man": page }), page))
}

fn sections(command: &clap::Command, path: &str, page: &mut Vec<u8>) -> std::io::Result<()> {
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let path = format!("{path} {}", sub.get_name());
        if sub.has_subcommands() {
            sections(sub, &path, page)?;
            continue;
        }
        page.extend_from_slice(format!(".SH \"{}\"\n", path.to_uppercase()).as_bytes());
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        // A leading dot or quote would be a request of roff.
        page.extend_from_slice(format!("\\&{about}\n").as_bytes());
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
