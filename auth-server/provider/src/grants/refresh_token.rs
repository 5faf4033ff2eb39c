//! A refresh token: RFC 6749 section 6, with rotation (RFC 9700 section 4.14.2).

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use trefoil_core::authorization::{GrantValueKind, refresh};
use trefoil_shared::GrantType;

use super::presented::{Presented, granted};
use super::{Beyond, ClientRule, Grant, Granted, NotGranted, TokenAsk};

/// `refresh_token`.
#[derive(Clone, Copy, Debug)]
pub struct Refresh;

impl Grant for Refresh {
    fn name(&self) -> GrantType {
        GrantType::REFRESH_TOKEN
    }

    fn client_rule(&self) -> ClientRule {
        ClientRule::Any
    }

    fn exchange<'a>(&'a self, ask: TokenAsk<'a>) -> BoxFuture<'a, Result<Granted, NotGranted>> {
        async move {
            let presented = Presented::load(&ask, GrantValueKind::Refresh, "refresh_token").await?;
            let outcome = refresh(&presented.kept, &presented.value, presented.facts(&ask))?;
            granted(&presented, outcome, Beyond::Refused, &ask)
        }
        .boxed()
    }
}
