//! Figures of several rounds.

use std::fmt;
use std::time::{Duration, Instant};

/// The lowest, middle and highest of some figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// `None` of no figure.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let [low, .., high] = figures[..] else {
            return figures.first().map(|&only| Spread { low: only, median: only, high: only });
        };
        let middle = figures.len() / 2;
        let median = if figures.len() % 2 == 1 {
            figures[middle]
        } else {
            f64::midpoint(figures[middle - 1], figures[middle])
        };
        Some(Spread { low, median, high })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} ({:.0} to {:.0})", self.median, self.low, self.high)
    }
}

/// The middle of what sets two rows of figures apart, each figure compared with the other of its round: what else the
/// machine did then concerned both.
pub(crate) fn median_difference(of: &[f64], from: &[f64]) -> f64 {
    Spread::of(of.iter().zip(from).map(|(of, from)| of - from)).map_or(f64::NAN, |spread| spread.median)
}

/// Rounds to do, as many as the time allows and one at least: on a slow machine there are fewer.
pub(crate) fn rounds(count: usize, within: Duration) -> impl Iterator<Item = usize> {
    let start = Instant::now();
    (0..count).take_while(move |&round| round == 0 || start.elapsed() < within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_figure_or_between_the_two() {
        let check = |figures: &[f64], expected: Option<[f64; 3]>| {
            let spread = Spread::of(figures.iter().copied());
            assert_eq!(
                spread.map(|spread| [spread.low, spread.median, spread.high]),
                expected,
                "{figures:?}"
            );
        };
        check(&[], None);
        check(&[7.0], Some([7.0, 7.0, 7.0]));
        check(&[4.0, 1.0], Some([1.0, 2.5, 4.0]));
        check(&[9.0, -1.0, 3.0], Some([-1.0, 3.0, 9.0]));
    }

    #[test]
    fn a_difference_is_between_the_figures_of_one_round() {
        // The machine was slow in the second round.
        assert_eq!(median_difference(&[12.0, 112.0, 13.0], &[10.0, 110.0, 10.0]), 2.0);
        assert!(median_difference(&[], &[]).is_nan());
    }

    #[test]
    fn there_is_one_round_however_little_time_there_is() {
        assert_eq!(rounds(5, Duration::ZERO).count(), 1);
        assert_eq!(rounds(5, Duration::from_secs(600)).count(), 5);
    }
}
