//! A code that a person's browser brought: RFC 6749 section 4.1.3, RFC 7636.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use trefoil_core::authorization::{GrantValueKind, Redemption, redeem};
use trefoil_shared::GrantType;

use super::presented::{Presented, granted};
use super::{Beyond, ClientRule, Grant, Granted, NotGranted, TokenAsk};

/// `authorization_code`.
#[derive(Clone, Copy, Debug)]
pub struct AuthorizationCode;

impl Grant for AuthorizationCode {
    fn name(&self) -> GrantType {
        GrantType::AUTHORIZATION_CODE
    }

    fn client_rule(&self) -> ClientRule {
        ClientRule::Any
    }

    fn exchange<'a>(&'a self, ask: TokenAsk<'a>) -> BoxFuture<'a, Result<Granted, NotGranted>> {
        async move {
            let presented = Presented::load(&ask, GrantValueKind::Code, "code").await?;
            let shown = Redemption {
                redirect_uri: ask.params.get("redirect_uri"),
                verifier: ask.params.get("code_verifier"),
            };
            let outcome = redeem(&presented.kept, &presented.value, shown, presented.facts(&ask))?;
            granted(&presented, outcome, Beyond::LeftOut, &ask)
        }
        .boxed()
    }
}
