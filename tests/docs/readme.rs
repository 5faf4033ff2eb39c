//! The README's commands, run as they stand: every block that is marked `sh lab`.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;

use crate::harness::{
    environment::{bin_dir, postgres_url, variable, workspace},
    ports,
};

pub(super) fn readme() -> String {
    fs::read_to_string(workspace().join("README.md")).expect("README.md")
}

/// The blocks with exactly this info string, in their order.
pub(super) fn blocks(text: &str, info: &str) -> Vec<String> {
    let fence = format!("```{info}\n");
    text.split(&fence).skip(1).filter_map(|rest| rest.split("\n```").next()).map(str::to_owned).collect()
}

#[test]
fn the_readme_commands_work_as_they_stand() {
    let blocks = blocks(&readme(), "sh lab");
    assert!(blocks.len() >= 6, "{} blocks", blocks.len());
    let dir = TempDir::new().expect("a private directory");
    // Free ports in the place of the two that the reader uses; everything else stays.
    let script = blocks
        .join("\n")
        .replace("127.0.0.1:8080", &format!("127.0.0.1:{}", ports::free()))
        .replace("127.0.0.1:8081", &format!("127.0.0.1:{}", ports::free()));
    let whole =
        format!("set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null' EXIT\n{script}\necho; echo the-end\n");
    let path = format!("{}:{}", bin_dir().display(), variable("PATH").unwrap_or_default());
    let output = Command::new("timeout")
        .args(["60", "bash", "-c", &whole])
        .current_dir(dir.path())
        .env_clear()
        .env("PATH", path)
        .env("HOME", dir.path())
        .env("AUTH_SERVER_ADMIN_LISTEN", "off")
        .env("RESOURCE_SERVER_ADMIN_LISTEN", "off")
        .stdin(Stdio::null())
        .output()
        .expect("bash");
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.trim_end().ends_with("the-end"), "{said}\n--- stderr\n{errors}");
    assert!(said.contains(r#"{"about": "This is a protected resource"}"#), "{said}");
    assert!(said.contains("billing"), "client list names the client: {said}");
    assert!(errors.contains("401"), "curl hears of the revocation: {errors}");
    assert!(
        errors.contains("the token was revoked") && said.contains("refused for the reason above"),
        "verify says why: {said}\n--- stderr\n{errors}"
    );
    u13_nobody_else_can_read_what_it_left(dir.path());
}

fn u13_nobody_else_can_read_what_it_left(dir: &Path) {
    // `.local` is the state of a resource-server whose home this is.
    let left = fs::read_dir(dir).expect("the directory").map(|entry| entry.expect("entry").file_name());
    let left: Vec<_> = left.filter(|name| name != ".local").collect();
    assert_eq!(left, ["quickstart"], "everything is in one directory");
    for (path, mode) in [("quickstart", 0o700), ("quickstart/client.json", 0o600), ("quickstart/auth", 0o700)]
    {
        let found = fs::metadata(dir.join(path)).expect(path).permissions().mode();
        assert_eq!(found & 0o777, mode, "{path}");
    }
}

#[test]
fn u13_git_and_the_image_ignore_what_the_quick_start_and_the_lab_leave() {
    for path in ["quickstart/client.json", "quickstart/auth/root_secret", ".lab/client.json", "public.pem"] {
        let ignored = Command::new("git")
            .args(["-c", "safe.directory=*", "check-ignore", "-q", path])
            .current_dir(workspace())
            .status();
        assert!(ignored.expect("git").success(), "git does not ignore {path}");
    }
    let image = fs::read_to_string(workspace().join(".dockerignore")).expect(".dockerignore");
    for path in ["quickstart", ".lab", "*.pem", "*.key"] {
        assert!(image.lines().any(|line| line == path), "the image would hold {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readme_roles_are_valid_sql() {
    let blocks = blocks(&readme(), "sql");
    assert_eq!(blocks.len(), 1);
    let unique = format!("readme_{}", std::process::id());
    let mut root = PgConnection::connect(&postgres_url()).await.expect("the private PostgreSQL");
    let renamed = blocks[0].replace("trefoil", &unique);
    for statement in renamed.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        root.execute(AssertSqlSafe(statement.to_owned()))
            .await
            .unwrap_or_else(|e| panic!("{statement}: {e}"));
    }
    root.execute(AssertSqlSafe(format!("DROP DATABASE {unique}"))).await.expect("dropped");
}

#[test]
fn every_file_that_the_documents_name_is_there() {
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(workspace().join(document)).expect(document);
        let words = text.split(|c: char| c.is_whitespace() || "`()[],;:".contains(c));
        for word in words.map(|word| word.trim_end_matches('.')) {
            let ours = [
                "packaging/",
                "client-sdk/",
                "resource-server/",
                "auth-server/",
                "shared/",
                "tests/",
                ".ci/",
            ];
            if ours.iter().any(|root| word.starts_with(root) && word.len() > root.len())
                && !word.contains(['*', '{', '<'])
            {
                assert!(workspace().join(word).exists(), "{document} names {word}");
            }
        }
    }
}
