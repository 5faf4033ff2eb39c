//! What can go wrong with keys.

use thiserror::Error;
use trefoil_disk::DiskError;
use trefoil_shared::jose::Algorithm;

use crate::store::StoreError;

/// What can go wrong with keys.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key file.
    #[error(transparent)]
    File(#[from] DiskError),
    /// The key itself.
    #[error(transparent)]
    Key(#[from] trefoil_sign::SignError),
    /// There are keys for the algorithm already.
    #[error("{0} has an active and a standby key already: `key rotate --alg {0}` makes the standby active")]
    Complete(Algorithm),
    /// There is no active key.
    #[error("there is no active {0} key: run `auth-server key generate --alg {0}`")]
    NoKey(Algorithm),
    /// The standby has not been published for long enough.
    #[error(
        "the standby {kid} was published everywhere {age} s ago, and verifiers know it after {needed} s: wait {} s, or \
         say --force",
        needed - age
    )]
    TooYoung {
        /// The standby.
        kid: String,
        /// For how long every server has published it, in seconds.
        age: i64,
        /// For how long they must, in seconds.
        needed: i64,
    },
    /// A live server could not sign with it.
    #[error("replica {replica} does not hold {kid}: give it the key file, or say --force")]
    NotEverywhere {
        /// The standby.
        kid: String,
        /// The replica that lacks it.
        replica: String,
    },
    /// One more key would be more than verifiers take.
    #[error(
        "{0} keys are published until the last tokens that they signed have expired, and verifiers take no more: wait, \
         or `key revoke` one that nobody needs"
    )]
    TooMany(usize),
    /// No such key.
    #[error("there is no key {0}")]
    Unknown(String),
    /// It has been withdrawn.
    #[error("key {0} is withdrawn already")]
    Withdrawn(String),
    /// The file holds a key that is here already.
    #[error("key {0} is here already")]
    Present(String),
}
