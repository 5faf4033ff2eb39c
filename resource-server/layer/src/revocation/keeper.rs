//! Keeps the copy on disk up to date: pages are added to it as they come, and now and then it is written anew.

use tokio::task::spawn_blocking;
use tracing::warn;
use trefoil_shared::revocation::{RevocationList, Revocations};

use super::copy::RevocationCopy;
use super::state::RevocationState;

/// So much may be added before the whole is written anew, and as much as the whole was long.
const MUCH: u64 = 4 * 1024 * 1024;

/// The copy, and what is not in it yet.
#[derive(Debug)]
pub(super) struct Keeper {
    copy: RevocationCopy,
    /// Pages to be added; `None` where the whole is to be written: at first, since a file of another process may have
    /// broken off, and after everything was read anew.
    pages: Option<Vec<RevocationList>>,
    /// How long the whole was, and how long the file is now.
    lengths: (u64, u64),
    failing: bool,
}

impl Keeper {
    pub(super) fn new(copy: RevocationCopy) -> Self {
        Self { copy, pages: None, lengths: (0, 0), failing: false }
    }

    /// What an earlier process kept.
    pub(super) fn read(&self) -> Option<Revocations> {
        match self.copy.read() {
            Ok(known) => known,
            Err(reason) => {
                let aside = self.copy.set_aside().map(|path| path.display().to_string()).unwrap_or_default();
                warn!(%reason, aside, "the revocations on disk are not used and set aside");
                None
            }
        }
    }

    /// Notes a page that was merged; `None` for one that belongs to a list that is read anew.
    pub(super) fn took(&mut self, page: Option<RevocationList>) {
        match (page, &mut self.pages) {
            (Some(page), Some(pages)) => pages.push(page),
            (None, pages) => *pages = None,
            (Some(_), None) => {}
        }
    }

    /// Brings the file to what is known.
    pub(super) async fn keep(&mut self, state: &RevocationState) {
        let (whole, file) = self.lengths;
        let pages = self.pages.take().filter(|_| file.saturating_sub(whole) <= whole.max(MUCH));
        if pages.as_ref().is_some_and(Vec::is_empty) {
            self.pages = pages;
            return;
        }
        let (copy, known) = (self.copy.clone(), state.known());
        let is_whole = pages.is_none();
        let kept = spawn_blocking(move || match pages {
            Some(pages) => copy.append(&pages),
            None if known.position().is_some() => copy.write(&known),
            None => Ok(0),
        });
        let kept = kept.await.map_err(|error| error.to_string());
        let kept = kept.and_then(|kept| kept.map_err(|error| error.to_string()));
        let failed_before = std::mem::replace(&mut self.failing, kept.is_err());
        match kept {
            Ok(0) => {}
            Ok(length) => {
                self.lengths = if is_whole { (length, length) } else { (whole, length) };
                self.pages = Some(Vec::new());
            }
            Err(reason) if !failed_before => warn!(
                reason,
                "revocations cannot be kept on disk: a restart without the auth-server forgets them"
            ),
            Err(_) => {}
        }
    }
}
