//! From a route and the path below it to the one file that may be served.

use std::borrow::Cow;
use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use crate::route::Target;
use trefoil_resource_layer::Refused;

/// A file that may be served, open.
#[derive(Debug)]
pub struct Located {
    /// The file, open for reading.
    pub file: File,
    /// What the open file says of itself.
    pub metadata: Metadata,
}

/// The path that a target and the part below it name. `None` where a part begins with a dot (hidden files are not
/// served) or is no plain name.
pub(super) fn named<'t>(target: &'t Target, below: &str) -> Option<Cow<'t, Path>> {
    match target {
        Target::File(file) => Some(Cow::Borrowed(file)),
        Target::Dir(dir) => {
            let plain =
                |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\0', '\\']);
            below.split('/').all(plain).then(|| Cow::Owned(dir.join(below)))
        }
    }
}

/// Opens the file at `path`, which was made for `target`. Below a folder every link is resolved first, and what
/// leaves the folder is not there. Only regular files are opened: a pipe would block, a folder is not listed.
pub fn locate(target: &Target, path: &Path) -> Result<Located, Refused> {
    let real = match target {
        Target::File(_) => path.to_owned(),
        Target::Dir(dir) => {
            let root = dir.canonicalize().map_err(|e| refused(&e))?;
            let real = path.canonicalize().map_err(|e| refused(&e))?;
            if !real.starts_with(&root) {
                return Err(Refused::NoFile);
            }
            real
        }
    };
    if !std::fs::metadata(&real).map_err(|e| refused(&e))?.is_file() {
        return Err(Refused::NoFile);
    }
    let file = File::open(&real).map_err(|e| refused(&e))?;
    let metadata = file.metadata().map_err(|e| refused(&e))?;
    if metadata.is_file() { Ok(Located { file, metadata }) } else { Err(Refused::NoFile) }
}

fn refused(error: &io::Error) -> Refused {
    use io::ErrorKind as Kind;
    let absent = matches!(
        error.kind(),
        Kind::NotFound | Kind::NotADirectory | Kind::InvalidInput | Kind::InvalidFilename
    );
    if absent { Refused::NoFile } else { Refused::FileUnreadable }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn outcome(dir: &Path, below: &str) -> Result<(), Refused> {
        let target = Target::Dir(dir.to_owned());
        let path = named(&target, below).ok_or(Refused::NoFile)?;
        locate(&target, &path).map(|_| ())
    }

    #[test]
    fn a111_nothing_outside_the_folder_is_served() {
        let outer = tempfile::tempdir().unwrap();
        let dir = outer.path().join("public");
        std::fs::create_dir_all(dir.join("deep")).unwrap();
        std::fs::create_dir(outer.path().join("public-private")).unwrap();
        for file in ["secret", "public/a.json", "public/deep/b.json", "public/.hidden", "public-private/c"] {
            std::fs::write(outer.path().join(file), "{}").unwrap();
        }
        symlink(outer.path().join("secret"), dir.join("link")).unwrap();
        symlink("../secret", dir.join("relative-link")).unwrap();
        symlink(outer.path(), dir.join("up")).unwrap();
        symlink("../public-private", dir.join("sibling")).unwrap();
        symlink("loop", dir.join("loop")).unwrap();
        symlink("a.json", dir.join("inner-link")).unwrap();

        for good in ["a.json", "deep/b.json", "inner-link"] {
            assert_eq!(outcome(&dir, good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "..",
            "../secret",
            "deep/../../secret",
            ".hidden",
            "deep",
            "deep/",
            "/etc/passwd",
            "link",
            "relative-link",
            "up/secret",
            "sibling/c",
            "a.json/",
            "a.json/x",
            "a\0.json",
            "no.json",
            "..\\secret",
        ] {
            assert_eq!(outcome(&dir, bad), Err(Refused::NoFile), "{bad:?}");
        }
        assert!(outcome(&dir, "loop").is_err());
    }
}
