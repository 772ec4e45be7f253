//! A cheap load generator: calls as prepared HTTP/2 frames, with answers counted but not decoded.
//!
//! Server and generator share the machine's processors. A whole gRPC client takes as much processor time per call as a
//! bare server, so the client, not the server, would limit what is measured.

use std::{
    io::{Error, ErrorKind},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout_at,
};

use super::{Result, requests::Request};

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// RFC 9113, section 6.
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
/// The window that a server grants before it says otherwise.
pub const FIRST_WINDOW: i64 = 65_535;
/// The window granted to the server per stream, and, on top of its initial window, for the connection.
pub const WINDOW: u32 = 1 << 20;

/// How long an answer may take.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Servers allow more concurrent calls than this on one connection.
const MOST_OPEN: usize = 200;

/// When a loop makes calls, and when they count.
#[derive(Clone, Copy)]
pub struct Span {
    pub begins: Instant,
    pub ends: Instant,
}

/// The results of one connection's calls.
pub struct Done {
    /// Of the calls that count.
    pub times: Vec<Duration>,
    pub calls: u64,
    pub ended: Instant,
    /// The messages of the answers, if they are kept.
    pub answers: Vec<Vec<u8>>,
}

/// One connection with many calls in flight.
pub struct Connection {
    stream: TcpStream,
    authority: String,
    path: &'static str,
    /// Frames waiting to be written.
    out: Vec<u8>,
    /// The calls of the open streams; that of `stream` is at `stream / 2 % in_flight`.
    open: Vec<Open>,
    next_stream: u32,
    /// How many bytes of requests the server accepts at present.
    window: i64,
    /// Bytes of answers received since the server was last granted more.
    received: u32,
    input: Vec<u8>,
    /// The message of one request.
    message: Vec<u8>,
    keeps_answers: bool,
    done: Done,
}

struct Open {
    stream: u32,
    sent: Instant,
    /// An answer without a message is an error.
    has_message: bool,
    /// Empty unless answers are kept.
    answer: Vec<u8>,
}

impl Connection {
    pub async fn open(address: &str, path: &'static str, keeps_answers: bool) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut out = PREFACE.to_vec();
        // No compression state for the answers' headers; windows that every answer fits into.
        let settings = [[0, 1, 0, 0, 0, 0], setting(4, WINDOW)].concat();
        frame(&mut out, SETTINGS, 0, 0, &settings);
        frame(&mut out, WINDOW_UPDATE, 0, 0, &WINDOW.to_be_bytes());
        Ok(Self {
            stream,
            authority: address.to_owned(),
            path,
            out,
            open: Vec::new(),
            next_stream: 1,
            window: FIRST_WINDOW,
            received: 0,
            input: Vec::with_capacity(1 << 18),
            message: Vec::new(),
            keeps_answers,
            done: Done { times: Vec::new(), calls: 0, ended: Instant::now(), answers: Vec::new() },
        })
    }

    /// Keeps `in_flight` calls going until the span ends or there are no more.
    pub async fn run(
        mut self,
        in_flight: usize,
        span: Span,
        mut next: impl FnMut() -> Option<Request>,
    ) -> Result<Done> {
        for request in std::iter::from_fn(&mut next).take(in_flight) {
            self.send(&request, Instant::now())?;
        }
        while !self.open.is_empty() {
            self.stream.write_all(&self.out).await?;
            self.out.clear();
            self.read().await?;
            for _ in 0..self.take_input(span)? {
                if Instant::now() < span.ends
                    && let Some(request) = next()
                {
                    self.send(&request, Instant::now())?;
                }
            }
        }
        Ok(self.done)
    }

    /// Makes `rate` calls per second until the span ends, regardless of the answers; a call's time counts from when it
    /// was due.
    pub async fn run_at(
        mut self,
        rate: f64,
        span: Span,
        mut next: impl FnMut() -> Option<Request>,
    ) -> Result<Done> {
        let began = Instant::now();
        let mut made = 0_u64;
        loop {
            let mut due = began + Duration::from_secs_f64(made as f64 / rate);
            while due < span.ends && due <= Instant::now() && self.open.len() < MOST_OPEN && self.has_room() {
                let Some(request) = next() else { return Err("an open loop had no more to call".into()) };
                self.send(&request, due)?;
                made += 1;
                due = began + Duration::from_secs_f64(made as f64 / rate);
            }
            if due >= span.ends && self.open.is_empty() {
                return Ok(self.done);
            }
            self.stream.write_all(&self.out).await?;
            self.out.clear();
            // A late call waits until an answer makes room.
            let until =
                if due <= Instant::now() || due >= span.ends { span.ends + LONGEST_WAIT } else { due };
            match timeout_at(until.into(), self.read()).await {
                Ok(read) => {
                    read?;
                    self.take_input(span)?;
                }
                Err(_) if until > span.ends => return Err("an answer did not come".into()),
                Err(_) => {}
            }
        }
    }

    async fn read(&mut self) -> Result<()> {
        match self.stream.read_buf(&mut self.input).await? {
            0 => Err("the server closed the connection".into()),
            _ => Ok(()),
        }
    }

    fn has_room(&self) -> bool {
        self.window >= FIRST_WINDOW / 4
    }

    fn send(&mut self, request: &Request, due: Instant) -> Result<()> {
        let stream = self.next_stream;
        self.next_stream += 2;
        let headers =
            if stream == 1 { first_headers(self.path, &self.authority) } else { LATER_HEADERS.to_vec() };
        frame(&mut self.out, HEADERS, END_HEADERS, stream, &headers);
        self.message.clear();
        request.encode(&mut self.message);
        let length = self.message.len();
        self.window -= length as i64 + 5;
        if self.window < 0 {
            return Err("the server's window is too small for so many calls in flight".into());
        }
        header(&mut self.out, length + 5, DATA, END_STREAM, stream);
        self.out.push(0);
        self.out.extend_from_slice(&(length as u32).to_be_bytes());
        self.out.extend_from_slice(&self.message);
        self.open.push(Open { stream, sent: due, has_message: false, answer: Vec::new() });
        Ok(())
    }

    /// How many calls ended with the bytes read.
    fn take_input(&mut self, span: Span) -> Result<usize> {
        let input = std::mem::take(&mut self.input);
        let (mut rest, mut ended) = (input.as_slice(), 0);
        while let Some((kind, flags, stream, payload, after)) = next_frame(rest) {
            rest = after;
            ended += usize::from(self.received(kind, flags, stream, payload, span)?);
        }
        let taken = input.len() - rest.len();
        self.input = input;
        self.input.drain(..taken);
        Ok(ended)
    }

    /// Whether a call ended with this frame.
    fn received(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8], span: Span) -> Result<bool> {
        match kind {
            DATA => {
                self.received += payload.len() as u32;
                if self.received > WINDOW / 2 {
                    let granted = self.received.to_be_bytes();
                    frame(&mut self.out, WINDOW_UPDATE, 0, 0, &granted);
                    self.received = 0;
                }
                if let Some(open) = self.open.iter_mut().find(|open| open.stream == stream) {
                    open.has_message = true;
                    if self.keeps_answers {
                        open.answer.extend_from_slice(payload);
                    }
                }
            }
            HEADERS if flags & END_STREAM != 0 => {
                let place = self.open.iter().position(|open| open.stream == stream);
                let mut open = self.open.swap_remove(place.ok_or("an answer to no call")?);
                if !open.has_message {
                    return Err("a call was answered with an error".into());
                }
                self.done.calls += 1;
                self.done.ended = Instant::now();
                if open.sent >= span.begins {
                    self.done.times.push(self.done.ended - open.sent);
                }
                if self.keeps_answers {
                    // Without the gRPC prefix.
                    self.done.answers.push(open.answer.split_off(open.answer.len().min(5)));
                }
                return Ok(true);
            }
            SETTINGS if flags & ACK == 0 => frame(&mut self.out, SETTINGS, ACK, 0, &[]),
            PING if flags & ACK == 0 => frame(&mut self.out, PING, ACK, 0, payload),
            WINDOW_UPDATE if stream == 0 => {
                let granted: [u8; 4] = payload.try_into()?;
                self.window += i64::from(u32::from_be_bytes(granted));
            }
            RST_STREAM | GOAWAY => {
                return Err(Error::new(ErrorKind::ConnectionReset, format!("frame of kind {kind}")).into());
            }
            _ => {}
        }
        Ok(false)
    }
}

/// RFC 7541: `:method: POST` and `:scheme: http` are in the static table, the others are added to the dynamic one.
pub fn first_headers(path: &str, authority: &str) -> Vec<u8> {
    let mut headers = vec![0x83, 0x86];
    let mut literal = |name: &[u8], value: &str| {
        headers.extend_from_slice(name);
        headers.push(value.len() as u8);
        headers.extend_from_slice(value.as_bytes());
    };
    literal(&[0x44], path);
    literal(&[0x41], authority);
    literal(b"\x40\x02te", "trailers");
    literal(&[0x5F], "application/grpc");
    headers
}

/// The same from the dynamic table, newest first from 62.
const LATER_HEADERS: [u8; 6] = [0x83, 0x86, 0xC1, 0xC0, 0xBF, 0xBE];

pub fn setting(id: u16, value: u32) -> [u8; 6] {
    let [a, b] = id.to_be_bytes();
    let [c, d, e, f] = value.to_be_bytes();
    [a, b, c, d, e, f]
}

pub fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    header(out, payload.len(), kind, flags, stream);
    out.extend_from_slice(payload);
}

pub fn header(out: &mut Vec<u8>, length: usize, kind: u8, flags: u8, stream: u32) {
    out.extend_from_slice(&(length as u32).to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
}

/// Kind, flags, stream and payload of a frame, and the rest of the input.
pub type Taken<'a> = (u8, u8, u32, &'a [u8], &'a [u8]);

/// The first frame; `None` while it is incomplete.
pub fn next_frame(input: &[u8]) -> Option<Taken<'_>> {
    let (&[a, b, c, kind, flags, s1, s2, s3, s4], rest) = input.split_first_chunk::<9>()?;
    let length = u32::from_be_bytes([0, a, b, c]) as usize;
    let (payload, after) = rest.split_at_checked(length)?;
    Some((kind, flags, u32::from_be_bytes([s1, s2, s3, s4]) & 0x7FFF_FFFF, payload, after))
}
