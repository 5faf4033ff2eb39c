use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use super::*;

const SERVICE: u32 = 4321;

fn is_root() -> bool {
    us() == 0
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

/// A directory, as root another user's.
fn services(outer: &Path) -> PathBuf {
    let path = outer.join("data");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(outer, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
    if is_root() {
        chown(&path, Some(SERVICE), Some(SERVICE)).unwrap();
    }
    path
}

#[test]
fn d10_a_written_file_is_0600_and_replaces_the_old_one_whole() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = Dir::open(temporary.path()).unwrap();
    dir.replace("key.pem", b"one").unwrap();
    dir.replace("key.pem", b"two").unwrap();
    assert_eq!(mode(&temporary.path().join("key.pem")), 0o600);
    assert_eq!(dir.read_secret("key.pem").unwrap().unwrap().as_slice(), b"two");
    assert_eq!(dir.names().unwrap(), ["key.pem"], "nothing is left beside it");
    dir.probe().unwrap();
    assert_eq!(dir.names().unwrap(), ["key.pem"]);
}

#[test]
fn d05_the_first_of_two_files_stays() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = Dir::open(temporary.path()).unwrap();
    assert!(dir.create("root_secret", b"one").unwrap());
    assert!(!dir.create("root_secret", b"two").unwrap());
    assert_eq!(dir.read_secret("root_secret").unwrap().unwrap().as_slice(), b"one");
    assert_eq!(dir.names().unwrap(), ["root_secret"]);
}

#[test]
fn f03_what_a_killed_writer_left_is_removed_once_it_is_old() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = Dir::open(temporary.path()).unwrap();
    let left = dir.write_beside("key.pem", |file| file.write_all(b"half")).unwrap();
    for other in [".key.pem.new", ".hidden", "key.new", ".key.pem.0123456789abcdeg.new", "whole.pem"] {
        fs::write(temporary.path().join(other), b"another's").unwrap();
    }
    let written = fs::metadata(temporary.path().join(&left)).unwrap().mtime();
    assert_eq!(dir.remove_unfinished(written).unwrap(), 0, "it may be at work");
    assert_eq!(dir.remove_unfinished(written + 1).unwrap(), 1);
    assert!(!dir.has(&left));
    assert_eq!(dir.names().unwrap().len(), 5, "nothing else is touched");
}

#[test]
fn a_file_is_read_up_to_its_cap_and_no_further() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = Dir::open(temporary.path()).unwrap();
    assert!(dir.read_trusted("copy", 4).unwrap().is_none());
    dir.replace("copy", b"four").unwrap();
    assert_eq!(dir.read_trusted("copy", 4).unwrap().unwrap().as_slice(), b"four");
    assert!(matches!(dir.read_trusted("copy", 3), Err(DiskError::TooLong { .. })));
}

/// As root the files go to another user; every other user keeps what it makes. Either way the mode is private.
#[test]
fn d11_what_root_makes_takes_the_owner_of_the_directory() {
    let outer = tempfile::tempdir().unwrap();
    let expected = if is_root() { SERVICE } else { us() };
    let dir = Dir::make(&services(outer.path()).join("deep/keys")).unwrap();
    dir.replace("key.pem", b"one").unwrap();
    dir.create("root_secret", b"two").unwrap();
    assert_eq!(dir.require_private().unwrap(), Privacy::Private);
    let made = ["deep", "deep/keys", "deep/keys/key.pem", "deep/keys/root_secret"];
    for path in made.map(|made| outer.path().join("data").join(made)) {
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.uid(), metadata.mode() & 0o077), (expected, 0), "{}", path.display());
    }
    assert_eq!(dir.read_secret("key.pem").unwrap().unwrap().as_slice(), b"one");
    fs::set_permissions(outer.path().join("data/deep/keys/key.pem"), Permissions::from_mode(0o640)).unwrap();
    assert!(dir.read_secret("key.pem").unwrap_err().to_string().contains("chmod 0600"));
}

#[test]
fn w02_no_link_in_the_place_of_a_file_is_followed() {
    let outer = tempfile::tempdir().unwrap();
    let victim = outer.path().join("victim");
    fs::write(&victim, "victim").unwrap();
    fs::set_permissions(&victim, Permissions::from_mode(0o600)).unwrap();
    let path = services(outer.path());
    let dir = Dir::open(&path).unwrap();
    for name in ["secret", "lock", "trusted", "replaced"] {
        symlink(&victim, path.join(name)).unwrap();
    }
    assert!(matches!(dir.read_secret("secret"), Err(DiskError::Link { .. })));
    assert!(matches!(dir.check_secret("secret"), Err(DiskError::Link { .. })));
    assert!(matches!(dir.read_trusted("trusted", 9), Err(DiskError::Link { .. })));
    assert!(matches!(dir.open_lock("lock"), Err(DiskError::Link { .. })));
    assert!(matches!(dir.has_file("secret"), Err(DiskError::Link { .. })));
    assert!(!dir.create("secret", b"x").unwrap());
    dir.replace("replaced", b"x").unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"victim");
    assert_eq!(fs::metadata(&victim).unwrap().uid(), us());
    assert!(!fs::symlink_metadata(path.join("replaced")).unwrap().is_symlink());
}

/// Root works in a directory whose owner exchanges names in it as fast as it can. As any other user, the same user
/// does so: what is written through a link would be seen just as well.
#[test]
fn w02_a_user_who_swaps_names_while_root_is_at_work_gains_nothing() {
    let outer = tempfile::tempdir().unwrap();
    let data = services(outer.path());
    let (victim, elsewhere) = (outer.path().join("victim"), outer.path().join("elsewhere"));
    fs::write(&victim, "victim").unwrap();
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("key.pem"), "elsewhere").unwrap();
    fs::set_permissions(elsewhere.join("key.pem"), Permissions::from_mode(0o600)).unwrap();
    let (stop, swaps) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (mut done, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            if is_root() {
                become_service();
            }
            while !stop.load(Ordering::Relaxed) {
                swap(&data, &victim, &elsewhere);
                swaps.fetch_add(1, Ordering::Relaxed);
            }
        });
        while done < 10 || swaps.load(Ordering::Relaxed) < 1000 {
            match work(&data) {
                Ok(()) => done += 1,
                Err(_) => refused += 1,
            }
            assert!(done + refused < 1_000_000, "{done} done, {refused} refused");
        }
        stop.store(true, Ordering::Relaxed);
    });
    println!("figure: {done} rounds done, {refused} refused, {swaps:?} swaps");
    assert_eq!(fs::read(&victim).unwrap(), b"victim");
    assert_eq!(fs::read(elsewhere.join("key.pem")).unwrap(), b"elsewhere");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 1, "nothing was made outside");
    for path in [&victim, &elsewhere, &elsewhere.join("key.pem")] {
        assert_eq!(fs::metadata(path).unwrap().uid(), us(), "{}", path.display());
    }
}

fn become_service() {
    let group = Gid::from_raw(SERVICE);
    set_thread_groups(&[group]).unwrap();
    set_thread_res_gid(group, group, group).unwrap();
    let user = Uid::from_raw(SERVICE);
    set_thread_res_uid(user, user, user).unwrap();
}

fn work(data: &Path) -> Result<(), DiskError> {
    let dir = Dir::make(&data.join("keys"))?;
    dir.replace("key.pem", b"new")?;
    dir.create("root_secret", b"new")?;
    if let Some(read) = dir.read_secret("key.pem")? {
        assert_ne!(read.as_slice(), b"elsewhere", "read through a link");
    }
    dir.remove("root_secret")?;
    dir.remove_unfinished(0).map(drop)
}

/// Errors are the other side's luck.
fn swap(data: &Path, victim: &Path, elsewhere: &Path) {
    let keys = data.join("keys");
    // Only root is kept from following another user's links on the way to a directory.
    if is_root_owned(elsewhere) {
        let aside = data.join("aside");
        let _ = fs::rename(&keys, &aside);
        let _ = symlink(elsewhere, &keys);
        std::thread::yield_now();
        let _ = fs::remove_file(&keys);
        let _ = fs::create_dir(&keys);
        let _ = fs::remove_dir_all(&aside);
    }
    for entry in fs::read_dir(&keys).into_iter().flatten().flatten() {
        let _ = fs::remove_file(entry.path());
        let _ = symlink(victim, entry.path());
    }
    for name in ["key.pem", "root_secret"] {
        let _ = symlink(victim, keys.join(name));
        let _ = fs::remove_file(keys.join(name));
        let _ = fs::hard_link(victim, keys.join(name));
    }
}

fn is_root_owned(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.uid() == 0)
}
