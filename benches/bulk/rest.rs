//! Imports over REST: HTTP/1.1 on connections that are kept, requests as prepared text, answers by their status alone.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use super::{IN_FLIGHT, Result};

/// The documented three-message body, as `load::import_request` has it, but for its ticket.
const MESSAGES: &str = r#""messages":[{"external_id":"msg_1","kind":"message","content":"Why was I charged twice?","author":{"type":"contact","external_id":"cus_123","name":"Jane Customer"},"timestamp":1700000000000},{"external_id":"msg_2","kind":"message","content":"I can help with billing.","author":{"type":"ai","external_id":"billing-agent","name":"Billing Bot"},"ai_tool":"custom","timestamp":1700000001000},{"external_id":"note_1","kind":"comment","content":"Escalated to billing for license review.","author":{"type":"teammate","external_id":"tea_123","name":"Jason"},"timestamp":1700000002000}]"#;

/// Calls a second with [`IN_FLIGHT`] at a time for `length`, after a warm-up of a fourth of it.
pub async fn closed_loop(address: &str, length: Duration) -> Result<f64> {
    let begins = Instant::now() + length / 4;
    let ends = begins + length;
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (address, next) = (address.to_owned(), Arc::clone(&next));
        tasks.spawn(async move {
            let mut measured = 0_u64;
            let mut answer = Vec::with_capacity(1024);
            loop {
                let sent = Instant::now();
                if sent >= ends {
                    return Ok::<_, Box<dyn std::error::Error + Send + Sync>>(measured);
                }
                let number = next.fetch_add(1, Ordering::Relaxed);
                stream.write_all(request(&address, number).as_bytes()).await?;
                read_accepted(&mut stream, &mut answer).await?;
                measured += u64::from(sent >= begins);
            }
        });
    }
    let mut measured = 0;
    while let Some(done) = tasks.join_next().await {
        measured += done??;
    }
    Ok(measured as f64 / length.as_secs_f64())
}

fn request(address: &str, number: u64) -> String {
    let body = format!(r#"{{"ticket_id":"ticket_{number}",{MESSAGES}}}"#);
    format!(
        "POST /v1/assess HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Reads one answer, which must be a 202.
async fn read_accepted(stream: &mut TcpStream, answer: &mut Vec<u8>) -> Result<()> {
    answer.clear();
    loop {
        if stream.read_buf(answer).await? == 0 {
            return Err("the server closed the connection".into());
        }
        let text = std::str::from_utf8(answer)?;
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        if !head.starts_with("HTTP/1.1 202 ") {
            return Err(text.to_owned().into());
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.ok_or("no length")?.parse()? {
            return Ok(());
        }
    }
}
