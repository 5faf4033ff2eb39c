//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Measures auth-server and resource-server as ratios to a limit that is measured in the same run.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// What to do instead of measuring.
    #[command(subcommand)]
    pub(crate) mode: Option<Mode>,
    /// Short runs: seconds instead of minutes, and 100,000 clients at most.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only these sections; all of them where none is named.
    #[arg(long, value_enum)]
    pub(crate) only: Vec<Section>,
    /// Seconds that one measurement takes (default 3, with --quick 1).
    #[arg(long)]
    pub(crate) seconds: Option<f64>,
    /// Rounds: limit and server take turns this often, the medians count (default 5, with --quick 3).
    #[arg(long)]
    pub(crate) rounds: Option<usize>,
    /// The folder of the release binaries.
    #[arg(long, default_value = "target/release")]
    pub(crate) bin_dir: PathBuf,
    /// Where the rows are written as JSON.
    #[arg(long, default_value = "target/bench.json")]
    pub(crate) json: PathBuf,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Section {
    /// `POST /token` on both databases.
    Tokens,
    /// A protected GET, cached and with new tokens.
    Resource,
    /// Start to first token, and idle memory.
    Start,
    /// TLS 1.3, on kept and on new connections.
    Tls,
    /// Many clients in the registry, and many unknown ids.
    Growth,
    /// A long list of revoked tokens, and the time until a revoked one is refused.
    Revocation,
    /// Millions of revoked tokens of many clients.
    Soak,
    /// Codes, refresh tokens, and `/authorize` with a login session.
    People,
}

impl Section {
    /// What is said of it while it runs.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Tokens => "POST /token, client_credentials",
            Self::Resource => "A protected GET",
            Self::Start => "Start and idle memory",
            Self::Tls => "TLS 1.3",
            Self::Growth => "Growth",
            Self::Revocation => "Revocation",
            Self::Soak => "Millions of revoked tokens",
            Self::People => "Sign-ins of people",
        }
    }
}

/// What the program does beside measuring.
#[derive(Debug, Subcommand)]
pub(crate) enum Mode {
    /// The limit server, which the program starts by itself.
    #[command(hide = true)]
    Limit(Limit),
    /// Counts a server's instructions under valgrind, beside its limit's.
    Profile(Profile),
}

/// What is counted.
#[derive(Clone, Debug, Args)]
pub(crate) struct Profile {
    /// The kind of request.
    #[arg(value_enum)]
    pub(crate) subject: Subject,
    /// The algorithm of tokens that are asked for.
    #[arg(long, default_value = "ES256")]
    pub(crate) algorithm: String,
    /// How many requests are counted.
    #[arg(long, default_value_t = 2000)]
    pub(crate) requests: usize,
    /// How many functions are listed.
    #[arg(long, default_value_t = 30)]
    pub(crate) rows: usize,
}

/// The kinds of requests that a profile knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Subject {
    /// `POST /token`, on PostgreSQL.
    Token,
    /// A protected GET, always with the same token.
    ResourceCached,
    /// A protected GET, each with a new token.
    ResourceNew,
}

/// What a limit server does for each request.
#[derive(Clone, Debug, Args)]
pub(crate) struct Limit {
    /// An answer of the server that stands beside this limit, as it came over the wire.
    #[arg(long)]
    pub(crate) sample: PathBuf,
    /// Sign the access token of the sample anew under this algorithm.
    #[arg(long)]
    pub(crate) sign: Option<String>,
    /// Verify the bearer token of each request with this PEM file's key.
    #[arg(long)]
    pub(crate) verify: Option<PathBuf>,
    /// Run statements on this database for each request.
    #[arg(long)]
    pub(crate) database: Option<String>,
    /// So many reads of a row by its key.
    #[arg(long, default_value_t = 0)]
    pub(crate) reads: usize,
    /// What is written after that.
    #[arg(long, value_enum, default_value = "none")]
    pub(crate) write: Write,
    /// Serve TLS with this certificate and the key in the file beside it.
    #[arg(long, requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's key.
    #[arg(long)]
    pub(crate) tls_key: Option<PathBuf>,
}

/// What a limit writes for each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Write {
    /// Nothing.
    None,
    /// A new row.
    Insert,
    /// Another state of a row.
    Update,
}

impl Arguments {
    /// Seconds of one measurement.
    pub(crate) fn seconds(&self) -> f64 {
        self.seconds.unwrap_or(if self.quick { 1.0 } else { 3.0 })
    }

    /// How often limit and server take turns.
    pub(crate) fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 3 } else { 5 }).max(1)
    }

    /// Whether a section was asked for.
    pub(crate) fn has(&self, section: Section) -> bool {
        self.only.is_empty() || self.only.contains(&section)
    }
}
