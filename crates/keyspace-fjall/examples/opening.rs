use std::time::Instant;
use plaudit_keyspace::*;
use plaudit_keyspace_fjall::*;
#[tokio::main]
async fn main() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..4 {
        let t = Instant::now();
        let s = FjallStore::open(&dir.path().join("data"), FjallOptions::default()).unwrap();
        println!("open {:?}", t.elapsed());
        let t = Instant::now();
        for i in 0..20u8 { s.commit(Batch{put: vec![(vec![i], "x".into())], ..Batch::default()}).await.unwrap(); }
        println!("20 commits {:?}", t.elapsed());
        let t = Instant::now();
        s.close().await.unwrap();
        println!("close {:?}", t.elapsed());
    }
}
