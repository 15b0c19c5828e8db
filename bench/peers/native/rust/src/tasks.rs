//! The rows task/... and timer/... with tokio: their twins are in pool/bench_test.go,
//! pool/bench_timer_test.go, task/chans/bench_test.go and task/lock/bench_test.go.

use crate::report::{Of, Random};
use std::future::{poll_fn, Future};
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, Mutex, Notify};
use tokio::task::{unconstrained, yield_now};
use tokio::time::{sleep, Sleep};

pub fn rows(workers: usize) {
    for w in if workers == 1 { vec![1] } else { vec![1, workers] } {
        let rt = Builder::new_multi_thread().worker_threads(w).enable_all().build().unwrap();
        let of = Of { peer: "tokio", workers: w };
        // tokio has one way to start a task, Heist has two
        of.each(&["task/spawn", "task/spawn-heap"], |n| inside(&rt, spawn(n)));
        of.each(&["task/closure"], |n| inside(&rt, closure(n)));
        of.each(&["task/yield"], |n| inside(&rt, yields(n)));
        of.each(&["task/pingpong"], |n| inside(&rt, pass(2, n)));
        of.each(&["task/ring"], |n| inside(&rt, pass(503, n)));
        of.each(&["task/chan"], |n| inside(&rt, chan(n)));
        of.each(&["task/mutex"], |n| inside(&rt, mutex(n)));
        of.each(&["task/blocking"], |n| inside(&rt, blocking(n)));
        if w == workers {
            of.each(&["task/inject"], |n| inject(&rt, n));
        }
        if w == 1 {
            of.each(&["timer/arm-cancel"], |n| inside(&rt, unconstrained(arm_cancel(n))));
            reset_1m(of, &rt);
        }
    }
}

/// Runs f as a task: what block_on itself runs is not on a worker.
fn inside<T: Send + 'static>(rt: &Runtime, f: impl Future<Output = T> + Send + 'static) -> T {
    rt.block_on(async { tokio::spawn(f).await.unwrap() })
}

async fn spawn(n: u64) -> Duration {
    let begin = Instant::now();
    let (mut batch, mut done) = (Vec::with_capacity(64), 0);
    while done < n {
        batch.extend((0..64).map(|_| tokio::spawn(async {})));
        for t in batch.drain(..) {
            t.await.unwrap();
            done += 1;
        }
    }
    begin.elapsed()
}

async fn closure(n: u64) -> Duration {
    let begin = Instant::now();
    for i in 0..n {
        assert_eq!(tokio::spawn(async move { i }).await.unwrap(), i);
    }
    begin.elapsed()
}

/// The time of eight tasks that each do their part of n.
async fn eight<F: Future<Output = ()> + Send + 'static>(n: u64, f: impl Fn(u64) -> F) -> Duration {
    let begin = Instant::now();
    let all: Vec<_> = (0..8).map(|_| tokio::spawn(f(n / 8))).collect();
    for t in all {
        t.await.unwrap();
    }
    begin.elapsed()
}

async fn yields(n: u64) -> Duration {
    eight(n, |n| async move {
        for _ in 0..n {
            yield_now().await;
        }
    })
    .await
}

async fn mutex(n: u64) -> Duration {
    let mu = Arc::new(Mutex::new(0));
    let took = eight(n, |n| {
        let mu = mu.clone();
        async move {
            for _ in 0..n {
                let mut held = mu.lock().await;
                *held += 1;
                yield_now().await;
            }
        }
    })
    .await;
    assert_eq!(*mu.lock().await, n / 8 * 8);
    took
}

/// A ring of tasks passes a baton n times.
async fn pass(members: usize, n: u64) -> Duration {
    let left = Arc::new(AtomicI64::new(n as i64));
    let turns: Vec<_> = (0..members).map(|_| Arc::new(Notify::new())).collect();
    let mut all = Vec::new();
    for i in 0..members {
        let (turn, next, left) = (turns[i].clone(), turns[(i + 1) % members].clone(), left.clone());
        all.push(tokio::spawn(async move {
            loop {
                turn.notified().await;
                let n = left.load(Relaxed); // who has the baton is alone with it
                left.store(n - 1, Relaxed);
                next.notify_one();
                if n <= 0 {
                    return;
                }
            }
        }));
    }
    sleep(Duration::from_millis(1)).await; // all wait before the baton goes round
    let begin = Instant::now();
    turns[0].notify_one();
    for t in all {
        t.await.unwrap();
    }
    let took = begin.elapsed();
    assert_eq!(left.load(Relaxed), -(members as i64), "passed too often, or too rarely");
    took
}

async fn chan(n: u64) -> Duration {
    let begin = Instant::now();
    let (send, mut recv) = mpsc::channel(128);
    tokio::spawn(async move {
        for i in 0..n {
            send.send(i).await.unwrap();
        }
    });
    let receiver = tokio::spawn(async move {
        for want in 0..n {
            assert_eq!(recv.recv().await, Some(want));
        }
        assert_eq!(recv.recv().await, None);
    });
    receiver.await.unwrap();
    begin.elapsed()
}

async fn blocking(n: u64) -> Duration {
    let begin = Instant::now();
    for i in 0..n {
        assert_eq!(tokio::task::spawn_blocking(move || i).await.unwrap(), i);
    }
    begin.elapsed()
}

/// Four threads start tasks from outside, a thousand at a time.
fn inject(rt: &Runtime, n: u64) -> Duration {
    let begin = Instant::now();
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                let mut left = n / 4;
                while left > 0 {
                    let burst = left.min(1000);
                    let all: Vec<_> = (0..burst).map(|_| rt.spawn(async {})).collect();
                    rt.block_on(async {
                        for t in all {
                            t.await.unwrap();
                        }
                    });
                    left -= burst;
                }
            });
        }
    });
    begin.elapsed()
}

/// Polls a sleep, which arms it.
async fn arm(mut timer: Pin<&mut Sleep>) {
    poll_fn(|cx| {
        assert!(timer.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await
}

async fn arm_cancel(n: u64) -> Duration {
    let begin = Instant::now();
    for i in 0..n {
        let timer = sleep(Duration::from_secs(30));
        tokio::pin!(timer);
        arm(timer).await;
        if i % 1000 == 999 {
            yield_now().await;
        }
    }
    begin.elapsed()
}

const MILLION: usize = 1_000_000;

/// More than a second, and up to so many more.
fn ahead(random: &mut Random, seconds: u64) -> Duration {
    Duration::from_secs(1) + Duration::from_nanos(random.next() % (seconds * 1_000_000_000))
}

/// Resets one of a million at random.
fn reset_1m(of: Of, rt: &Runtime) {
    let state = Arc::new(Mutex::new((Vec::with_capacity(MILLION), Random(1))));
    let all = state.clone();
    inside(rt, unconstrained(async move {
        let (timers, random) = &mut *all.lock().await;
        for _ in 0..MILLION {
            let mut timer = Box::pin(sleep(ahead(random, 29)));
            arm(timer.as_mut()).await;
            timers.push(timer);
        }
    }));
    of.each(&["timer/reset-1m"], |n| {
        let all = state.clone();
        inside(rt, unconstrained(async move {
            let (timers, random) = &mut *all.lock().await;
            let begin = Instant::now();
            let mut now = tokio::time::Instant::now();
            for i in 0..n {
                let timer = &mut timers[random.next() as usize % MILLION];
                timer.as_mut().reset(now + ahead(random, 60));
                if i % 1000 == 999 {
                    yield_now().await;
                    now = tokio::time::Instant::now();
                }
            }
            begin.elapsed()
        }))
    });
}
