// The functions of shapes.go as futures, whose sizes it prints: rustc -O shapes.rs && ./shapes
use std::future::Future;
use std::mem::size_of_val;
use std::pin::Pin;
use std::task::{Context, Poll};

struct Tick(bool);

impl Future for Tick {
    type Output = Result<(), String>;
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        if self.0 {
            return Poll::Ready(Ok(()));
        }
        self.0 = true;
        Poll::Pending
    }
}

fn tick() -> Tick {
    Tick(false)
}

struct Tree {
    left: Option<Box<Tree>>,
    value: i64,
}

struct Note<'a>(&'a std::cell::Cell<i64>, &'a str);

impl Drop for Note<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + self.1.len() as i64);
    }
}

async fn leaf(a: i64, b: i64) -> Result<i64, String> {
    let mut c = a * b;
    tick().await?;
    c += a;
    tick().await?;
    Ok(a + b + c)
}

async fn other(mut text: String) -> Result<String, String> {
    tick().await?;
    text += "!";
    tick().await?;
    Ok(text)
}

async fn branches(n: i64, text: String) -> Result<i64, String> {
    let v = leaf(n, n).await?;
    if v % 2 == 0 {
        return Ok(v + leaf(v, 1).await?);
    }
    Ok(v + other(text).await?.len() as i64)
}

async fn session(n: i64, mut text: String) -> Result<String, String> {
    let k = branches(n, text.clone()).await?;
    for _ in 0..k {
        text = other(text).await?;
    }
    Ok(text)
}

async fn pointers(mut t: Option<&Tree>) -> Result<String, String> {
    while let Some(x) = t {
        tick().await?;
        t = x.left.as_deref();
    }
    Ok("end".into())
}

async fn bytes(mut b: Vec<u8>) -> Result<Vec<u8>, String> {
    for i in 0..b.len() {
        tick().await?;
        b[i] += 1;
    }
    Ok(b)
}

async fn row(n: i64, text: String) -> Result<String, String> {
    let a = leaf(n, n).await?;
    let b = other(text).await?;
    let c = pointers(Some(&Tree { left: None, value: a })).await?;
    let d = bytes(b.into_bytes()).await?;
    Ok(String::from_utf8(d).unwrap() + &c)
}

async fn phases(n: i64) -> Result<i64, String> {
    let text = n.to_string();
    tick().await?;
    let list = vec![text.len() as i64];
    drop(text);
    tick().await?;
    let f = list[0] as f64;
    drop(list);
    tick().await?;
    Ok(f as i64)
}

async fn cleanup(t: &std::cell::Cell<i64>, text: &str) -> Result<(), String> {
    let _first = Note(t, text);
    tick().await?;
    let _second = Note(t, "second");
    tick().await
}

async fn five(t: &Tree, note: &std::cell::Cell<i64>, text: &str) -> Result<i64, String> {
    let n = phases(text.len() as i64).await?;
    cleanup(note, text).await?;
    let s = pointers(Some(t)).await?;
    let b = bytes((text.to_owned() + &s).into_bytes()).await?;
    Ok(n + branches(n, String::from_utf8(b).unwrap()).await?)
}

fn main() {
    let tree = Tree { left: None, value: 1 };
    let note = std::cell::Cell::new(tree.value);
    println!("leaf {}", size_of_val(&leaf(1, 2)));
    println!("other {}", size_of_val(&other("".into())));
    println!("pointers {}", size_of_val(&pointers(None)));
    println!("bytes {}", size_of_val(&bytes(vec![])));
    println!("cleanup {}", size_of_val(&cleanup(&note, "")));
    println!("session {}", size_of_val(&session(1, "".into())));
    println!("row {}", size_of_val(&row(1, "".into())));
    println!("branches {}", size_of_val(&branches(1, "".into())));
    println!("phases {}", size_of_val(&phases(1)));
    println!("five {}", size_of_val(&five(&tree, &note, "")));
}
