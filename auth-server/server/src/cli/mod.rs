//! The command line: one file for each group of commands, one report or one error for each command.

mod args;
mod audit;
mod changes;
mod claims;
mod client;
mod config;
mod confirm;
mod context;
mod db;
mod doctor;
mod error;
mod health;
mod import;
mod input;
mod key;
mod output;
mod owner;
mod refused;
mod resource;
mod roles;
mod serve;
mod shell;
mod store_error;
mod table;
mod token;
mod user;
mod when;

use std::process::ExitCode;

use clap::FromArgMatches;
use serde_json::json;

use crate::config::{self as settings, LoadedSettings, Sources, Surroundings};
use args::{Cli, Command, Global};
use config::ConfigCommand;
use context::Context;
use output::{Report, note, print_json};

pub use error::CliError;

/// Reads the command line and the environment, does what is asked, and returns the exit code: 0 done, 1 refused or
/// failed, 2 wrong usage.
pub fn main() -> ExitCode {
    let cli = match shell::command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(usage) => {
            return match output::print_usage(&usage) {
                Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(2)),
                Err(error) => refuse(&error, false),
            };
        }
    };
    trefoil_serve::install_crypto_provider();
    let json = cli.global.json;
    let planned = plan(cli, &Surroundings::of_this_process());
    match planned.and_then(run) {
        Ok(Some(report)) => match report.print(json) {
            Ok(()) => ExitCode::from(report.exit_code),
            // There is nowhere to print a document to.
            Err(error) => refuse(&error, false),
        },
        Ok(None) => ExitCode::SUCCESS,
        Err(error) => refuse(&error, json),
    }
}

fn refuse(error: &CliError, json: bool) -> ExitCode {
    if json {
        // The exit code says the same.
        let _lost = print_json(&json!({ "error": error.to_string() }));
    }
    trefoil_serve::telemetry::write_error(&error.to_string());
    ExitCode::from(error.exit_code())
}

/// What is to be done, once the command line, the environment and the configuration are read.
enum Planned {
    Serve(Box<LoadedSettings>),
    Command(Command, Box<Context>),
    Done(Report),
}

/// Needs no runtime, and goes before any thread: [`owner::act_as`] must.
fn plan(cli: Cli, around: &Surroundings) -> Result<Planned, CliError> {
    let command = cli.command;
    if let Command::Serve(args) = command {
        return load(&cli.global, args.flags(), around).map(|loaded| Planned::Serve(Box::new(loaded)));
    }
    // These two need no configuration, and must not fail on a broken one.
    if let Command::Completions { shell } = command {
        return shell::completions(shell).map(Planned::Done);
    }
    if matches!(command, Command::Man) {
        return shell::man().map(Planned::Done);
    }
    let loaded = match load(&cli.global, Vec::new(), around) {
        Err(problem) if matches!(command, Command::Config(ConfigCommand::Check)) => {
            return Ok(Planned::Done(config::unreadable(&problem)));
        }
        Err(problem) if matches!(command, Command::Doctor) => {
            return Ok(Planned::Done(doctor::unreadable(&problem)));
        }
        loaded => loaded?,
    };
    Ok(Planned::Command(command, Box::new(Context::new(loaded, around))))
}

fn run(planned: Planned) -> Result<Option<Report>, CliError> {
    match &planned {
        Planned::Serve(loaded) => owner::act_as(&loaded.settings, &loaded.settings.database)?,
        Planned::Command(Command::Config(_) | Command::Health, _) | Planned::Done(_) => {}
        Planned::Command(_, cx) => owner::act_as(cx.settings(), &cx.settings().database.as_admin())?,
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|reason| CliError::new(format!("no runtime: {reason}"), "is there memory left?"))?;
    runtime.block_on(async {
        match planned {
            Planned::Serve(loaded) => serve::run(*loaded).await.map(|()| None),
            Planned::Command(command, cx) => answer(command, &cx).await.map(Some),
            Planned::Done(report) => Ok(Some(report)),
        }
    })
}

async fn answer(command: Command, cx: &Context) -> Result<Report, CliError> {
    if !matches!(command, Command::Config(ConfigCommand::Check) | Command::Doctor) {
        for warning in cx.loaded.warnings.iter().chain(&cx.loaded.notices) {
            note(&format!("warning: {warning}"));
        }
    }
    dispatch(command, cx).await
}

fn load(
    global: &Global,
    mut flags: Vec<(&'static str, Option<String>)>,
    around: &Surroundings,
) -> Result<LoadedSettings, CliError> {
    flags.push(("data_dir", global.data_dir.as_ref().map(|path| path.display().to_string())));
    flags.push(("database.url", global.database.clone()));
    settings::load(Sources { file: global.config.clone(), flags }, around)
        .map_err(|error| CliError::new("configuration", error.to_string()))
}

async fn dispatch(command: Command, cx: &Context) -> Result<Report, CliError> {
    match command {
        Command::Db(command) => db::run(command, cx).await,
        Command::Key(command) => key::run(command, cx).await,
        Command::Resource(command) => resource::run(command, cx).await,
        Command::Client(command) => client::run(*command, cx).await,
        Command::User(command) => user::run(command, cx).await,
        Command::Token(command) => token::run(command, cx).await,
        Command::Claims(command) => claims::run(command, cx).await,
        Command::Import(command) => import::run(command, cx).await,
        Command::Audit(command) => audit::run(command, cx).await,
        Command::Config(command) => Ok(config::run(&command, cx)),
        Command::Doctor => Ok(doctor::run(cx).await),
        Command::Health => health::run(cx.settings()).await,
        // Taken care of before there is a context.
        Command::Completions { shell } => shell::completions(shell),
        Command::Man => shell::man(),
        Command::Serve(_) => Err(CliError::new("serve", "this is a fault of the program")),
    }
}
