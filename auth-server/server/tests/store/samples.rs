//! Clients, resources and tokens to work with.

use serde_json::json;
use trefoil_auth_server::model::{
    Authentication, Client, ClientMetadata, OpaqueToken, Profile, Resource, SecretHash, StoredSecret,
    TokenFormat,
};
use trefoil_auth_server::secrets::RootSecrets;
use trefoil_auth_server::store::Act;
use trefoil_shared::jose::Algorithm;
use trefoil_shared::{AuthMethod, ClientId, GrantType, ResourceIndicator, Secret, Timestamp};

pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000);

pub(crate) fn roots() -> RootSecrets {
    RootSecrets::from_bytes(&[1; 32])
}

pub(crate) fn id(text: &str) -> ClientId {
    text.parse().unwrap()
}

pub(crate) fn name(text: &str) -> ResourceIndicator {
    text.parse().unwrap()
}

pub(crate) fn act(action: &str, target: &str) -> Act {
    Act::new(NOW, "tester", action, target).with_detail(json!({"by": "a test"}))
}

/// A client with every field set, and one secret: `secret of ID`.
pub(crate) fn client(text: &str) -> Client {
    let client_id = id(text);
    let hash = roots().hash_client_secret(&client_id, &secret_of(text));
    Client {
        client_id,
        name: format!("Client '{text}' \"ä\""),
        profile: Profile::Oauth21,
        authentication: Authentication::Confidential {
            methods: vec![AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost],
            secrets: vec![stored("one", hash)],
        },
        grant_types: vec![GrantType::CLIENT_CREDENTIALS],
        resources: vec![name("api_v0.0.1"), name("https://api.example.com/")],
        scopes: "read write".parse().unwrap(),
        default_scope: Some("read".parse().unwrap()),
        token_lifetime: Some(600),
        claims: json!({"tenant": 7, "tags": ["a", "b"]}).as_object().unwrap().clone(),
        redirect_uris: vec!["https://app.example.com/cb".to_owned()],
        metadata: ClientMetadata { first_party: Some(true), ..ClientMetadata::default() },
        enabled: true,
        imported_from: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(crate) fn secret_of(client: &str) -> Secret {
    Secret::new(format!("secret of {client}"))
}

pub(crate) fn stored(id: &str, hash: SecretHash) -> StoredSecret {
    StoredSecret { id: id.to_owned(), hash, created_at: NOW, expires_at: None }
}

pub(crate) fn secrets(client: &Client) -> &[StoredSecret] {
    match &client.authentication {
        Authentication::Confidential { secrets, .. } => secrets,
        Authentication::Public => &[],
    }
}

pub(crate) fn set_secrets(client: &mut Client, new: Vec<StoredSecret>) {
    if let Authentication::Confidential { secrets, .. } = &mut client.authentication {
        *secrets = new;
    }
}

pub(crate) fn resource(text: &str) -> Resource {
    Resource {
        name: name(text),
        audience: format!("aud of {text}"),
        scopes: "read write".parse().unwrap(),
        algorithm: Algorithm::ES256,
        token_lifetime: Some(60),
        token_format: TokenFormat::Opaque,
        introspectors: vec![id("gateway")],
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(crate) fn token(jti: &str, client: &str) -> OpaqueToken {
    OpaqueToken {
        jti: jti.to_owned(),
        client_id: id(client),
        sub: client.to_owned(),
        aud: vec!["api".to_owned()],
        resources: vec![name("api")],
        scope: "read".parse().unwrap(),
        claims: json!({"tenant": 7}).as_object().unwrap().clone(),
        issued_at: NOW,
        expires_at: NOW.plus(60),
    }
}
