//! The rows task/... and timer/... with tokio: their twins are in pool/bench_test.go,
//! pool/bench_timer_test.go, task/chans/bench_test.go and task/lock/bench_test.go.

use crate::report::{Of, Random};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, Mutex};
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
        if w == workers {
            of.each(&["task/blocking"], |n| inside(&rt, blocking(n)));
            let two = Builder::new_multi_thread().worker_threads(2).build().unwrap();
            of.each(&["task/inject"], |n| inject(&two, n)); // ours always is on two
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

/// A future of a function: std has it from Rust 1.64 on, and Debian 12 has 1.63.
struct PollFn<F>(F);

impl<T, F: FnMut(&mut Context<'_>) -> Poll<T> + Unpin> Future for PollFn<F> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        (self.0)(cx)
    }
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

/// A member of a ring waits for the baton, and says how to wake it.
#[derive(Default)]
struct Member {
    has: bool,
    waker: Option<Waker>,
}

/// A ring of tasks passes a baton n times, with bare wakers, as ours do: the least that
/// tokio takes (with Notify, half as much again).
async fn pass(members: usize, n: u64) -> Duration {
    let ring: Vec<Arc<std::sync::Mutex<Member>>> = (0..members).map(|_| Default::default()).collect();
    let left = Arc::new(AtomicI64::new(n as i64));
    let give = |m: &std::sync::Mutex<Member>| {
        let mut m = m.lock().unwrap();
        m.has = true;
        m.waker.as_ref().unwrap().wake_by_ref();
    };
    let mut all = Vec::new();
    for i in 0..members {
        let (me, next, left) = (ring[i].clone(), ring[(i + 1) % members].clone(), left.clone());
        all.push(tokio::spawn(PollFn(move |cx: &mut Context<'_>| {
            {
                let mut me = me.lock().unwrap();
                if me.waker.is_none() {
                    me.waker = Some(cx.waker().clone()); // a task's waker is always the same
                }
                if !std::mem::take(&mut me.has) {
                    return Poll::Pending;
                }
            }
            let n = left.load(Relaxed); // who has the baton is alone with it
            left.store(n - 1, Relaxed);
            give(&next);
            if n > 0 { Poll::Pending } else { Poll::Ready(()) }
        })));
    }
    while ring.iter().any(|m| m.lock().unwrap().waker.is_none()) {
        yield_now().await; // until all wait
    }
    let begin = Instant::now();
    give(&ring[0]);
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
    PollFn(|cx: &mut Context<'_>| {
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
