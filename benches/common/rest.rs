//! Calls over REST: HTTP/1.1 on persistent connections, requests as prepared text, with only the status and length of
//! answers checked.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::sleep_until,
};

use super::{
    IN_FLIGHT, Result,
    figures::Outcome,
    frames::Span,
    load::{Names, Turns},
};

/// The documented three-message body, as in `requests::import`, without its ticket.
const MESSAGES: &str = r#""messages":[{"external_id":"msg_1","kind":"message","content":"Why was I charged twice?","author":{"type":"contact","external_id":"cus_123","name":"Jane Customer"},"timestamp":1700000000000},{"external_id":"msg_2","kind":"message","content":"I can help with billing.","author":{"type":"ai","external_id":"billing-agent","name":"Billing Bot"},"ai_tool":"custom","timestamp":1700000001000},{"external_id":"note_1","kind":"comment","content":"Escalated to billing for license review.","author":{"type":"teammate","external_id":"tea_123","name":"Jason"},"timestamp":1700000002000}]"#;

/// The answer for a ticket without assessments.
const EMPTY: &str = "[]";

/// `POST /v1/assess` with [`IN_FLIGHT`] concurrent calls for `length`, after a warm-up of a quarter of it.
pub async fn imports(address: &str, length: Duration) -> Result<Outcome> {
    let begins = Instant::now() + length / 4;
    let span = Span { begins, ends: begins + length };
    let turns = Turns::new();
    let mut tasks = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let mut connection = Connection::open(address).await?;
        let turns = turns.clone();
        tasks.spawn(async move {
            let (mut times, mut calls) = (Vec::new(), 0_u64);
            loop {
                let sent = Instant::now();
                if sent >= span.ends {
                    return Ok::<_, Box<dyn std::error::Error + Send + Sync>>((times, calls));
                }
                let request = assess(&connection.host, turns.next().number);
                connection.call(&request, "202").await?;
                calls += 1;
                if sent >= span.begins {
                    times.push(sent.elapsed());
                }
            }
        });
    }
    let (mut times, mut calls) = (Vec::new(), 0);
    while let Some(done) = tasks.join_next().await {
        let (more, made) = done??;
        times.extend(more);
        calls += made;
    }
    Ok(Outcome::of(times, calls, span, Instant::now()))
}

fn assess(host: &str, number: u64) -> String {
    let body = format!(r#"{{"ticket_id":"ticket_{number}",{MESSAGES}}}"#);
    format!(
        "POST /v1/assess HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// `GET /ticket/{id}/assessments` of these conversations in turn, `rate` times per second regardless of the answers; a
/// call's time counts from when it was due.
pub async fn assessments(address: &str, names: &Names, rate: f64, length: Duration) -> Result<Outcome> {
    let began = Instant::now();
    let span = Span { begins: began + length / 4, ends: began + length / 4 + length };
    let idle = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    let mut made = 0_u64;
    loop {
        let due = began + Duration::from_secs_f64(made as f64 / rate);
        if due >= span.ends {
            break;
        }
        sleep_until(due.into()).await;
        let name = &names[made as usize % names.len()];
        let number = name.strip_prefix("conversations/").ok_or("not the name of a conversation")?.to_owned();
        made += 1;
        let (idle, address) = (Arc::clone(&idle), address.to_owned());
        tasks.spawn(async move {
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut connection = match kept {
                Some(connection) => connection,
                None => Connection::open(&address).await?,
            };
            let request = format!("GET /ticket/{number}/assessments HTTP/1.1\r\nHost: {address}\r\n\r\n");
            connection.call(&request, "200").await?;
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((due, due.elapsed()))
        });
    }
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        let (due, time) = done??;
        times.extend((due >= span.begins).then_some(time));
    }
    Ok(Outcome::of(times, made, span, Instant::now()))
}

/// One connection with one call at a time.
struct Connection {
    host: String,
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { host: address.to_owned(), stream, answer: Vec::with_capacity(16 * 1024) })
    }

    /// Makes a call and reads the answer, which must have this status and not be empty.
    async fn call(&mut self, request: &str, status: &str) -> Result<()> {
        self.stream.write_all(request.as_bytes()).await?;
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err("the server closed the connection".into());
            }
            let text = std::str::from_utf8(&self.answer)?;
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            if head.strip_prefix("HTTP/1.1 ").is_none_or(|rest| !rest.starts_with(status)) {
                return Err(text.to_owned().into());
            }
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.ok_or("no length")?.parse()?;
            if length <= EMPTY.len() {
                return Err("an answer says nothing".into());
            }
            if body.len() >= length {
                return Ok(());
            }
        }
    }
}
