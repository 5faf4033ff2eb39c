//! The one place that asks for randomness.

use trefoil_shared::{Secret, TypedValue, ValueKind};

/// A source of random bytes; tests bring their own.
pub trait Rng: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);

    /// 256 random bits.
    fn bytes32(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.fill(&mut bytes);
        bytes
    }

    /// 128 random bits.
    fn bytes16(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        bytes
    }

    /// A new value of a kind.
    fn typed_value(&self, kind: ValueKind) -> TypedValue {
        TypedValue::from_bytes(kind, &self.bytes32())
    }

    /// An identifier of 96 random bits in base64url (16 characters): `jti`, secret ids.
    fn id(&self) -> String {
        use base64::Engine;
        let mut bytes = [0; 12];
        self.fill(&mut bytes);
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    }

    /// A new client secret as its holder gets it.
    fn client_secret(&self) -> Secret {
        self.typed_value(ValueKind::ClientSecret).secret().clone()
    }
}

/// The operating system's generator, through aws-lc.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRng;

impl Rng for OsRng {
    #[expect(clippy::disallowed_methods, reason = "the edge: everybody else gets an Rng")]
    #[expect(clippy::expect_used, reason = "to go on without randomness would be worse than to end")]
    fn fill(&self, buffer: &mut [u8]) {
        aws_lc_rs::rand::fill(buffer).expect("the operating system gives random bytes");
    }
}
