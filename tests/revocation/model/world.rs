//! Everything together: lets an action happen, lets time pass, and looks at everybody after each.

use trefoil_auth_server::protocol::{Ends, cut_off_second, late_second};
use trefoil_auth_server::store::Revocation;
use trefoil_resource_server::KeySet;
use trefoil_shared::Timestamp;
use trefoil_shared::revocation::{CutOffScope, RevocationList};

use super::action::{Act, Action, Clocks};
use super::database::Database;
use super::replica::{Order, Replica, Request};
use super::resource::{Answer, Resource};
use super::truth::{Committed, Counted, Truth};
use super::{MAX_LIFETIME, Millis, name};

/// The finest step of time.
const STEP: Millis = 50;
/// Everybody is looked at at least this often.
const LOOK: Millis = 4_000;

pub(super) struct World {
    now: Millis,
    database: Database,
    replicas: Vec<Replica>,
    resources: Vec<Resource>,
    truth: Truth,
    pending: Vec<Pending>,
    order: Order,
    requests: Vec<Request>,
    /// Every list that was signed.
    lists: Vec<RevocationList>,
    /// Which replica a load balancer asks next.
    turn: usize,
}

/// An act that was begun and is not committed yet.
struct Pending {
    act: Act,
    due: Millis,
    reckoned: Timestamp,
}

impl World {
    pub(super) fn new(clocks: &Clocks, order: Order) -> Self {
        let truth = Truth::new();
        let keys = KeySet::from_bytes(truth.public_key().as_bytes()).expect("keys");
        // One that asks for the whole list now and then, and one that nearly never does.
        let courses = [(720, 0), (4, 2_500)];
        let resources = clocks.resources.iter().zip(courses);
        let mut world = Self {
            now: 0,
            database: Database::new(clocks.database),
            replicas: clocks.replicas.iter().map(|clock| Replica::new(*clock)).collect(),
            resources: resources.map(|(skew, course)| Resource::new(keys.clone(), *skew, course)).collect(),
            truth,
            pending: Vec::new(),
            order,
            requests: Vec::new(),
            lists: Vec::new(),
            turn: 0,
        };
        world.pass(STEP).expect("nothing happens");
        world
    }

    pub(super) fn act(&mut self, action: Action) -> Result<(), String> {
        match action {
            Action::Pass(millis) => self.pass(millis)?,
            Action::Issue { replica, client, old_secret, lifetime, slow } => {
                let secret = self.database.registry().clients[client].secret;
                let secret = secret.saturating_sub(u32::from(old_secret));
                self.ask(replica, (client, secret), (lifetime, slow))?;
            }
            Action::RevokeAt { replica, token } => {
                if self.replicas[replica].link && !self.is_restoring() {
                    self.revoke_token(token);
                }
            }
            Action::RevokeToken { token } => {
                if !self.is_restoring() {
                    self.revoke_token(token);
                }
            }
            Action::Begin { act, after } => self.begin(act, after),
            Action::Enable(client) => {
                if !self.is_restoring() {
                    self.database.change(client, |client| client.disabled = false);
                }
            }
            Action::Backup => self.database.back_up(),
            Action::Sweep => self.database.sweep(self.now),
            Action::Forget(replica) => self.replicas[replica].forget_expired(self.now),
            Action::RestartReplica { replica, down } => {
                self.requests.retain(|request| request.replica != replica);
                self.replicas[replica].restart(self.now + down);
            }
            Action::ReplicaLink { replica, up } => self.replicas[replica].link = up,
            Action::Latency { replica, millis } => self.replicas[replica].latency = millis,
            Action::RestartResource { resource, ahead } => self.resources[resource].restart(self.now, ahead),
            Action::ResourceLink { resource, up } => self.resources[resource].link = up,
            Action::Replay { resource, list } => self.replay(resource, list)?,
            Action::SetClock { resource, to } => self.resources[resource].skew = to,
        }
        if matches!(
            action,
            Action::RestartReplica { .. } | Action::RestartResource { .. } | Action::Replay { .. }
        ) {
            self.truth.quiet_since = self.now;
        }
        self.look()
    }

    /// Everything is reachable again, and long enough: nothing may be left over.
    pub(super) fn settle(mut self) -> Result<Counted, String> {
        self.replicas.iter_mut().for_each(|replica| replica.link = true);
        self.resources.iter_mut().for_each(|resource| resource.link = true);
        self.pass(20_000)?;
        self.truth.counted.dead = self.truth.tokens.iter().map(|token| u64::from(token.dead.is_some())).sum();
        Ok(self.truth.counted)
    }

    fn ask(
        &mut self,
        replica: usize,
        who: (usize, u32),
        (lifetime, slow): (i64, Millis),
    ) -> Result<(), String> {
        let Some(loaded) = self.replicas[replica].load(self.now, who) else { return Ok(()) };
        // No older than it needs to be: the seconds of a cut-off are few, and then a client gets good tokens.
        let (iat, age) = (loaded.moment.issued_at(), self.replicas[replica].age(self.now));
        let oldest = self.database.now_millis(self.now) - age - 1_000;
        if iat.seconds() * 1_000 < oldest || iat > self.database.now(self.now) {
            return Err(format!("at {} a request has the time {iat}", self.now));
        }
        self.requests.push(Request { replica, client: who.0, loaded, lifetime, due: self.now + slow });
        self.issue_due();
        Ok(())
    }

    fn issue_due(&mut self) {
        let due: Vec<Request> = self.requests.extract_if(.., |request| request.due <= self.now).collect();
        for Request { replica, client, loaded, lifetime, .. } in due {
            let issued = self.replicas[replica].issue(self.now, self.order, (loaded, lifetime));
            self.truth.issued(self.now, client, issued);
        }
    }

    fn revoke_token(&mut self, token: usize) {
        let Some(index) = token.checked_rem(self.truth.tokens.len()) else { return };
        let token = &mut self.truth.tokens[index];
        token.dead.get_or_insert(self.now);
        let id = token.id;
        self.database.revoke(&Revocation::Token { id, expires_at: token.at.exp });
        self.truth.commit(Committed::Token(id));
    }

    fn is_restoring(&self) -> bool {
        self.pending.iter().any(|pending| pending.act == Act::Restore)
    }

    /// The order of what the commands do: reckon, write, reckon again.
    fn begin(&mut self, act: Act, after: Millis) {
        // Nobody works on a database that is being restored, and it is restored when nobody does.
        if self.is_restoring() || (act == Act::Restore && !self.pending.is_empty()) {
            return;
        }
        let mut due = self.now + after;
        if act == Act::Restore {
            self.database.put_back();
            due += 1_500;
        }
        let reckoned = cut_off_second(self.database.now(self.now), ends(act));
        self.pending.push(Pending { act, due, reckoned });
    }

    fn commit(&mut self, Pending { act, reckoned, .. }: Pending) {
        let cut_off = self.cut_off(act, reckoned);
        let change = match act {
            Act::Revoke(_) => None,
            Act::Restore => Some(self.database.registry().change),
            Act::Disable(client) => Some(self.database.change(client, |client| client.disabled = true)),
            Act::Remove(client) => Some(self.database.change(client, |client| client.removed = true)),
            Act::Rotate(client) => Some(self.database.change(client, |client| client.secret += 1)),
        };
        if act == Act::Restore {
            self.database.begin_epoch(&cut_off);
        } else {
            self.database.revoke(&cut_off);
        }
        if let Some(late) = late_second(reckoned, self.database.now(self.now), ends(act)) {
            let again = self.cut_off(act, late);
            self.database.revoke(&again);
        }
        match change {
            Some(change) => self.truth.end_access(self.now, whose(act), change),
            None => self.truth.end_tokens(self.now, whose(act)),
        }
    }

    fn cut_off(&mut self, act: Act, second: Timestamp) -> Revocation {
        self.truth.commit(Committed::CutOff(whose(act), second));
        let name = whose(act).map(name);
        let scope = name.as_deref().map_or(CutOffScope::Everybody, CutOffScope::Client);
        Revocation::cut_off(scope, second, MAX_LIFETIME)
    }

    fn pass(&mut self, millis: Millis) -> Result<(), String> {
        let (end, mut looked) = (self.now + millis, self.now);
        while self.now < end {
            self.now = end.min(self.now + STEP);
            self.step()?;
            if self.now - looked >= LOOK {
                looked = self.now;
                self.look()?;
            }
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), String> {
        let due: Vec<Pending> = self.pending.extract_if(.., |pending| pending.due <= self.now).collect();
        for pending in due {
            self.commit(pending);
        }
        self.issue_due();
        let answers = !self.is_restoring();
        for replica in &mut self.replicas {
            replica.step(self.now, &mut self.database, answers);
        }
        let links = self.replicas.iter().map(|replica| replica.link);
        if !answers || !links.chain(self.resources.iter().map(|resource| resource.link)).all(|up| up) {
            self.truth.quiet_since = self.now;
        }
        for index in 0..self.resources.len() {
            self.resources[index].set_time(self.now);
            if self.resources[index].next_poll <= self.now {
                self.poll(index)?;
            }
        }
        Ok(())
    }

    fn poll(&mut self, index: usize) -> Result<(), String> {
        let Self { now, replicas, resources, lists, turn, truth, .. } = self;
        let ask = |since| -> Option<Answer> {
            *turn += 1;
            let replica = &replicas[*turn % replicas.len()];
            let Some(answer) = replica.list(*now, since) else {
                // 503: a poll that was lost.
                truth.quiet_since = *now;
                return None;
            };
            lists.push(answer.clone());
            Some((answer, Some(replica.heard())))
        };
        resources[index].poll(*now, ask)
    }

    fn replay(&mut self, resource: usize, list: usize) -> Result<(), String> {
        let Some(index) = list.checked_rem(self.lists.len()) else { return Ok(()) };
        // One of the newest: those before are out of date by their own `exp`.
        let index = self.lists.len() - 1 - index.min(30).min(self.lists.len() - 1);
        let list = &self.lists[index];
        self.resources[resource].poll(self.now, |_| Some((list.clone(), None)))
    }

    fn look(&mut self) -> Result<(), String> {
        for resource in &self.resources {
            resource.set_time(self.now);
            self.truth.check_resource(self.now, resource)?;
        }
        for replica in &self.replicas {
            self.truth.check_replica(self.now, self.database.now(self.now), replica)?;
        }
        Ok(())
    }
}

fn ends(act: Act) -> Ends {
    match act {
        Act::Revoke(_) => Ends::Tokens,
        Act::Disable(_) | Act::Remove(_) | Act::Rotate(_) | Act::Restore => Ends::Access,
    }
}

fn whose(act: Act) -> Option<usize> {
    match act {
        Act::Revoke(client) | Act::Disable(client) | Act::Remove(client) | Act::Rotate(client) => {
            Some(client)
        }
        Act::Restore => None,
    }
}
