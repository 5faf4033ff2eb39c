//! Revoked tokens: the issuer's signed list, polled, kept on disk, and asked at each use of a token (decisions 17 to
//! 20). The format is in `docs/revocation-list.md`; the rule itself is `trefoil_shared::revocation`.

mod copy;
mod course;
mod follow;
mod keeper;
mod poller;
mod remote;
mod state;

pub use copy::RevocationCopy;
pub use course::{Follow, PollCourse, PollStep};
pub use follow::{NotFollowed, follow_revocations};
pub use poller::{PollTiming, RevocationPoller};
pub use remote::{PollError, RevocationClient};
pub use state::{RevocationPolicy, RevocationState};
