//! The rows forkjoin/... and par/... with rayon: their twins are in pool/bench_fork_test.go
//! and pool/par/bench_test.go.

use crate::report::{least, opaque, Of, Random};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::time::Instant;

pub fn rows(workers: usize) {
    for w in if workers == 1 { vec![1] } else { vec![1, workers] } {
        let pool = ThreadPoolBuilder::new().num_threads(w).build().unwrap();
        fibonacci(&pool, w);
        trees(&pool, w);
    }
    let pool = ThreadPoolBuilder::new().num_threads(workers).build().unwrap();
    fibonacci_scale(&pool, workers);
    board(&pool, workers);
    sort(&pool, workers);
    reduce(&pool, workers);
}

fn rayon(workers: usize) -> Of {
    Of { peer: "rayon", workers }
}

fn sequential(workers: usize) -> Of {
    Of { peer: "sequential Rust", workers }
}

// ---- Fibonacci ------------------------------------------------------------------------

fn fib_seq(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    opaque(fib_seq(n - 1)) + opaque(fib_seq(n - 2))
}

fn fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (x, y) = rayon::join(|| fib(n - 1), || fib(n - 2));
    x + y
}

/// The seconds of the sequential call, and of the one with forks.
fn fib_times(pool: &ThreadPool, n: u64, rounds: usize) -> (f64, f64) {
    let want = fib_seq(n);
    let t = least(
        rounds,
        &mut [&mut || assert_eq!(fib_seq(opaque(n)), want), &mut || assert_eq!(pool.install(|| fib(n)), want)],
    );
    (t[0], t[1])
}

/// rayon has one way to fork, Heist has three, and a row for each.
fn fibonacci(pool: &ThreadPool, workers: usize) {
    let n = 30;
    let (seq, par) = fib_times(pool, n, 10);
    for name in ["forkjoin/fib", "forkjoin/fib-join"] {
        rayon(workers).row(name, "ms", par * 1e3);
    }
    if workers == 1 {
        let forks = (fib_seq(n + 1) - 1) as f64;
        for name in ["forkjoin/fib", "forkjoin/fib-join", "forkjoin/fib-closure"] {
            rayon(workers).row(name, "ns/fork", (par - seq) * 1e9 / forks);
        }
    }
}

fn fibonacci_scale(pool: &ThreadPool, workers: usize) {
    let (seq, par) = fib_times(pool, 36, 3);
    rayon(workers).row("forkjoin/fib-scale", "x", seq / par);
}

// ---- trees ----------------------------------------------------------------------------

struct Node {
    left: Option<Box<Node>>,
    right: Option<Box<Node>>,
    value: u64,
}

fn grow(depth: u64) -> Option<Box<Node>> {
    if depth == 0 {
        return None;
    }
    Some(Box::new(Node { left: grow(depth - 1), right: grow(depth - 1), value: depth }))
}

fn sum_seq(n: &Option<Box<Node>>) -> u64 {
    match n {
        None => 0,
        Some(n) => n.value + sum_seq(&n.left) + sum_seq(&n.right),
    }
}

fn sum(n: &Option<Box<Node>>) -> u64 {
    match n {
        None => 0,
        Some(n) if n.left.is_none() && n.right.is_none() => n.value,
        Some(n) => {
            let (x, y) = rayon::join(|| sum(&n.left), || sum(&n.right));
            n.value + x + y
        }
    }
}

fn trees(pool: &ThreadPool, workers: usize) {
    let trees: Vec<_> = (0..64).map(|_| grow(14)).collect();
    let want = 64 * (2 * ((1 << 14) - 1) - 14);
    let t = least(
        10,
        &mut [
            &mut || assert_eq!(trees.iter().map(sum_seq).sum::<u64>(), want),
            &mut || assert_eq!(trees.iter().map(|t| pool.install(|| sum(t))).sum::<u64>(), want),
        ],
    );
    sequential(workers).row("forkjoin/tree", "µs/tree", t[0] * 1e6 / 64.0);
    rayon(workers).row("forkjoin/tree", "µs/tree", t[1] * 1e6 / 64.0);
}

// ---- queens ---------------------------------------------------------------------------

/// A row of a board, what attacks it, and where a queen may still be tried.
#[derive(Clone, Copy)]
struct Board {
    all: u32,
    cols: u32,
    left: u32,
    right: u32,
    free: u32,
}

impl Board {
    fn next(self, bit: u32) -> Board {
        let (cols, left, right) = (self.cols | bit, (self.left | bit) << 1, (self.right | bit) >> 1);
        Board { all: self.all, cols, left, right, free: self.all & !(cols | left | right) }
    }

    /// The board below, with a queen in the first free place, and what is left of the row.
    fn first(self) -> (Board, Board) {
        let bit = self.free & self.free.wrapping_neg();
        (self.next(bit), Board { free: self.free ^ bit, ..self })
    }
}

fn queens_seq(mut b: Board) -> u64 {
    if b.cols == b.all {
        return 1;
    }
    let mut count = 0;
    while b.free != 0 {
        let (below, rest) = b.first();
        count += queens_seq(below);
        b = rest;
    }
    count
}

fn queens(b: Board) -> u64 {
    if b.cols == b.all {
        return 1;
    }
    if b.free == 0 {
        return 0;
    }
    let (below, rest) = b.first();
    if rest.free == 0 {
        return queens(below);
    }
    let (x, y) = rayon::join(|| queens(below), || queens(rest));
    x + y
}

fn board(pool: &ThreadPool, workers: usize) {
    let all = (1 << 13) - 1;
    let empty = Board { all, cols: 0, left: 0, right: 0, free: all };
    let t = least(
        3,
        &mut [&mut || assert_eq!(queens_seq(empty), 73_712), &mut || assert_eq!(pool.install(|| queens(empty)), 73_712)],
    );
    rayon(workers).row("forkjoin/nqueens", "x", t[0] / t[1]);
}

// ---- slices ---------------------------------------------------------------------------

fn sort(pool: &ThreadPool, workers: usize) {
    let n = 10_000_000;
    let mut random = Random(3);
    let source: Vec<i64> = (0..n).map(|_| (random.next() >> 1) as i64).collect();
    let sum = |s: &[i64]| s.iter().fold(0, |x: i64, y| x.wrapping_add(*y));
    let sorts: [(Of, &str, &dyn Fn(&mut [i64])); 4] = [
        (sequential(workers), "par/sort", &|s| s.sort_unstable()),
        (rayon(workers), "par/sort", &|s| pool.install(|| s.par_sort_unstable())),
        (sequential(workers), "par/sort-stable", &|s| s.sort()),
        (rayon(workers), "par/sort-stable", &|s| pool.install(|| s.par_sort())),
    ];
    let mut s = source.clone();
    for (of, name, f) in sorts {
        let mut best = f64::INFINITY;
        for _ in 0..2 {
            s.copy_from_slice(&source);
            let begin = Instant::now();
            f(&mut s);
            best = best.min(begin.elapsed().as_secs_f64());
            assert!(s.windows(2).all(|w| w[0] <= w[1]), "not sorted");
            assert_eq!(sum(&s), sum(&source), "not what was there before");
        }
        of.row(name, "ns/elem", best * 1e9 / n as f64);
    }
}

fn reduce(pool: &ThreadPool, workers: usize) {
    let n = 100_000_000;
    let s: Vec<i32> = (0..n).map(|i| (i as u32).wrapping_mul(2654435761) as i32).collect();
    let want = s.iter().fold(0, |x: i32, y| x.wrapping_add(*y));
    let op: fn(i32, i32) -> i32 = i32::wrapping_add;
    let op = unsafe { std::ptr::read_volatile(&op) }; // of which the compiler knows nothing
    let t = least(
        3,
        &mut [
            &mut || assert_eq!(s.iter().fold(0, |x, y| op(x, *y)), want),
            &mut || assert_eq!(pool.install(|| s.par_iter().copied().reduce(|| 0, op)), want),
            &mut || assert_eq!(s.iter().fold(0, |x: i32, y| x.wrapping_add(*y)), want),
            &mut || assert_eq!(pool.install(|| s.par_iter().copied().reduce(|| 0, i32::wrapping_add)), want),
        ],
    );
    let each = |t: f64| t * 1e9 / n as f64;
    sequential(workers).row("par/reduce", "ns/elem", each(t[0]));
    rayon(workers).row("par/reduce", "ns/elem", each(t[1]));
    sequential(workers).row("par/sum", "ns/elem", each(t[2]));
    rayon(workers).row("par/sum", "ns/elem", each(t[3]));
}
