//! The command line.

mod config;
mod doctor;
mod failure;
mod flags;
mod health;
mod metrics;
mod output;
mod revocations;
mod serve;
mod shell;
mod state_dir;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use failure::Failure;
use flags::SettingFlags;
use output::Output;

/// Serves files to clients that have a valid token, and checks tokens, with the issuer's public key alone.
#[derive(Debug, Parser)]
#[command(name = "resource-server", version)]
struct Cli {
    /// The configuration file [default: /etc/trefoil/resource-server.toml if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON document on stdout
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the routes
    Serve(SettingFlags),
    /// Check one token: print its claims, or the one reason why it is refused
    Verify {
        /// The token, or `-` to read it from standard input; `Bearer TOKEN` works too
        #[arg(required = true, num_args = 1..=3, value_name = "TOKEN")]
        token: Vec<String>,
        #[command(flatten)]
        settings: SettingFlags,
    },
    /// Show or check the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look for what would keep the server from serving
    Doctor(SettingFlags),
    /// Ask the running server whether it can serve: the exit code is the answer
    Health(SettingFlags),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print every setting and where it came from
    Show(SettingFlags),
    /// Check every setting without serving
    Check(SettingFlags),
}

/// What the process was started with, handed in by `main`.
#[derive(Debug)]
pub struct Surroundings {
    /// The environment's variables.
    pub env: Vec<(String, String)>,
}

/// Runs the command that the process was started with. Exit code 0: done, 1: refused or failed, 2: wrong usage.
pub async fn run(surroundings: Surroundings) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            return match output::usage(&usage) {
                Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(2)),
                Err(failure) => refuse(Output { json: false }, &failure),
            };
        }
    };
    let output = Output { json: cli.json };
    let place = Place { config: cli.config, env: surroundings.env };
    let done = match cli.command {
        Command::Serve(flags) => serve::run(&place, &flags).await,
        Command::Verify { token, settings } => verify::run(&place, &settings, (&token, output)).await,
        Command::Config(ConfigCommand::Show(flags)) => config::show(&place, &flags, output),
        Command::Config(ConfigCommand::Check(flags)) => config::check(&place, &flags, output),
        Command::Doctor(flags) => doctor::run(&place, &flags, output).await,
        Command::Health(flags) => health::run(&place, &flags, output).await,
        Command::Completions { shell } => shell::completions(shell),
        Command::Man => shell::man(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => refuse(output, &failure),
    }
}

fn refuse(output: Output, failure: &Failure) -> ExitCode {
    output.failure(failure);
    ExitCode::from(1)
}

/// Where settings are looked for, beside the flags.
#[derive(Debug)]
struct Place {
    config: Option<PathBuf>,
    env: Vec<(String, String)>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_takes_config_and_json() {
        for command in [
            &["serve"][..],
            &["verify", "-"],
            &["config", "show"],
            &["config", "check"],
            &["doctor"],
            &["health"],
            &["completions", "bash"],
            &["man"],
        ] {
            let with = ["resource-server"].iter().chain(command).chain(&["--config", "f.toml", "--json"]);
            let cli = Cli::try_parse_from(with).unwrap();
            assert!(cli.json && cli.config.is_some(), "{command:?}");
        }
    }
}
