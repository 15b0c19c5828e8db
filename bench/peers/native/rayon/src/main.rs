// The rows forkjoin/fib and forkjoin/tree with rayon, to compare with
//
//	go test -run '^$' -bench 'Forkjoin' ./pool
//
// Each contender runs in turn with the sequential one, and the least times count.

use std::hint::black_box;
use std::time::{Duration, Instant};

fn fib_seq(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    black_box(fib_seq(n - 1)) + black_box(fib_seq(n - 2))
}

fn fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (x, y) = rayon::join(|| fib(n - 1), || fib(n - 2));
    x + y
}

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
        Some(n) => {
            if n.left.is_none() && n.right.is_none() {
                return n.value;
            }
            let (x, y) = rayon::join(|| sum(&n.left), || sum(&n.right));
            n.value + x + y
        }
    }
}

fn least(best: &mut Duration, f: impl FnOnce() -> u64, want: u64) {
    let begin = Instant::now();
    let got = f();
    let took = begin.elapsed();
    assert_eq!(got, want);
    if took < *best {
        *best = took;
    }
}

fn main() {
    let rounds = 20;
    for threads in [1, 2, 4, 8, 16] {
        if threads > std::thread::available_parallelism().unwrap().get() {
            break;
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();

        let n = 30;
        let want = fib_seq(n);
        let forks = (fib_seq(n + 1) - 1) as f64;
        let (mut seq, mut par) = (Duration::MAX, Duration::MAX);
        for _ in 0..rounds {
            least(&mut seq, || fib_seq(n), want);
            least(&mut par, || pool.install(|| fib(n)), want);
        }
        println!(
            "rayon/fib/threads-{threads}: {:.2} ms, sequential {:.2} ms, {:.2} ns a fork over it",
            par.as_secs_f64() * 1e3,
            seq.as_secs_f64() * 1e3,
            (par.as_secs_f64() - seq.as_secs_f64()) * 1e9 / forks
        );

        let (depth, copies) = (14, 64);
        let trees: Vec<_> = (0..copies).map(|_| grow(depth)).collect();
        let want = trees.iter().map(sum_seq).sum::<u64>();
        let (mut seq, mut par) = (Duration::MAX, Duration::MAX);
        for _ in 0..rounds {
            least(&mut seq, || trees.iter().map(sum_seq).sum(), want);
            least(&mut par, || trees.iter().map(|t| pool.install(|| sum(t))).sum(), want);
        }
        println!(
            "rayon/tree/threads-{threads}: {:.1} µs a tree, sequential {:.1} µs",
            par.as_secs_f64() * 1e6 / copies as f64,
            seq.as_secs_f64() * 1e6 / copies as f64
        );
    }
}
