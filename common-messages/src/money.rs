//! Amounts of money: exact, two decimal places.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An amount in hundredths of its currency's unit. In JSON a number: 29.99.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

impl Money {
    /// So many hundredths.
    pub const fn from_minor(minor: i64) -> Self {
        Self(minor)
    }

    /// Hundredths.
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// So many times the amount; `None` if that cannot be counted.
    pub fn times(self, quantity: u32) -> Option<Self> {
        self.0.checked_mul(quantity.into()).map(Self)
    }

    /// The shortest decimal that names the number is what its sender wrote, up to 15 digits.
    fn from_decimal(text: &str) -> Option<Self> {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let cents = match part.len() {
            0 => 0,
            1 => part.parse::<i64>().ok()? * 10,
            2 => part.parse().ok()?,
            _ => return None,
        };
        let whole: i64 = whole.parse().ok()?;
        whole.checked_mul(100)?.checked_add(cents).map(|minor| Self(sign * minor))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let minor = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", minor / 100, minor % 100)
    }
}

impl Serialize for Money {
    #[expect(clippy::cast_precision_loss, reason = "amounts stay below 10¹³ hundredths")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 100 == 0 {
            return serializer.serialize_i64(self.0 / 100);
        }
        serializer.serialize_f64(self.0 as f64 / 100.0)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl de::Visitor<'_> for Number {
            type Value = Money;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number with at most two decimal places")
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Money, E> {
                let minor = number.checked_mul(100);
                minor
                    .map(Money)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Signed(number), &self))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Money, E> {
                let signed = i64::try_from(number);
                let invalid = |_| E::invalid_value(de::Unexpected::Unsigned(number), &self);
                signed.map_err(invalid).and_then(|number| self.visit_i64(number))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Money, E> {
                let exact = Money::from_decimal(&number.to_string());
                exact.ok_or_else(|| E::invalid_value(de::Unexpected::Float(number), &self))
            }
        }
        deserializer.deserialize_any(Number)
    }
}

impl JsonSchema for Money {
    fn schema_name() -> Cow<'static, str> {
        "Money".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_goes_out_as_it_was() {
        for text in ["29.99", "0.1", "0.01", "5", "0", "99999999999.99", "-3.5"] {
            let money: Money = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&money).unwrap(), text);
        }
        let trailing: Money = serde_json::from_str("10.50").unwrap();
        assert_eq!((trailing.minor(), trailing.to_string().as_str()), (1050, "10.50"));
    }

    #[test]
    fn a_third_decimal_and_what_is_no_number_are_refused() {
        for text in ["29.999", "0.001", "1e-3", "\"5\"", "null", "1e300", "99999999999999999999"] {
            let read = serde_json::from_str::<Money>(text);
            assert!(read.is_err(), "{text}: {read:?}");
        }
    }

    #[test]
    fn times_does_not_overflow() {
        assert_eq!(Money::from_minor(2999).times(3), Some(Money::from_minor(8997)));
        assert_eq!(Money::from_minor(i64::MAX).times(2), None);
    }
}
