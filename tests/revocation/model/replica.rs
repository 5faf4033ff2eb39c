//! One auth-server process: it polls the database when that answers, and goes by what it has seen.

use trefoil_auth_server::protocol::Moment;
use trefoil_auth_server::revocations::KnownRevocations;
use trefoil_auth_server::store::RevocationsSince;
use trefoil_shared::Timestamp;
use trefoil_shared::revocation::{RevocationList, TokenFacts};

use super::database::{Database, RegistryView};
use super::{BEGINNING, ISSUER, MAX_STALE, Millis};

const POLL_EVERY: Millis = 250;

pub(super) struct Replica {
    /// How far its clock is from true time.
    clock: Millis,
    pub(super) link: bool,
    pub(super) latency: Millis,
    /// That of the last three polls.
    lately: [Millis; 3],
    memory: Memory,
    next_poll: Millis,
    flight: Option<Flight>,
}

/// What is gone with the process.
#[derive(Default)]
struct Memory {
    known: KnownRevocations,
    registry: Option<RegistryView>,
    /// The database's clock minus this one's, by the last poll.
    offset: Millis,
    /// When the last good poll began.
    polled_at: Millis,
    /// What the database's clock showed when it took the registry's view.
    viewed_at: i64,
    /// When one began that found nothing waiting for its number.
    heard: Option<Millis>,
}

/// A poll under way: the database has looked, the answer is not there yet.
struct Flight {
    began: Millis,
    arrives: Millis,
    database_clock: i64,
    registry: RegistryView,
    since: RevocationsSince,
}

/// A request whose client has been loaded: by which view of the registry, and at which moment.
#[derive(Clone, Copy)]
pub(super) struct Loaded {
    view: RegistryView,
    pub(super) moment: Moment,
}

/// A request that is between its client and its token.
#[derive(Clone, Copy)]
pub(super) struct Request {
    pub(super) replica: usize,
    pub(super) client: usize,
    pub(super) loaded: Loaded,
    pub(super) lifetime: i64,
    pub(super) due: Millis,
}

/// When a token takes its time from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// As the product does it: with the client.
    MomentWithClient,
    /// When it is issued, which decision 39 rules out.
    TimeAtIssue,
}

/// When a token is issued and when it expires, by whose registry.
pub(super) struct IssuedAt {
    pub(super) iat: Timestamp,
    pub(super) exp: Timestamp,
    pub(super) view: RegistryView,
}

impl Replica {
    pub(super) fn new(clock: Millis) -> Self {
        let memory = Memory::default();
        Self { clock, link: true, latency: 0, lately: [0; 3], memory, next_poll: 0, flight: None }
    }

    pub(super) fn restart(&mut self, from: Millis) {
        self.memory = Memory::default();
        self.flight = None;
        self.next_poll = from;
    }

    /// Lets a poll begin or end where it is time.
    pub(super) fn step(&mut self, at: Millis, database: &mut Database, answers: bool) {
        if !self.link || !answers {
            self.flight = None;
        } else if let Some(flight) = self.flight.take_if(|flight| flight.arrives <= at) {
            self.land(flight, at, database);
        }
        if self.flight.is_none() && at >= self.next_poll {
            self.next_poll = at + POLL_EVERY;
            if self.link && answers {
                self.flight = Some(self.ask(at, database));
                self.lately = [self.latency, self.lately[0], self.lately[1]];
            }
        }
    }

    /// Takes what a poll has brought. What waits is numbered next, and read by another poll at once.
    fn land(&mut self, flight: Flight, at: Millis, database: &mut Database) {
        self.memory.offset = flight.database_clock - self.own_clock(at);
        self.memory.registry = Some(flight.registry);
        self.memory.polled_at = flight.began;
        self.memory.viewed_at = flight.database_clock;
        if flight.since.pending {
            database.number();
            self.next_poll = at;
        } else {
            self.memory.heard = Some(flight.began);
        }
        self.memory.known.take(flight.since);
    }

    fn ask(&self, at: Millis, database: &Database) -> Flight {
        let known = &self.memory.known;
        let mut since = database.since(known.asks_after(), at);
        if !known.joins_on(&since) {
            since = database.since(-1, at);
        }
        Flight {
            began: at,
            arrives: at + self.latency,
            database_clock: database.now_millis(at),
            registry: database.registry(),
            since,
        }
    }

    fn own_clock(&self, at: Millis) -> i64 {
        BEGINNING * 1_000 + at + self.clock
    }

    fn now_millis(&self, at: Millis) -> i64 {
        self.own_clock(at) + self.memory.offset
    }

    fn now(&self, at: Millis) -> Timestamp {
        Timestamp(self.now_millis(at).div_euclid(1_000))
    }

    /// Whether it knows freshly enough what the database knew to speak of it.
    fn is_fresh(&self, at: Millis) -> bool {
        self.memory.registry.is_some() && at - self.memory.polled_at <= MAX_STALE
    }

    /// Up to when it knows every revocation that the database had.
    pub(super) fn heard(&self) -> Millis {
        self.memory.heard.unwrap_or(Millis::MIN)
    }

    /// How long the slowest of those answers took that bring a revocation which was acknowledged a while ago.
    pub(super) fn slowest(&self) -> Millis {
        self.lately.into_iter().fold(self.latency, Millis::max)
    }

    /// How long ago it last heard of the registry.
    pub(super) fn age(&self, at: Millis) -> Millis {
        at - self.memory.polled_at
    }

    /// A request of a client, by the registry at hand.
    pub(super) fn load(&self, at: Millis, (client, secret): (usize, u32)) -> Option<Loaded> {
        let view = self.memory.registry.filter(|_| self.is_fresh(at))?;
        let registered = view.clients[client];
        let allowed = !registered.disabled && !registered.removed && registered.secret == secret;
        allowed.then(|| Loaded { view, moment: self.moment(at) })
    }

    /// The token of a request, perhaps a good while later.
    pub(super) fn issue(&self, at: Millis, order: Order, (loaded, lifetime): (Loaded, i64)) -> IssuedAt {
        let moment = match order {
            Order::MomentWithClient => loaded.moment,
            Order::TimeAtIssue => self.moment(at),
        };
        let iat = moment.issued_at();
        IssuedAt { iat, exp: iat.plus(lifetime), view: loaded.view }
    }

    fn moment(&self, at: Millis) -> Moment {
        Moment::new(self.memory.viewed_at, self.now_millis(at))
    }

    /// What introspection says of a token that has not expired; `None` for 503.
    pub(super) fn revoked(&self, at: Millis, token: &TokenFacts<'_>) -> Option<bool> {
        self.is_fresh(at).then(|| self.memory.known.revoked(token).is_some())
    }

    /// `/revocations/{kid}?since=N`; `None` for 503.
    pub(super) fn list(&self, at: Millis, since: i64) -> Option<RevocationList> {
        let now = self.now(at);
        let list = || self.memory.known.snapshot(since, now).into_list(ISSUER.to_owned(), now);
        self.is_fresh(at).then(list)
    }

    pub(super) fn forget_expired(&mut self, at: Millis) {
        let now = self.now(at);
        self.memory.known.forget_expired(now);
    }
}
