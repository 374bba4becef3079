//! Numbers of bytes as text.

use std::fmt;

use crate::Count;

/// A number of bytes. It is displayed in binary units with at most three significant digits, `61 MiB` or `1.5 GiB`; below
/// 1 KiB and from 2^70 on, in bytes: `640 bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub Count);

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

impl Bytes {
    /// The texts of two numbers of bytes, in whole bytes if they would look the same otherwise.
    pub fn apart(a: Count, b: Count) -> [String; 2] {
        let short = [a, b].map(|bytes| Bytes(bytes).to_string());
        if short[0] != short[1] || a == b {
            return short;
        }
        let digits = |bytes: Count| bytes.exact().map_or_else(|| bytes.to_string(), |exact| exact.to_string());
        [a, b].map(|bytes| format!("{} bytes", digits(bytes)))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = self.0.exact().filter(|&bytes| bytes < 1 << 70);
        let Some(bytes) = exact else { return write!(f, "{} bytes", self.0) };
        if bytes < 1 << 10 {
            return write!(f, "{bytes} byte{}", if bytes == 1 { "" } else { "s" });
        }
        let mut unit = (bytes.ilog2() / 10) as usize;
        let mut value = bytes as f64 / (10.0 * unit as f64).exp2();
        // 1023.7 has four digits and would be shown as 1024.
        if value >= 999.5 && unit < UNITS.len() {
            unit += 1;
            value /= 1024.0;
        }
        let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
        let text = format!("{value:.digits$}");
        let text = if digits > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        write!(f, "{text} {}", UNITS[unit - 1])
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;
    use crate::Count;

    #[test]
    fn bytes_have_three_digits_and_a_unit() {
        let shown = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1 KiB"),
            (1912, "1.87 KiB"),
            (10_000, "9.77 KiB"),
            (64_000_000, "61 MiB"),
            (100 << 10, "100 KiB"),
            (1_048_000, "1 MiB"),
            (3 << 29, "1.5 GiB"),
            (67_280_000_000_000, "61.2 TiB"),
            (u64::MAX, "16 EiB"),
        ];
        for (bytes, text) in shown {
            assert_eq!(Bytes(Count::from(bytes)).to_string(), text);
        }
        assert_eq!(
            Bytes::apart(Count::from(64_000_008u64), Count::from(64_000_000u64)),
            ["64000008 bytes", "64000000 bytes"]
        );
        assert_eq!(Bytes::apart(Count::from(2048u64), Count::from(1024u64)), ["2 KiB", "1 KiB"]);
    }
}
