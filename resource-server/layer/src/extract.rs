//! axum extractors for handlers behind [`crate::RequireToken`].

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use tracing::error;
use trefoil_shared::ScopeToken;
use trefoil_shared::jose::AccessClaims;

use crate::challenge::{MetadataUrl, refusal};
use crate::demand::Demand;
use crate::refusal::{Refusal, Requested};
use crate::refused::Refused;
use crate::require::Admitted;

/// The claims of the request's token, which [`crate::RequireToken`] has verified: as they are, or as a type of your
/// own that implements [`FromClaims`].
#[derive(Clone, Debug)]
pub struct Verified<C = Arc<AccessClaims>>(pub C);

/// Made from verified claims.
pub trait FromClaims: Sized {
    /// Reads the claims; an error refuses the request.
    fn from_claims(claims: &Arc<AccessClaims>) -> Result<Self, Refused>;
}

impl FromClaims for Arc<AccessClaims> {
    fn from_claims(claims: &Arc<AccessClaims>) -> Result<Self, Refused> {
        Ok(Arc::clone(claims))
    }
}

/// The scopes that a [`Scoped`] handler asks for.
pub trait RequiredScope: Send + Sync {
    /// Every one of these.
    const ALL: &'static [&'static str];
}

/// Lets a handler run only where the token has every scope of `S`; holds the claims.
#[derive(Clone, Debug)]
pub struct Scoped<S: RequiredScope> {
    /// The verified claims.
    pub claims: Arc<AccessClaims>,
    scopes: PhantomData<S>,
}

/// A request that an extractor refused.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// Why.
    pub refused: Refused,
    metadata: Option<Arc<MetadataUrl>>,
    known: Option<Box<(Requested, Admitted)>>,
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        if let Some((requested, admitted)) = self.known.as_deref() {
            let refused = self.refused.clone();
            let claims = Some(Arc::clone(&admitted.claims));
            Refusal { refused, kid: None, claims }.log(requested, &admitted.verifier);
        }
        refusal(&self.refused, self.metadata.as_deref())
    }
}

fn admitted(parts: &Parts) -> Result<&Admitted, Rejection> {
    parts.extensions.get::<Admitted>().ok_or_else(|| {
        error!("a handler asks for verified claims, and no RequireToken layer stands before it");
        Rejection { refused: Refused::Unguarded, metadata: None, known: None }
    })
}

fn reject(parts: &Parts, admitted: &Admitted, refused: Refused) -> Rejection {
    let (metadata, known) = (admitted.metadata.clone(), (Requested::of(parts), admitted.clone()));
    Rejection { refused, metadata, known: Some(Box::new(known)) }
}

impl<C: FromClaims, S: Sync> FromRequestParts<S> for Verified<C> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let admitted = admitted(parts)?;
        C::from_claims(&admitted.claims).map(Self).map_err(|refused| reject(parts, admitted, refused))
    }
}

impl<R: RequiredScope, S: Sync> FromRequestParts<S> for Scoped<R> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let admitted = admitted(parts)?;
        let reject = |refused| reject(parts, admitted, refused);
        let scopes: Result<Vec<ScopeToken>, _> = R::ALL.iter().map(|scope| scope.parse()).collect();
        let Ok(scopes) = scopes else {
            error!(scopes = ?R::ALL, "a RequiredScope names something that is no scope");
            return Err(reject(Refused::Unguarded));
        };
        let demand = Demand::all(scopes);
        if demand.is_met_by(&admitted.claims.scope) {
            Ok(Self { claims: Arc::clone(&admitted.claims), scopes: PhantomData })
        } else {
            Err(reject(Refused::InsufficientScope(Arc::new(demand))))
        }
    }
}
