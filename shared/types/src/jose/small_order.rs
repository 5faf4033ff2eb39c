//! Ed25519 public keys under which anybody can sign: points of small order, RFC 8032 section 5.1.7 and RFC 7748
//! section 7 on the cofactor.

/// The `y` of the points whose order divides 8, little-endian, the sign bit of `x` cleared.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    *b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    *b"\xec\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
    *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
];

/// Whether the key is a point of small order, or its `y` is not reduced (another text of such a point, or of none).
pub(super) fn is_weak(key: &[u8; 32]) -> bool {
    let mut y = *key;
    let [first, middle @ .., last] = &mut y;
    *last &= 0x7f;
    // The field's prime is 2^255 - 19.
    let not_reduced = *first >= 0xed && *last == 0x7f && middle.iter().all(|byte| *byte == 0xff);
    not_reduced || SMALL_ORDER.contains(&y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a090_points_of_small_order_are_weak_with_either_sign_and_in_every_text() {
        for mut point in SMALL_ORDER {
            assert!(is_weak(&point));
            point[31] |= 0x80;
            assert!(is_weak(&point));
        }
        for first in 0xed..=0xff {
            let mut point = [0xff; 32];
            point[0] = first;
            assert!(is_weak(&point));
        }
        let mut sound = [0; 32];
        sound[0] = 9;
        assert!(!is_weak(&sound));
    }
}
