//! What ought to hold: which tokens there are, what was meant by each revocation, and what follows for who verifies.

use std::fmt;

use serde_json::json;
use trefoil_resource_server::Refused;
use trefoil_shared::Timestamp;
use trefoil_shared::jose::Algorithm;
use trefoil_shared::revocation::{TokenFacts, TokenId};
use trefoil_sign::SigningKey;

use super::replica::{IssuedAt, Replica};
use super::resource::Resource;
use super::{INTROSPECTION, ISSUER, Millis, TTL, name};

pub(super) const AUDIENCE: &str = "api";

/// A token, and since when it must not be good any more.
pub(super) struct Token {
    pub(super) text: String,
    pub(super) id: TokenId,
    pub(super) client: usize,
    pub(super) issued: Millis,
    pub(super) at: IssuedAt,
    /// When its end was acknowledged to whoever wanted it.
    pub(super) dead: Option<Millis>,
}

/// A revocation that was committed, as the documentation tells it.
pub(super) enum Committed {
    Token(TokenId),
    /// Of a client's tokens, or everybody's, up to a second.
    CutOff(Option<usize>, Timestamp),
}

/// A change of the registry that ended access as it was.
struct Ended {
    /// `None` for everybody's.
    client: Option<usize>,
    change: u64,
    acknowledged: Millis,
}

/// What was seen, so that a model in which nothing happens is noticed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    pub(super) tokens: u64,
    pub(super) dead: u64,
    /// Tokens that were issued after access had been ended, by a view from before.
    pub(super) overtaken: u64,
    pub(super) accepted: u64,
    pub(super) refused: u64,
}

impl Counted {
    pub(super) fn add(&mut self, more: Self) {
        self.tokens += more.tokens;
        self.dead += more.dead;
        self.overtaken += more.overtaken;
        self.accepted += more.accepted;
        self.refused += more.refused;
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tokens, dead, overtaken, accepted, refused } = self;
        write!(
            f,
            "{tokens} tokens, {dead} of them ended, {overtaken} before they were issued, {accepted} times accepted, {refused} times revoked"
        )
    }
}

pub(super) struct Truth {
    key: SigningKey,
    pub(super) tokens: Vec<Token>,
    committed: Vec<Committed>,
    ended: Vec<Ended>,
    pub(super) counted: Counted,
    /// Since when nothing was lost, late or restarted.
    pub(super) quiet_since: Millis,
}

impl Truth {
    pub(super) fn new() -> Self {
        Self {
            key: SigningKey::generate(Algorithm::EdDSA).expect("a key"),
            tokens: Vec::new(),
            committed: Vec::new(),
            ended: Vec::new(),
            counted: Counted::default(),
            quiet_since: 0,
        }
    }

    pub(super) fn public_key(&self) -> String {
        self.key.public_key().to_pem()
    }

    pub(super) fn issued(&mut self, now: Millis, client: usize, at: IssuedAt) {
        let number = u64::try_from(self.tokens.len()).expect("a number").to_be_bytes();
        let mut id = [0; 12];
        id[4..].copy_from_slice(&number);
        let id = TokenId::from_bytes(id);
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": name(client), "client_id": name(client),
            "jti": id, "iat": at.iat, "exp": at.exp,
        });
        let text = self.key.sign_jwt("at+jwt", &claims).expect("a signature");
        // A replica that has not seen the end of this client's access, and never will for this token.
        let ended = self.ended.iter().filter(|ended| {
            ended.client.is_none_or(|ended| ended == client) && at.view.change < ended.change
        });
        let dead = ended.map(|ended| ended.acknowledged).min();
        self.counted.overtaken += u64::from(dead.is_some());
        self.tokens.push(Token { text, id, client, issued: now, at, dead });
        self.counted.tokens += 1;
    }

    pub(super) fn commit(&mut self, committed: Committed) {
        self.committed.push(committed);
    }

    /// Every token of a client, or of everybody, that was issued by now has to die.
    pub(super) fn end_tokens(&mut self, now: Millis, client: Option<usize>) {
        for token in self.tokens.iter_mut().filter(|token| client.is_none_or(|client| token.client == client))
        {
            assert!(token.issued <= now);
            token.dead.get_or_insert(now);
        }
    }

    /// So has what requests still get whose view of the registry is from before this change.
    pub(super) fn end_access(&mut self, now: Millis, client: Option<usize>, change: u64) {
        self.end_tokens(now, client);
        self.ended.push(Ended { client, change, acknowledged: now });
    }

    /// The rule as it is documented, on what was committed.
    pub(super) fn covered(&self, token: &Token) -> bool {
        self.committed.iter().any(|committed| match committed {
            Committed::Token(id) => *id == token.id,
            Committed::CutOff(client, second) => {
                client.is_none_or(|client| client == token.client) && token.at.iat <= *second
            }
        })
    }

    /// What a verifier that has heard of everything up to `heard` says of a token: is that right?
    fn judge(&self, now: Millis, token: &Token, said: Said) -> Result<(), String> {
        let Some(dead) = token.dead.filter(|_| !said.revoked) else {
            let covered = !said.revoked || self.covered(token);
            return if covered { Ok(()) } else { Err("nothing covers it".to_owned()) };
        };
        if dead < said.heard {
            return Err(format!("ended at {dead}, and all until {} was heard", said.heard));
        }
        let since = now - dead.max(self.quiet_since);
        if since > said.within {
            return Err(format!("ended {since} ms ago, and nothing was lost"));
        }
        Ok(())
    }

    pub(super) fn check_resource(&mut self, now: Millis, resource: &Resource) -> Result<(), String> {
        for token in self.tokens.iter().filter(|token| resource.now() < token.at.exp.plus(10)) {
            let revoked = match resource.check(&token.text) {
                Ok(()) => false,
                Err(Refused::Revoked) => true,
                Err(other) => return Err(format!("refused for another reason: {other}")),
            };
            let said = Said { revoked, heard: resource.heard, within: TTL };
            self.judge(now, token, said).map_err(|why| token.tell(now, &why, ("a resource server", said)))?;
            self.counted.accepted += u64::from(!revoked);
            self.counted.refused += u64::from(revoked);
        }
        Ok(())
    }

    pub(super) fn check_replica(
        &self,
        now: Millis,
        clock: Timestamp,
        replica: &Replica,
    ) -> Result<(), String> {
        for token in self.tokens.iter().filter(|token| clock < token.at.exp) {
            let (client, jti) = (name(token.client), token.id.to_string());
            let facts =
                TokenFacts { jti: &jti, client_id: &client, sub: &client, iat: token.at.iat, extra: None };
            let Some(revoked) = replica.revoked(now, &facts) else { continue };
            // Within a second, and later by as much as the database is slow: one answer is under way, the next brings what
            // waits for its number, the one after that its number.
            let within = INTROSPECTION + 2 * replica.slowest();
            let said = Said { revoked, heard: replica.heard(), within };
            self.judge(now, token, said).map_err(|why| token.tell(now, &why, ("a replica", said)))?;
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Said {
    revoked: bool,
    heard: Millis,
    within: Millis,
}

impl Token {
    fn tell(&self, now: Millis, why: &str, (who, said): (&str, Said)) -> String {
        let Self { client, issued, at, .. } = self;
        let verdict = if said.revoked { "refuses" } else { "accepts" };
        format!(
            "at {now} {who} {verdict} a token of client {client} issued at {issued}, iat {}, exp {}: {why}",
            at.iat, at.exp
        )
    }
}
