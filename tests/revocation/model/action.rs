//! What may happen, one after another and with time in between.

use proptest::prelude::*;

use super::{CLIENTS, Millis};

pub(super) const REPLICAS: usize = 3;
pub(super) const RESOURCES: usize = 2;

/// How far clocks are from true time, in milliseconds; none is set while the model runs, but those of resource servers.
#[derive(Clone, Debug)]
pub(super) struct Clocks {
    pub(super) database: Millis,
    pub(super) replicas: [Millis; REPLICAS],
    pub(super) resources: [Millis; RESOURCES],
}

pub(super) fn clocks() -> impl Strategy<Value = Clocks> {
    // Together less than the leeway of 10 s, within which tokens are verifiable at all.
    let any = || -3_000..3_000_i64;
    (any(), [-60_000..60_000_i64, any(), any()], [any(), any()])
        .prop_map(|(database, replicas, resources)| Clocks { database, replicas, resources })
}

/// An act of an administrator, whose cut-off is reckoned at its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// `token revoke --client`.
    Revoke(usize),
    /// `client disable`.
    Disable(usize),
    /// `client remove`.
    Remove(usize),
    /// `client rotate-secret --revoke-tokens`.
    Rotate(usize),
    /// The last backup is put back, then `db restored`.
    Restore,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    Pass(Millis),
    /// A client asks a replica for a token, with its present secret or the one before. Between loading the client and
    /// issuing the token comes something slow, as a check by Argon2 is.
    Issue {
        replica: usize,
        client: usize,
        old_secret: bool,
        lifetime: i64,
        slow: Millis,
    },
    /// `/revoke` at a replica.
    RevokeAt {
        replica: usize,
        token: usize,
    },
    /// `token revoke TOKEN`.
    RevokeToken {
        token: usize,
    },
    /// Begins an act that is committed after a while; others go on meanwhile.
    Begin {
        act: Act,
        after: Millis,
    },
    /// `client enable`.
    Enable(usize),
    Backup,
    /// Expired rows go from the database.
    Sweep,
    /// A replica forgets what has expired.
    Forget(usize),
    RestartReplica {
        replica: usize,
        down: Millis,
    },
    /// A replica and its database reach one another, or not.
    ReplicaLink {
        replica: usize,
        up: bool,
    },
    /// How long the database's answers to a replica take.
    Latency {
        replica: usize,
        millis: Millis,
    },
    /// With its state on disk; its clock may be hours ahead until it has been set.
    RestartResource {
        resource: usize,
        ahead: bool,
    },
    ResourceLink {
        resource: usize,
        up: bool,
    },
    /// A resource server's next poll is answered by an older list, if that is still fresh.
    Replay {
        resource: usize,
        list: usize,
    },
    /// A resource server's clock is set.
    SetClock {
        resource: usize,
        to: Millis,
    },
}

pub(super) fn action() -> impl Strategy<Value = Action> {
    let replica = || 0..REPLICAS;
    let resource = || 0..RESOURCES;
    let client = || 0..CLIENTS;
    let act = prop_oneof![
        4 => client().prop_map(Act::Revoke),
        4 => client().prop_map(Act::Disable),
        1 => client().prop_map(Act::Remove),
        3 => client().prop_map(Act::Rotate),
        1 => Just(Act::Restore),
    ];
    let lifetime = prop::sample::select(vec![20, 60, 120]);
    let slow = prop_oneof![2 => Just(0), 1 => 1..1_500_i64, 1 => 1..12_000_i64];
    let issue = (replica(), client(), prop::bool::weighted(0.2), lifetime, slow);
    prop_oneof![
        10 => prop_oneof![1..1_500_i64, 1..20_000_i64].prop_map(Action::Pass),
        16 => issue.prop_map(|(replica, client, old_secret, lifetime, slow)| {
            Action::Issue { replica, client, old_secret, lifetime, slow }
        }),
        3 => (replica(), 0..1_000_usize).prop_map(|(replica, token)| Action::RevokeAt { replica, token }),
        3 => (0..1_000_usize).prop_map(|token| Action::RevokeToken { token }),
        5 => (act, 0..2_500_i64).prop_map(|(act, after)| Action::Begin { act, after }),
        3 => client().prop_map(Action::Enable),
        1 => Just(Action::Backup),
        2 => Just(Action::Sweep),
        2 => replica().prop_map(Action::Forget),
        1 => (replica(), 1..3_000_i64).prop_map(|(replica, down)| Action::RestartReplica { replica, down }),
        3 => (replica(), any::<bool>()).prop_map(|(replica, up)| Action::ReplicaLink { replica, up }),
        2 => (replica(), 0..650_i64).prop_map(|(replica, millis)| Action::Latency { replica, millis }),
        2 => (resource(), prop::bool::weighted(0.3))
            .prop_map(|(resource, ahead)| Action::RestartResource { resource, ahead }),
        2 => (resource(), any::<bool>()).prop_map(|(resource, up)| Action::ResourceLink { resource, up }),
        3 => (resource(), 0..1_000_usize).prop_map(|(resource, list)| Action::Replay { resource, list }),
        1 => (resource(), -3_000..3_000_i64).prop_map(|(resource, to)| Action::SetClock { resource, to }),
    ]
}
