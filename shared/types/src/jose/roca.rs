//! RSA moduli of the broken generator in CVE-2017-15361 (ROCA).
//!
//! Its primes are `k * M + (65537^a mod M)` with `M` the product of the first primes, so that the modulus, taken
//! modulo each small prime, is a power of 65537. A sound modulus passes all these tests by chance about once in
//! 2^28.

/// The small primes modulo which the powers of 65537 are few enough to tell.
const PRIMES: [u16; 17] = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];

/// Whether the big-endian `modulus` bears the fingerprint.
pub(super) fn is_broken(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|prime| is_power_of_65537(remainder(modulus, *prime), *prime))
}

fn remainder(number: &[u8], prime: u16) -> u16 {
    let prime = u32::from(prime);
    let rest = number.iter().fold(0_u32, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
    u16::try_from(rest).unwrap_or(0)
}

fn is_power_of_65537(value: u16, prime: u16) -> bool {
    let (value, prime) = (u32::from(value), u32::from(prime));
    let generator = 65_537 % prime;
    std::iter::successors(Some(1_u32), |power| Some(power * generator % prime))
        .take(usize::try_from(prime).unwrap_or(0))
        .any(|power| power == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a090_powers_of_65537_bear_the_fingerprint_and_a_sound_number_does_not() {
        assert!(is_broken(&[1]));
        assert!(is_broken(&65_537_u32.to_be_bytes()));
        assert!(is_broken(&(65_537_u64 * 65_537).to_be_bytes()));
        assert!(!is_broken(&65_539_u32.to_be_bytes()));
        assert!(!is_broken(&[0]));
    }
}
