//! Accounts, sessions and consents.

use trefoil_auth_server::model::{Consent, Session, User};
use trefoil_auth_server::store::{Act, Revocation, Store, StoreError};
use trefoil_shared::revocation::CutOffScope;
use trefoil_shared::{Secret, Timestamp};

use crate::database::on_both;

const NOW: Timestamp = Timestamp(1_800_000_000);

fn act() -> Act {
    Act::new(NOW, "test", "test", "test")
}

fn user(name: &str) -> User {
    User {
        sub: format!("u_{name}"),
        username: name.to_owned(),
        password: Some(Secret::new("$argon2id$one")),
        claims: serde_json::from_str(r#"{"email": "a@b.c"}"#).unwrap(),
        enabled: true,
        not_before: Timestamp(0),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn session(of: &User, id: &str) -> Session {
    Session {
        id_hash: format!("hash-{id}"),
        sid: id.to_owned(),
        sub: of.sub.clone(),
        methods: vec!["pwd".to_owned()],
        address: "127.0.0.1".to_owned(),
        agent: "a browser".to_owned(),
        authenticated_at: NOW,
        used_at: NOW,
        expires_at: NOW.plus(3_600),
    }
}

async fn changed(store: &Store, change: impl Fn(User) -> User) -> User {
    let change = |present: &User| Ok::<_, StoreError>(Some((change(present.clone()), None)));
    store.change_user("u_alice", false, change).await.unwrap().unwrap()
}

on_both! {
    async fn an_account_is_found_by_name_and_subject_and_its_name_is_taken_once(db: TestDb) {
        let store = db.store().await;
        let alice = user("alice");
        store.add_user(&alice, &act()).await.unwrap();
        assert_eq!(store.user("u_alice").await.unwrap(), Some(alice.clone()));
        assert_eq!(store.user_named("alice").await.unwrap(), Some(alice.clone()));
        let again = User { sub: "u_other".to_owned(), ..alice.clone() };
        assert!(matches!(store.add_user(&again, &act()).await, Err(StoreError::Conflict(_))));
        store.add_user(&user("bob"), &act()).await.unwrap();
        let names: Vec<_> = store.users().await.unwrap().into_iter().map(|user| user.username).collect();
        assert_eq!(names, ["alice", "bob"]);
        store.remove_user("u_alice", &act()).await.unwrap();
        assert_eq!(store.user("u_alice").await.unwrap(), None);
        assert!(matches!(store.remove_user("u_alice", &act()).await, Err(StoreError::NotFound(_))));
        assert_eq!(store.audit(10).await.unwrap().len(), 3, "d04: refused acts leave no line");
    }

    async fn a_session_begins_only_for_the_account_as_its_person_proved_it(db: TestDb) {
        let store = db.store().await;
        let alice = user("alice");
        store.add_user(&alice, &act()).await.unwrap();
        assert!(store.add_session(&session(&alice, "1"), &alice).await.unwrap());
        changed(&store, |user| User { password: Some(Secret::new("$argon2id$two")), ..user }).await;
        assert!(!store.add_session(&session(&alice, "2"), &alice).await.unwrap(), "another password");
        let now = store.user("u_alice").await.unwrap().unwrap();
        assert!(store.add_session(&session(&now, "2"), &now).await.unwrap());
        changed(&store, |user| User { not_before: NOW, ..user }).await;
        assert!(!store.add_session(&session(&now, "3"), &now).await.unwrap(), "a second that is over");
        changed(&store, |user| User { not_before: Timestamp(0), enabled: false, ..user }).await;
        assert!(!store.add_session(&session(&now, "3"), &now).await.unwrap(), "a disabled account");
    }

    async fn a_session_that_waits_for_a_change_of_its_account_sees_it(db: TestDb) {
        let store = db.store().await;
        let alice = user("alice");
        store.add_user(&alice, &act()).await.unwrap();
        // Many logins beside a change: those that begin after it are refused, those before it are ended by it.
        let logins: Vec<_> = (0..32)
            .map(|n| {
                let (store, alice) = (store.clone(), alice.clone());
                tokio::spawn(async move {
                    store.add_session(&session(&alice, &format!("s{n}")), &alice).await.unwrap()
                })
            })
            .collect();
        let change = |present: &User| {
            let password = Some(Secret::new("$argon2id$two"));
            Ok::<_, StoreError>(Some((User { password, ..present.clone() }, None)))
        };
        store.change_user("u_alice", true, change).await.unwrap();
        for login in logins {
            login.await.unwrap();
        }
        assert_eq!(store.sessions_of("u_alice").await.unwrap(), vec![], "none of them outlives the change");
    }

    async fn sessions_and_consents_go_with_their_account(db: TestDb) {
        let store = db.store().await;
        let alice = user("alice");
        store.add_user(&alice, &act()).await.unwrap();
        store.add_session(&session(&alice, "1"), &alice).await.unwrap();
        store.use_session("hash-1", NOW.plus(90)).await.unwrap();
        let used = store.session("hash-1").await.unwrap().unwrap();
        assert_eq!((used.used_at, used.methods.as_slice()), (NOW.plus(90), ["pwd".to_owned()].as_slice()));
        let mut consent = Consent {
            sub: alice.sub.clone(),
            client_id: "app".parse().unwrap(),
            redirect_host: "app.example.com".to_owned(),
            scopes: "read".parse().unwrap(),
            resources: vec!["api".parse().unwrap()],
            granted_at: NOW,
        };
        store.keep_consent(&consent).await.unwrap();
        consent.scopes = "read write".parse().unwrap();
        store.keep_consent(&consent).await.unwrap();
        let found = store.consent("u_alice", &consent.client_id, "app.example.com").await.unwrap();
        assert_eq!(found, Some(consent.clone()));
        assert_eq!(store.consents_of("u_alice").await.unwrap(), [consent]);
        store.end_session("1", "u_bob").await.unwrap();
        assert!(store.session("hash-1").await.unwrap().is_some(), "nobody ends another's session");
        store.remove_user("u_alice", &act()).await.unwrap();
        assert_eq!(store.session("hash-1").await.unwrap(), None);
        assert_eq!(store.consents_of("u_alice").await.unwrap(), []);
    }

    async fn a_grant_that_is_ended_again_is_cut_off_for_as_long_as_its_newest_token_lives(db: TestDb) {
        let store = db.store().await;
        store.ensure_epoch("epoch").await.unwrap();
        let scope = CutOffScope::Grant("g");
        let now = store.now().await.unwrap();
        for end in [60, 3_600, 3_600] {
            store.revoke(&Revocation::whenever(scope, now.plus(end)), now).await.unwrap();
        }
        let rows = "SELECT COUNT(*) FROM revocations WHERE kind = 'cut_off:grant_id'";
        assert_eq!(db.count(rows).await, 2, "the later end is there, once");
    }
}
