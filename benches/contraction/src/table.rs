//! The printed tables: one row for each contraction, and a summary of each group.

use crate::contender::Times;
use crate::peak::Peak;
use crate::problem::Comparison;

/// Rows below this ratio are listed.
const SLOW: f64 = 0.95;

pub fn header(group: &str, peak: Peak) {
    println!("\n## {group}\n\nFMA peak: f64 {:.1}, f32 {:.1} GFLOP/s.\n", peak.f64, peak.f32);
    println!(
        "| row | GFLOP/s | of the peak | reused ms | median | fresh ms | median | best peer | ms | median | reused | fresh |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
}

pub fn row(comparison: &Comparison) {
    let [reused, fresh] = [false, true].map(|fresh| milliseconds(comparison.own(fresh)));
    let peer = comparison.best_peer(false);
    let (name, times) =
        peer.map_or((String::from("none"), String::from(" | ")), |peer| (label(peer), milliseconds(peer)));
    let [rate, share] = [comparison.rate(), 100.0 * comparison.rate() / comparison.peak];
    let [of_reused, of_fresh] = [false, true].map(|fresh| ratio(comparison.ratio(fresh)));
    let row = comparison.row.trim_start_matches(comparison.group).trim_start_matches('/');
    println!("| {row} | {rate:.1} | {share:.0} % | {reused} | {fresh} | {name} | {times} | {of_reused} | {of_fresh} |");
}

/// Prints the times of all contenders of a row.
pub fn contenders(comparison: &Comparison) {
    for times in &comparison.all {
        println!("    {:<28} {} ms, {} rounds", label(times), milliseconds(times).replace(" | ", ", "), times.rounds());
    }
}

fn label(times: &Times) -> String {
    format!("{}{}", times.name, if times.fresh { ", fresh" } else { "" })
}

/// Least and median.
fn milliseconds(times: &Times) -> String {
    format!("{:.5} | {:.5}", 1e3 * times.least(), 1e3 * times.median())
}

fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or(String::from("-"), |ratio| format!("{ratio:.2}"))
}

/// Prints geometric means and extremes of each group, and the rows that are slower than their best peer.
pub fn summary(comparisons: &[Comparison]) {
    println!("\n## Summary: time of the best peer / time of einfold\n");
    println!("| group | rows | reused | lowest | fresh | lowest | slower than the peer | lowest GFLOP/s | highest |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for group in comparisons.chunk_by(|a, b| a.group == b.group) {
        let [reused, fresh] = [false, true].map(|fresh| {
            let ratios: Vec<f64> = group.iter().filter_map(|comparison| comparison.ratio(fresh)).collect();
            let mean = (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
            format!("{mean:.2} | {:.2}", ratios.iter().copied().fold(f64::INFINITY, f64::min))
        });
        let slow = group.iter().filter(|comparison| is_slow(comparison)).count();
        let rates = || group.iter().map(Comparison::rate);
        let (lowest, highest) = (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
        let (name, rows) = (group[0].group, group.len());
        println!("| {name} | {rows} | {reused} | {fresh} | {slow} | {lowest:.1} | {highest:.1} |");
    }
    println!("\nRows below {SLOW}:\n");
    let mut slow: Vec<&Comparison> = comparisons.iter().filter(|comparison| is_slow(comparison)).collect();
    slow.sort_by(|a, b| least_ratio(a).total_cmp(&least_ratio(b)));
    println!("| reused | fresh | row | best peer |\n|---|---|---|---|");
    for comparison in slow {
        let [reused, fresh] = [false, true].map(|fresh| ratio(comparison.ratio(fresh)));
        let peer = comparison.best_peer(false).map_or("none", |peer| peer.name);
        println!("| {reused} | {fresh} | {} | {peer} |", comparison.row);
    }
}

/// The least share of the FMA peak of a large square product. A tile that does not keep its sums in registers has a third.
const LEAST_SHARE: f64 = 0.6;
/// The flops of the least large product: between those of 32 and of 64 rows.
const LARGE_FLOPS: f64 = 2e5;

/// The rows whose rate is so low that a tile is likely to be compiled badly.
pub fn spilled(comparisons: &[Comparison]) -> Vec<&str> {
    let is_large = |c: &&Comparison| ["square", "complex"].contains(&c.group) && c.flops >= LARGE_FLOPS;
    let slow = comparisons.iter().filter(is_large).filter(|c| c.rate() < LEAST_SHARE * c.peak);
    slow.map(|c| &c.row[..]).collect()
}

/// The lower one of both ratios; infinite without a peer.
fn least_ratio(comparison: &Comparison) -> f64 {
    [false, true].into_iter().filter_map(|fresh| comparison.ratio(fresh)).fold(f64::INFINITY, f64::min)
}

fn is_slow(comparison: &Comparison) -> bool {
    least_ratio(comparison) < SLOW
}
