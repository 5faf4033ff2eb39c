//! Owners and modes of what the command line makes, and of what it is willing to use (decision 11).

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use super::harness::{Lab, mode, set_mode};

/// The service's user, where root runs the commands.
const SERVICE: u32 = 4321;

fn is_root() -> bool {
    geteuid().is_root()
}

/// A lab whose data directory exists; as root it belongs to another user.
fn services() -> Lab {
    let lab = Lab::empty();
    set_mode(lab.dir.path(), 0o755);
    fs::create_dir(lab.data()).unwrap();
    set_mode(&lab.data(), 0o700);
    if is_root() {
        chown(lab.data(), Some(SERVICE), Some(SERVICE)).unwrap();
    }
    lab
}

#[test]
fn d11_the_data_directory_is_0700_and_what_is_in_it_0600() {
    let lab = Lab::new();
    assert_eq!(mode(&lab.data()), 0o700);
    let mut files = 0;
    for entry in walk(&lab.data()) {
        let wanted = if entry.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&entry), wanted, "{}", entry.display());
        files += usize::from(entry.is_file());
    }
    assert!(files >= 4, "root secret, two keys and a database");
}

/// As root it is another user's directory, and everything in it goes to that user. As any other user it is ours, and
/// nobody else can use what is made there.
#[test]
fn d11_what_root_makes_belongs_to_the_owner_of_the_directory() {
    let lab = services();
    let owner = if is_root() { SERVICE } else { geteuid().as_raw() };
    // Only who runs the command can read it.
    let secret = lab.file("secret", &"s".repeat(40));
    set_mode(Path::new(&secret), 0o600);
    lab.ok(&["db", "migrate"]);
    lab.ok(&["key", "generate"]);
    lab.ok(&["resource", "add", "api"]);
    lab.ok(&["client", "add", "--name", "n", "--id", "x", "--resource", "api", "--secret-file", &secret]);
    lab.ok(&["token", "issue", "--client", "x"]);
    lab.ok(&["key", "rotate", "--force"]);
    let audit = lab.ok(&["audit", "list"]);
    assert!(!is_root() || audit.contains("root"), "the act is the caller's: {audit}");
    let made = walk(&lab.data());
    assert!(made.len() >= 6, "{made:?}");
    for entry in made {
        let metadata = fs::metadata(&entry).unwrap();
        assert_eq!((metadata.uid(), metadata.mode() & 0o077), (owner, 0), "{}", entry.display());
    }
}

/// As root: the owner of the data directory puts links to files of root in the place of ours while commands run. As any
/// other user: a directory that is not ours is named, and left as it is.
#[test]
fn w02_sudo_in_a_directory_of_the_service_is_not_led_elsewhere() {
    if !is_root() {
        let refused = Lab::empty().with("AUTH_SERVER_DATA_DIR", "/").refused(&["key", "generate"]);
        assert!(refused.contains("data_dir /: / is open to others"), "{refused}");
        return;
    }
    let lab = services();
    lab.ok(&["key", "generate"]);
    let (victim, elsewhere) = (lab.dir.path().join("victim"), lab.dir.path().join("elsewhere"));
    fs::create_dir(&elsewhere).unwrap();
    fs::copy(lab.data().join("auth-server.db"), &victim).unwrap();
    let before = fs::read(&victim).unwrap();
    let stop = AtomicBool::new(false);
    let mut done = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            become_service();
            while !stop.load(Ordering::Relaxed) {
                swap(&lab.data(), &victim, &elsewhere);
            }
        });
        for command in [
            &["key", "generate", "--alg", "EdDSA"][..],
            &["db", "migrate"],
            &["key", "list"],
            &["resource", "add", "api"],
        ] {
            for _ in 0..4 {
                done += usize::from(lab.run(command).code == 0);
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    println!("figure: {done} of 16 commands ended with 0");
    assert!(fs::read(&victim).unwrap() == before, "written through a link");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0, "made through a link");
    for path in [victim, elsewhere] {
        assert_eq!(fs::metadata(&path).unwrap().uid(), 0, "{} was given away", path.display());
    }
}

fn become_service() {
    let (user, group) = (Uid::from_raw(SERVICE), Gid::from_raw(SERVICE));
    set_thread_groups(&[group]).unwrap();
    set_thread_res_gid(group, group, group).unwrap();
    set_thread_res_uid(user, user, user).unwrap();
}

/// Puts links in the place of directory and files for a moment each. Errors are the other side's luck.
fn swap(data: &Path, victim: &Path, elsewhere: &Path) {
    for (name, target) in [
        ("keys", elsewhere),
        ("auth-server.db", victim),
        ("auth-server.db-wal", victim),
        ("root_secret", victim),
    ] {
        let (path, aside) = (data.join(name), data.join("aside"));
        let was_there = fs::rename(&path, &aside).is_ok();
        let _ = symlink(target, &path);
        std::thread::yield_now();
        let _ = fs::remove_file(&path);
        if was_there {
            let _ = fs::rename(&aside, &path);
        }
        std::thread::yield_now();
    }
}

#[test]
fn w18_what_others_could_use_is_refused_with_the_command_to_run() {
    let lab = Lab::new();
    let data = lab.data();
    let side = data.join("auth-server.db-wal");
    for (path, open, mend) in [
        (data.clone(), 0o777, "chmod 0700"),
        (data.clone(), 0o775, "chmod 0700"),
        (data.join("keys"), 0o777, "chmod 0700"),
        (data.join("auth-server.db"), 0o644, "chmod 0600"),
        (side.clone(), 0o666, "chmod 0600"),
        (data.join("root_secret"), 0o644, "chmod 0600"),
    ] {
        let made = path == side && !path.exists();
        if made {
            fs::write(&path, "").unwrap();
        }
        let private = mode(&path) & 0o700;
        set_mode(&path, open);
        let serve = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off"];
        for arguments in [&serve[..], &["key", "list"]] {
            let refused = refused_soon(&lab, arguments);
            assert!(
                refused.contains(&format!("{mend} {}", path.display())),
                "{arguments:?} {open:o} {}: {refused}",
                path.display()
            );
        }
        set_mode(&path, private);
        if made {
            fs::remove_file(&path).unwrap();
        }
        lab.ok(&["key", "list"]);
    }
}

/// As `mkdir` makes it: others see the names of files, whose own permissions are checked.
#[test]
fn w18_a_directory_that_others_may_list_is_used_with_a_warning() {
    let lab = Lab::new();
    for path in [lab.data(), lab.data().join("keys")] {
        set_mode(&path, 0o755);
        let outcome = lab.run(&["key", "list"]);
        assert_eq!(outcome.code, 0, "{outcome:?}");
        let mend = format!("run: chmod 0700 {}", path.display());
        assert!(outcome.stderr.contains("warning") && outcome.stderr.contains(&mend), "{outcome:?}");
        set_mode(&path, 0o700);
    }
}

/// The error of a command that must not run on: a server would.
fn refused_soon(lab: &Lab, arguments: &[&str]) -> String {
    let mut command = std::process::Command::new("timeout");
    let program = lab.command(arguments);
    command.arg("60").arg(program.get_program()).args(program.get_args()).env_clear();
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().expect("timeout");
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Everything on a volume under `fsGroup` belongs to one group and is open to it, again after every mount.
#[test]
fn case_32_a_volume_under_fs_group_is_used_with_a_warning() {
    let lab = Lab::new();
    for entry in walk(&lab.data()).into_iter().chain([lab.data()]) {
        set_permissions(&entry, if entry.is_dir() { 0o2770 } else { 0o660 });
    }
    let outcome = lab.run(&["key", "list"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("warning") && outcome.stderr.contains("fsGroup"), "{outcome:?}");
    // A directory in it that somebody made anew, without the bit that the volume's own directories have.
    set_permissions(&lab.data().join("keys"), 0o770);
    let refused = lab.refused(&["key", "list"]);
    assert!(refused.contains("fsGroup") && refused.contains("chmod g+s"), "{refused}");
    set_permissions(&lab.data().join("keys"), 0o2770);
    assert_eq!(lab.run(&["key", "list"]).code, 0, "as the message says");
    // The mount point itself is open to everybody: a chmod would not last.
    set_permissions(&lab.data(), 0o2777);
    let refused = lab.refused(&["key", "list"]);
    assert!(refused.contains("fsGroup") && refused.contains("below the mount point"), "{refused}");
}

fn set_permissions(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn case_28_a_home_that_cannot_hold_the_data_directory_is_said_with_the_setting() {
    let lab = Lab::empty();
    let home = lab.file("no-home", "");
    let lab = lab.without("AUTH_SERVER_DATA_DIR").with("HOME", &home);
    for arguments in [&["serve"][..], &["key", "generate"]] {
        let refused = refused_soon(&lab, arguments);
        assert!(refused.contains("data_dir") && refused.contains("AUTH_SERVER_DATA_DIR"), "{refused}");
        assert!(refused.contains(&format!("{home} is no directory")), "{refused}");
    }
}

#[test]
fn case_06_a_data_directory_of_any_name_holds_its_own_database() {
    for name in ["team%20a", "100%25", "what?", "a#b"] {
        let lab = Lab::empty();
        let data = lab.path(name);
        // What the name would be read as in a URL.
        fs::create_dir(lab.path("team a")).unwrap();
        let lab = lab.without("AUTH_SERVER_DATA_DIR").with("AUTH_SERVER_DATA_DIR", &data);
        lab.ok(&["db", "migrate"]);
        assert!(Path::new(&data).join("auth-server.db").is_file(), "{name}");
        assert_eq!(fs::read_dir(lab.path("team a")).unwrap().count(), 0, "{name}");
    }
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        }
        found.push(path);
    }
    found
}
