//! Names for orders that come without one.

/// Digits and letters that nobody takes for one another: no I, L, O, U.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A reference that a person can read out, such as `7K2M-9QXD-4TEA`. Of its 60 random bits a
/// user with a million orders will hardly ever see the same twice.
pub(crate) fn draw() -> String {
    let bits: u64 = rand::random();
    let group = |nth: u32| -> String {
        let letter = |place: u32| LETTERS[(bits >> (20 * nth + 5 * place) & 31) as usize];
        (0..4).map(|place| char::from(letter(place))).collect()
    };
    [group(0), group(1), group(2)].join("-")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn references_are_short_readable_and_not_alike() {
        let drawn: HashSet<String> = (0..1000).map(|_| draw()).collect();
        assert_eq!(drawn.len(), 1000);
        for reference in drawn {
            assert_eq!(reference.len(), 14);
            let readable = |c: char| c == '-' || LETTERS.contains(&(c as u8));
            assert!(reference.chars().all(readable), "{reference}");
        }
    }
}
