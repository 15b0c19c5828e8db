//! Rows of the benchmark in rayon and in tokio:
//!
//!	peers rayon W    fork-join and slices, on 1 worker and on W
//!	peers tokio W    tasks and timers, on 1 worker and on W
//!	peers echo W     a server of tokio on W workers: it prints its address, and ends with its input
//!
//! Each row is a line of JSON, as `go run ./bench -json` has them in an array. A wrong
//! result ends the program.

mod echo;
mod forkjoin;
mod report;
mod tasks;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let workers = args.get(1).and_then(|w| w.parse().ok()).filter(|w| *w > 0);
    match (args.first().map(String::as_str), workers) {
        (Some("rayon"), Some(w)) => forkjoin::rows(w),
        (Some("tokio"), Some(w)) => tasks::rows(w),
        (Some("echo"), Some(w)) => echo::serve(w),
        _ => {
            eprintln!("usage: peers rayon|tokio|echo WORKERS");
            std::process::exit(2);
        }
    }
}
