//! Cases 135 and 136: token files, within one process.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use trefoil_client::{ClientCredentials, ErrorKind, FileStore, MemoryStore, TokenStore as _};

use crate::mock::clock::HandClock;
use crate::mock::{Answer, Mock, private_dir};

fn counting() -> Mock {
    Mock::authorization_server(|seen| Answer::token(&format!("t{}", seen.before)))
}

fn request(server: &Mock) -> ClientCredentials {
    server.client().build().unwrap().client_credentials().resource("r")
}

async fn through(server: &Mock, store: &FileStore) -> String {
    request(server).cached().store(store.clone()).token().await.unwrap().access_token().reveal().to_owned()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.to_str().unwrap().ends_with(ending)).collect()
}

#[tokio::test]
async fn a135_a_token_file_is_0600_in_a_directory_of_0700_and_nothing_is_left_beside_it() {
    let server = counting();
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("a/tokens");
    through(&server, &FileStore::new(&dir).unwrap()).await;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&root.path().join("a")), 0o700);
    let kept = files(&dir, ".json");
    assert_eq!(kept.len(), 1);
    assert_eq!(mode(&kept[0]), 0o600);
    assert_eq!(mode(&files(&dir, ".lock")[0]), 0o600);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 2, "no temporary file is left");
}

#[tokio::test]
async fn a135_a_wider_file_becomes_0600_when_it_is_replaced() {
    let server = counting();
    let dir = private_dir();
    let store = FileStore::new(dir.path()).unwrap();
    through(&server, &store).await;
    let file = files(dir.path(), ".json").remove(0);
    fs::write(&file, "{").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    through(&server, &store).await;
    assert_eq!(mode(&file), 0o600);
}

#[test]
fn a135_a_directory_that_others_may_enter_is_refused_with_the_command_to_run() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let error = FileStore::new(dir.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.to_string().contains("chmod 700"), "{error}");
}

#[tokio::test]
async fn a135_a_symbolic_link_is_neither_read_nor_written_and_the_call_goes_on() {
    let server = counting();
    let root = tempfile::tempdir().unwrap();
    let store = FileStore::new(root.path().join("tokens")).unwrap();
    assert_eq!(through(&server, &store).await, "t0");
    let file = files(&root.path().join("tokens"), ".json").remove(0);
    let target = root.path().join("elsewhere");
    fs::rename(&file, &target).unwrap();
    let before = fs::read(&target).unwrap();
    symlink(&target, &file).unwrap();
    assert_eq!(through(&server, &store).await, "t1", "the token behind the link is not used");
    assert_eq!(fs::read(&target).unwrap(), before, "nothing is written through the link");
    assert!(fs::symlink_metadata(&file).unwrap().is_symlink());
}

#[test]
fn a135_a_linked_directory_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("true");
    FileStore::new(&dir).unwrap();
    symlink(&dir, root.path().join("link")).unwrap();
    assert_eq!(FileStore::new(root.path().join("link")).unwrap_err().kind(), ErrorKind::Store);
}

#[tokio::test]
async fn sessions_that_ask_for_the_same_share_a_file_and_others_do_not() {
    let server = counting();
    let dir = private_dir();
    let store = FileStore::new(dir.path()).unwrap();
    assert_eq!(through(&server, &store).await, "t0");
    assert_eq!(through(&server, &store).await, "t0");
    let others = [
        request(&server).resource("r2"),
        request(&server).scopes(["read"]),
        request(&server).param("a", "1"),
        server.client().issuer("https://other.example").build().unwrap().client_credentials().resource("r"),
    ];
    for (number, other) in others.into_iter().enumerate() {
        let token = other.cached().store(store.clone()).token().await.unwrap();
        assert_eq!(token.access_token().reveal(), format!("t{}", number + 1));
    }
    assert_eq!(files(dir.path(), ".json").len(), 5);
}

#[tokio::test]
async fn a134_a_token_of_one_issuer_is_never_used_at_another() {
    let (one, two) = (counting(), Mock::authorization_server(|_| Answer::token("foreign")));
    let dir = private_dir();
    let store = FileStore::new(dir.path()).unwrap();
    assert_eq!(through(&one, &store).await, "t0");
    assert_eq!(through(&two, &store).await, "foreign");
}

#[tokio::test]
async fn an_error_answer_is_never_stored() {
    let server = Mock::authorization_server(|_| {
        Answer::json(200, &json!({"error": {"message": "m", "type": "invalid_client", "code": 400}}))
    });
    let dir = private_dir();
    for store in [FileStore::new(dir.path()).unwrap(), FileStore::steelcut_compat(dir.path()).unwrap()] {
        request(&server).cached().store(store).token().await.unwrap_err();
    }
    assert_eq!(files(dir.path(), ".json"), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_corrupt_file_is_put_aside_and_the_token_asked_for_anew() {
    let server = counting();
    let dir = private_dir();
    let store = FileStore::new(dir.path()).unwrap();
    through(&server, &store).await;
    let file = files(dir.path(), ".json").remove(0);
    fs::write(&file, b"\xff{half").unwrap();
    assert_eq!(through(&server, &store).await, "t1");
    assert_eq!(fs::read(&files(dir.path(), ".corrupt")[0]).unwrap(), b"\xff{half");
    assert_eq!(through(&server, &store).await, "t1");
}

#[tokio::test]
async fn a_stored_token_that_has_ended_or_was_refused_is_not_used() {
    let server = counting();
    let dir = private_dir();
    let store = FileStore::new(dir.path()).unwrap();
    let clock = HandClock::at(1_000);
    let client = server.client().clock(clock.clone()).build().unwrap();
    let session = || client.client_credentials().cached().store(store.clone());
    let first = session();
    let token = first.token().await.unwrap();
    first.invalidate(token.generation());
    assert_eq!(first.token().await.unwrap().access_token().reveal(), "t1");
    clock.advance(3600);
    assert_eq!(session().token().await.unwrap().access_token().reveal(), "t2");
}

#[tokio::test]
async fn sessions_on_one_memory_store_make_one_request() {
    let server = counting();
    let store = MemoryStore::new();
    let sessions: Vec<_> = (0..8).map(|_| request(&server).cached().store(store.clone())).collect();
    let tasks: Vec<_> = sessions.into_iter().map(|s| tokio::spawn(async move { s.token().await })).collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap().access_token().reveal(), "t0");
    }
    assert_eq!(server.seen("/token").len(), 1);
}

#[tokio::test]
async fn a136_sessions_on_one_file_store_make_one_request() {
    let server = counting();
    let dir = private_dir();
    let store = FileStore::new(dir.path()).unwrap();
    let sessions: Vec<_> = (0..8).map(|_| request(&server).cached().store(store.clone())).collect();
    let tasks: Vec<_> = sessions.into_iter().map(|s| tokio::spawn(async move { s.token().await })).collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap().access_token().reveal(), "t0");
    }
    assert_eq!(server.seen("/token").len(), 1);
}

#[tokio::test]
async fn a_lock_is_waited_for_and_given_up_in_time() {
    let server = counting();
    let dir = private_dir();
    let store = FileStore::new(dir.path()).unwrap();
    let session = request(&server).cached();
    let key = session.key();
    let held = store.lock(key, Duration::ZERO).await.unwrap();
    assert!(held.is_some());
    assert!(store.lock(key, Duration::from_millis(50)).await.unwrap().is_none());
    drop(held);
    assert!(store.lock(key, Duration::ZERO).await.unwrap().is_some());
    store.remove(key).await.unwrap();
}

#[tokio::test]
async fn steelcut_reads_our_token_file_and_another_clients_is_not_used() {
    let server = counting();
    let dir = private_dir();
    let store = FileStore::steelcut_compat(dir.path()).unwrap();
    assert_eq!(through(&server, &store).await, "t0");
    assert_eq!(through(&server, &store).await, "t0");
    let path = dir.path().join("token.json");
    let file: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!((&file["access_token"], &file["token_type"]), (&json!("t0"), &json!("Bearer")));
    assert!(file["expires_on"].is_i64());
    assert_eq!(mode(&path), 0o600);
    let other = request(&server).resource("other").cached().store(store.clone());
    assert_eq!(other.token().await.unwrap().access_token().reveal(), "t1");
    // What steelcut itself saved does not say for whom.
    fs::write(&path, r#"{"access_token":"foreign","token_type":"Bearer","expires_on":99999999999}"#).unwrap();
    assert_eq!(through(&server, &store).await, "t2");
}

/// A token that another user could have written is not used: the server is asked again.
#[tokio::test]
async fn w24_a_token_json_that_others_own_or_may_write_is_not_trusted() {
    let server = counting();
    let dir = private_dir();
    let store = FileStore::steelcut_compat(dir.path()).unwrap();
    assert_eq!(through(&server, &store).await, "t0");
    assert_eq!(through(&server, &store).await, "t0", "our own is used");
    let path = dir.path().join("token.json");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(through(&server, &store).await, "t1", "others may have written it");
    assert_eq!(mode(&path), 0o600, "and it is replaced");
    // Only root can give a file away; to everybody else a stranger's file is one of root's making.
    if fs::metadata(&path).unwrap().uid() == 0 {
        chown(&path, Some(4321), None).unwrap();
        assert_eq!(through(&server, &store).await, "t2", "another user owns it");
        assert_eq!(fs::metadata(&path).unwrap().uid(), 0);
        chown(dir.path(), Some(4321), None).unwrap();
        chown(&path, Some(4321), None).unwrap();
        assert_eq!(through(&server, &store).await, "t3", "in a directory of that user, too");
    }
}
