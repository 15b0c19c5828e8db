//! How things are timed and printed.

use std::arch::asm;
use std::time::{Duration, Instant};

/// What a figure is of.
#[derive(Clone, Copy)]
pub struct Of {
    pub peer: &'static str,
    pub workers: usize,
}

impl Of {
    /// Prints a row.
    pub fn row(self, name: &str, unit: &str, figure: f64) {
        let better = if unit == "x" { "higher" } else { "lower" };
        println!(
            r#"{{"name": "{}", "unit": "{}", "better": "{}", "peer": {:.4}, "peer_name": "{}", "workers": {}}}"#,
            name, unit, better, figure, self.peer, self.workers
        );
    }

    /// Prints the time of an operation, in several rows: over some 150 ms, after as much as
    /// it takes to find out how many operations that is. `run` does so many and says how
    /// long they took.
    pub fn each(self, names: &[&str], mut run: impl FnMut(u64) -> Duration) {
        let mut n = 1000;
        let mut took = run(n);
        while took < Duration::from_millis(20) {
            n *= 2;
            took = run(n);
        }
        n = (n as f64 * 0.15 / took.as_secs_f64()) as u64 + 1;
        took = run(n);
        for name in names {
            self.row(name, "ns/op", took.as_secs_f64() * 1e9 / n as f64);
        }
    }
}

/// The least seconds of each of the functions, which run in turn.
pub fn least(rounds: usize, fs: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let mut best = vec![f64::INFINITY; fs.len()];
    for _ in 0..rounds {
        for (f, best) in fs.iter_mut().zip(&mut best) {
            let begin = Instant::now();
            f();
            *best = best.min(begin.elapsed().as_secs_f64());
        }
    }
    best
}

/// A number of which the compiler knows nothing, at no cost: the compiler would make a
/// loop of every other call of a sequential recursion.
#[inline(always)]
pub fn opaque(mut x: u64) -> u64 {
    // Sound: there is no instruction in it.
    unsafe { asm!("/* {0} */", inout(reg) x, options(pure, nomem, nostack, preserves_flags)) };
    x
}

/// Random numbers: splitmix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e3779b97f4a7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d049bb133111eb);
        z ^ (z >> 31)
    }
}
