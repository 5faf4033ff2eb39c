//! A grant that a program defines by itself: a voucher that is good once.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use futures_util::future::{BoxFuture, join_all};
use http::Request;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;
use trefoil_provider::Provider;
use trefoil_provider::app::App;
use trefoil_provider::grants::{
    Ceiling, Change, ClientRule, Grant, Granted, Grants, NotGranted, Refusal, TokenAsk,
};
use trefoil_provider::keys::{KeyHome, KeyStoreKind};
use trefoil_provider::model::{Authentication, Client, StoredSecret};
use trefoil_provider::protocol::{Denied, GrantDenied, Unavailable, samples};
use trefoil_provider::records::{Body as Held, Created, Key, Record, Version};
use trefoil_provider::secrets::{OsRng, Rng, RootSecrets};
use trefoil_provider::store::{Act, DatabaseSettings, Store};
use trefoil_shared::jose::Algorithm;
use trefoil_shared::{GrantType, Secret, Timestamp};

const VOUCHER: GrantType = GrantType::from_static("urn:example:voucher");
const SECRET: &str = "tfs_secret-of-the-shop";
const FORMAT: u32 = 1;

/// What is stored of a voucher.
#[derive(Serialize, Deserialize)]
struct Stored {
    bearer: String,
    pin: String,
}

/// The grant. A wrong `pin` spends the voucher, too.
struct Vouchers;

impl Grant for Vouchers {
    fn name(&self) -> GrantType {
        VOUCHER
    }

    fn client_rule(&self) -> ClientRule {
        ClientRule::Any
    }

    fn exchange<'a>(&'a self, ask: TokenAsk<'a>) -> BoxFuture<'a, Result<Granted, NotGranted>> {
        Box::pin(async move {
            let code = ask.params.get("voucher").ok_or(Denied::Grant(GrantDenied::GrantMalformed))?;
            let key: Key =
                format!("voucher.{code}").parse().map_err(|_| Denied::Grant(GrantDenied::GrantMalformed))?;
            let found =
                ask.records.read(&key, ask.now()).await?.ok_or(Denied::Grant(GrantDenied::GrantRefused))?;
            let stored: Stored =
                found.body.read(FORMAT).map_err(|_| Denied::Unavailable(Unavailable::Internal))?;
            let spent = Change::Remove { key, seen: found.version };
            if ask.params.get("pin") != Some(stored.pin.as_str()) {
                return Err(Refusal {
                    order: Some(spent),
                    ..Refusal::from(Denied::Grant(GrantDenied::GrantRefused))
                }
                .into());
            }
            let ceiling = Ceiling {
                scopes: "read".parse().map_err(|_| Denied::Unavailable(Unavailable::Internal))?,
                resources: vec!["api".parse().map_err(|_| Denied::Unavailable(Unavailable::Internal))?],
            };
            Ok(Granted { ceiling: Some(ceiling), commit: Some(spent), ..Granted::to(stored.bearer) })
        })
    }
}

struct Shop {
    app: App,
    router: Router,
    _directory: TempDir,
}

impl Shop {
    /// A server that takes vouchers, with the client `shop` for them and the client `machine`, which may not.
    async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("test.db");
        let settings = DatabaseSettings::at(format!("sqlite://{}", file.display()));
        let root = Arc::new(RootSecrets::from_bytes(&[7; 32]));
        let provider = Provider::builder("https://auth.example.com".parse().unwrap())
            .store(Store::connect(&settings).await.unwrap())
            .root(Arc::clone(&root))
            .keys(KeyHome::new(KeyStoreKind::Database, directory.path()))
            .grants(Grants::standard().with(Vouchers))
            .open()
            .await
            .unwrap();
        let app = provider.app().clone();
        let (store, now) = (app.store(), app.store().now().await.unwrap());
        app.keys().keys().generate(Algorithm::ES256, now, None).await.unwrap();
        app.keys().refresh(now).await.unwrap();
        let act = Act::new(now, "test", "test", "test");
        store.add_resource(&samples::resource("api", "read write"), &act).await.unwrap();
        for (id, grant) in [("shop", VOUCHER), ("machine", GrantType::CLIENT_CREDENTIALS)] {
            store.add_client(&client(&root, (id, grant), now), &act).await.unwrap();
        }
        app.registry().poll_once().await.unwrap();
        Self { router: provider.router(), app, _directory: directory }
    }

    async fn put(&self, code: &str) {
        let stored = Stored { bearer: "alice".to_owned(), pin: "1234".to_owned() };
        let now = self.app.store().now().await.unwrap();
        let record = Record {
            version: Version::from_bytes([1; 16]),
            expires: now.plus(600),
            body: Held::new(FORMAT, &stored).unwrap(),
        };
        let key = format!("voucher.{code}").parse().unwrap();
        assert_eq!(self.app.records().create(&key, &record, now).await.unwrap(), Created::New);
    }

    async fn redeem(&self, client: &str, form: &str) -> (u16, Value) {
        let basic = STANDARD.encode(format!("{client}:{SECRET}"));
        let request = Request::post("/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", format!("Basic {basic}"))
            .body(Body::from(format!("grant_type=urn:example:voucher&{form}")))
            .unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }
}

fn client(root: &RootSecrets, (id, grant): (&str, GrantType), now: Timestamp) -> Client {
    let mut client = Client {
        client_id: id.parse().unwrap(),
        grant_types: vec![grant],
        resources: vec!["api".parse().unwrap()],
        scopes: "read write".parse().unwrap(),
        ..samples::client()
    };
    let hash = root.hash_client_secret(&client.client_id, &Secret::new(SECRET));
    if let Authentication::Confidential { secrets, .. } = &mut client.authentication {
        secrets.push(StoredSecret { id: OsRng.id(), hash, created_at: now, expires_at: None });
    }
    client
}

fn claims(answer: &Value) -> Value {
    let token = answer["access_token"].as_str().unwrap();
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

fn refused(error: &str) -> impl Fn(&(u16, Value)) -> bool {
    move |(status, body)| *status == 400 && body["error"] == error
}

#[tokio::test]
async fn a_grant_of_another_program_gives_tokens_within_its_ceiling() {
    let shop = Shop::open().await;
    shop.put("one").await;
    let wider = shop.redeem("shop", "voucher=one&pin=1234&scope=write").await;
    assert!(refused("invalid_scope")(&wider), "the client may, the voucher does not allow it: {wider:?}");
    let (status, body) = shop.redeem("shop", "voucher=one&pin=1234").await;
    assert_eq!((status, &body["scope"]), (200, &"read".into()), "and it was not spent: {body}");
    let claims = claims(&body);
    assert_eq!((&claims["sub"], &claims["client_id"]), (&"alice".into(), &"shop".into()));
    assert!(refused("invalid_grant")(&shop.redeem("shop", "voucher=one&pin=1234").await), "it was good once");
    assert!(refused("invalid_request")(&shop.redeem("shop", "").await));
    assert!(refused("unauthorized_client")(&shop.redeem("machine", "voucher=one&pin=1234").await));
}

#[tokio::test]
async fn metadata_lists_the_grant() {
    let shop = Shop::open().await;
    let path = "/.well-known/oauth-authorization-server";
    let answer = shop.router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    let metadata: Value = serde_json::from_slice(&body).unwrap();
    let listed = serde_json::json!([
        "client_credentials",
        "authorization_code",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:example:voucher"
    ]);
    assert_eq!(metadata["grant_types_supported"], listed);
}

#[tokio::test]
async fn the_order_of_a_refusal_is_carried_out() {
    let shop = Shop::open().await;
    shop.put("one").await;
    assert!(refused("invalid_grant")(&shop.redeem("shop", "voucher=one&pin=0000").await));
    assert!(refused("invalid_grant")(&shop.redeem("shop", "voucher=one&pin=1234").await), "it is spent");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_callers_with_one_voucher_one_gets_a_token() {
    let shop = Arc::new(Shop::open().await);
    for round in 0..5 {
        shop.put(&format!("r{round}")).await;
        let callers = (0..64).map(|_| {
            let shop = Arc::clone(&shop);
            tokio::spawn(async move { shop.redeem("shop", &format!("voucher=r{round}&pin=1234")).await })
        });
        let answers: Vec<_> = join_all(callers).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers.iter().filter(|(status, _)| *status == 200).count(), 1, "{answers:?}");
        let busy = |answer: &(u16, Value)| answer.0 == 503;
        let others = |answer: &(u16, Value)| refused("invalid_grant")(answer) || busy(answer);
        assert_eq!(answers.iter().filter(|answer| others(answer)).count(), 63, "{answers:?}");
    }
}
