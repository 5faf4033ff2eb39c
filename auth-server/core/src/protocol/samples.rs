//! A client and a resource for tests.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "for tests alone, of whichever crate"
)]

use std::sync::Arc;

use trefoil_shared::jose::Algorithm;
use trefoil_shared::{AuthMethod, GrantType, Scope, Secret, Timestamp};

use super::{Authenticated, Confidential, Found, Moment, Presented, Proof, Seen, authenticate};
use crate::model::{Authentication, Client, ClientMetadata, Profile, Resource, TokenFormat};

/// A confidential client `c` for `client_credentials`, with neither secret nor resource nor scope.
pub fn client() -> Client {
    Client {
        client_id: "c".parse().unwrap(),
        name: "sample".to_owned(),
        profile: Profile::Oauth21,
        authentication: Authentication::Confidential {
            methods: vec![AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost],
            secrets: vec![],
        },
        grant_types: vec![GrantType::CLIENT_CREDENTIALS],
        resources: vec![],
        scopes: Scope::default(),
        default_scope: None,
        token_lifetime: None,
        claims: serde_json::Map::new(),
        redirect_uris: vec![],
        metadata: ClientMetadata::default(),
        enabled: true,
        imported_from: None,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

/// A resource for ES256 tokens whose audience is its name.
pub fn resource(name: &str, scopes: &str) -> Resource {
    Resource {
        name: name.parse().unwrap(),
        audience: name.to_owned(),
        scopes: scopes.parse().unwrap(),
        algorithm: Algorithm::ES256,
        token_lifetime: None,
        token_format: TokenFormat::Jwt,
        introspectors: vec![],
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

/// A client, or none, found at 1,000 s.
pub fn found(client: Option<Client>) -> Found<Client> {
    Found::new(client.map(Arc::new), Moment::new(1_000_000, 1_000_000))
}

/// A client that was seen at 1,000 s.
pub fn seen(client: Client) -> Seen<Client> {
    found(Some(client)).seen().unwrap()
}

/// A client of that id that has proved itself.
pub fn confidential(id: &str) -> Confidential {
    let client = Client { client_id: id.parse().unwrap(), ..client() };
    let presented = Presented {
        client_id: client.client_id.clone(),
        secret: Some(Secret::new("s")),
        method: AuthMethod::ClientSecretPost,
    };
    match authenticate(&presented, found(Some(client)), Proof::Right).unwrap() {
        Authenticated::Confidential(confidential) => confidential,
        Authenticated::Public(_) => panic!("the sample is confidential"),
    }
}
