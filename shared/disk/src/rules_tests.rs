use super::*;

const SERVICE: Asker<'static> = Asker { us: 1000, groups: &[1000, 2000] };
const AS_ROOT: Asker<'static> = Asker { us: ROOT, groups: &[0] };
const DIR: Facts = Facts { owner: 1000, group: 1000, mode: 0o700 };
const VOLUME: Facts = Facts { owner: 1000, group: 2000, mode: 0o2770 };

fn file(owner: u32, mode: u32) -> Facts {
    Facts { owner, group: 1000, mode }
}

fn on_volume(mode: u32) -> Facts {
    Facts { owner: 1000, group: 2000, mode }
}

#[test]
fn d11_our_own_file_is_ours_alone() {
    for mode in [0o600, 0o400] {
        assert_eq!(secret(file(1000, mode), DIR, SERVICE), Ok(Privacy::Private));
    }
    for mode in [0o640, 0o604, 0o644, 0o660, 0o601] {
        let fault = Err(Fault::Mode { mend: "0600" });
        assert_eq!(secret(file(1000, mode), DIR, SERVICE), fault, "{mode:o}");
    }
}

#[test]
fn d11_roots_file_may_be_read_by_its_group() {
    for mode in [0o440, 0o640] {
        assert_eq!(secret(file(0, mode), DIR, SERVICE), Ok(Privacy::Private), "{mode:o}");
    }
    for mode in [0o660, 0o644, 0o450] {
        let fault = Err(Fault::Mode { mend: "0440" });
        assert_eq!(secret(file(0, mode), DIR, SERVICE), fault, "{mode:o}");
    }
}

#[test]
fn d11_a_file_of_another_user_is_refused_and_root_may_use_the_directory_owners() {
    assert_eq!(secret(file(1001, 0o600), DIR, SERVICE), Err(Fault::Owner));
    assert_eq!(secret(file(1001, 0o600), DIR, AS_ROOT), Err(Fault::Owner));
    assert_eq!(secret(file(1000, 0o600), DIR, AS_ROOT), Ok(Privacy::Private));
    assert_eq!(secret(file(1000, 0o640), DIR, AS_ROOT), Err(Fault::Mode { mend: "0600" }));
    assert_eq!(trusted(file(1001, 0o600), DIR, SERVICE), Err(Fault::Owner));
}

#[test]
fn d20_what_is_believed_may_be_read_by_all_and_written_by_nobody_else() {
    assert_eq!(trusted(file(1000, 0o644), DIR, SERVICE), Ok(Privacy::Private));
    for mode in [0o660, 0o602, 0o666] {
        assert_eq!(trusted(file(1000, mode), DIR, SERVICE), Err(Fault::Mode { mend: "0600" }), "{mode:o}");
    }
}

#[test]
fn case_32_a_volume_under_fs_group_is_open_to_its_group_and_to_nobody_else() {
    assert_eq!(private_directory(VOLUME, SERVICE), Ok(Privacy::OwnGroup));
    assert_eq!(secret(on_volume(0o660), VOLUME, SERVICE), Ok(Privacy::OwnGroup));
    assert_eq!(trusted(on_volume(0o660), VOLUME, SERVICE), Ok(Privacy::OwnGroup));
    let refused = Err(Fault::Mode { mend: "0600" });
    assert_eq!(secret(on_volume(0o664), VOLUME, SERVICE), refused, "others may read it");
    let plain = Facts { mode: 0o770, ..VOLUME };
    assert_eq!(secret(on_volume(0o660), plain, SERVICE), refused, "no volume: the directory is not setgid");
    let stranger = Asker { us: 1000, groups: &[1000] };
    assert_eq!(secret(on_volume(0o660), VOLUME, stranger), refused, "a group that is not ours");
    for mode in [0o2775, 0o2777, 0o770, 0o755, 0o777] {
        let open = Facts { mode, ..VOLUME };
        assert_eq!(private_directory(open, SERVICE), Err(Fault::Mode { mend: "0700" }), "{mode:o}");
    }
    assert!(lasting(Facts { mode: 0o2777, ..VOLUME }).contains("fsGroup") && lasting(DIR).is_empty());
}

#[test]
fn w18_a_directory_that_others_may_use_is_refused() {
    assert_eq!(private_directory(DIR, SERVICE), Ok(Privacy::Private));
    assert_eq!(private_directory(Facts { owner: 1001, ..DIR }, SERVICE), Err(Fault::Owner));
    assert_eq!(private_directory(Facts { mode: 0o750, ..DIR }, SERVICE), Err(Fault::Mode { mend: "0700" }));
    assert_eq!(trusted_directory(Facts { mode: 0o755, ..DIR }, SERVICE), Ok(Privacy::Private));
    assert_eq!(trusted_directory(Facts { mode: 0o1777, ..DIR }, SERVICE), Ok(Privacy::Private));
    for mode in [0o777, 0o775] {
        let open = Facts { mode, ..DIR };
        assert_eq!(trusted_directory(open, SERVICE), Err(Fault::Mode { mend: "go-w" }), "{mode:o}");
    }
}

#[test]
fn d11_what_root_makes_goes_to_the_owner_of_the_directory_and_what_others_make_stays_theirs() {
    assert_eq!(heir(ROOT, DIR), Some((1000, 1000)));
    assert_eq!(heir(ROOT, Facts { owner: ROOT, ..DIR }), None);
    assert_eq!(heir(1000, DIR), None);
    assert_eq!(heir(1000, Facts { owner: 1001, ..DIR }), None);
}

#[test]
fn w02_root_follows_no_link_that_another_user_could_have_made() {
    let (root, service) = (Facts { owner: ROOT, ..DIR }, DIR);
    assert!(may_follow(ROOT, root, root));
    assert!(!may_follow(ROOT, service, root), "in a directory like /tmp");
    assert!(!may_follow(ROOT, root, service), "moved there");
    assert!(may_follow(1000, service, service), "other users have no more rights than the kernel gives them");
}
