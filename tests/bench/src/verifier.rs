//! A resource-server with the public key alone, and tokens for it from a key of ours.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;
use tempfile::TempDir;
use trefoil_serve::{Clock as _, SystemClock};
use trefoil_shared::jose::Algorithm;
use trefoil_sign::SigningKey;

use crate::load::get;
use crate::process::{Server, Start};

const ISSUER: &str = "https://auth.example.com";
const AUDIENCE: &str = "api_v0.0.1";
const PATH: &str = "/api_v0.0.1";
const PROTECTED: &str = r#"{"about": "This is a protected resource"}"#;

/// What a resource-server needs, and the key that its tokens are signed with.
#[derive(Debug)]
pub(crate) struct Verifier {
    dir: TempDir,
    program: PathBuf,
    key: SigningKey,
    issued: u64,
}

impl Verifier {
    /// A key and a protected file.
    pub(crate) fn create(bin_dir: &Path) -> anyhow::Result<Self> {
        let dir = TempDir::with_prefix("trefoil-bench.")?;
        let key = SigningKey::generate(Algorithm::ES256)?;
        let verifier =
            Self { dir, program: std::path::absolute(bin_dir.join("resource-server"))?, key, issued: 0 };
        fs::write(verifier.public_key(), verifier.key.public_key().to_pem())?;
        fs::write(verifier.file(), PROTECTED)?;
        fs::create_dir(verifier.state())?;
        crate::machine::only_for_us(&verifier.state())?;
        Ok(verifier)
    }

    /// The public key's file.
    pub(crate) fn public_key(&self) -> PathBuf {
        self.dir.path().join("public.pem")
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("protected_resource.json")
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Starts `resource-server serve` with its default configuration, but for the ports.
    pub(crate) fn start(&self) -> anyhow::Result<(Server, Instant)> {
        self.prepare().spawn()
    }

    /// How to start it.
    pub(crate) fn prepare(&self) -> Start {
        let mut route = OsString::from(format!("{PATH}="));
        route.push(self.file());
        let mut arguments: Vec<OsString> =
            ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"].map(Into::into).into();
        arguments.extend(["--issuer", ISSUER, "--audience", AUDIENCE].map(OsString::from));
        arguments.extend(["--public-key".into(), self.public_key().into()]);
        arguments.extend(["--route".into(), route]);
        let environment = vec![
            ("HOME".to_owned(), self.dir.path().into()),
            ("PATH".to_owned(), std::env::var_os("PATH").unwrap_or_default()),
            ("RESOURCE_SERVER_STATE_DIR".to_owned(), self.state().into()),
        ];
        let log = self.dir.path().join("resource-server.log");
        Start { program: self.program.clone(), arguments, environment, log }
    }

    /// A request with a token that nobody has seen.
    pub(crate) fn request(&mut self) -> anyhow::Result<Vec<u8>> {
        self.issued += 1;
        let now = SystemClock.now().seconds();
        let token = self.key.sign_jwt(
            "at+jwt",
            &json!({
                "iss": ISSUER, "sub": "bench", "aud": AUDIENCE, "client_id": "bench", "scope": "read",
                "iat": now, "nbf": now, "exp": now + 3600, "jti": format!("bench-{:012}", self.issued),
            }),
        )?;
        Ok(get(PATH, &token))
    }

    /// Many such requests.
    pub(crate) fn requests(&mut self, count: usize) -> anyhow::Result<Vec<Vec<u8>>> {
        (0..count).map(|_| self.request()).collect()
    }

    /// The directory of this server, for what belongs beside it.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }
}
