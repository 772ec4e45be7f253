//! A load generator that costs little: calls as prepared HTTP/2 frames, answers counted and not decoded.
//!
//! Server and generator share the machine's processors. A whole gRPC client takes as much of them for a call as a bare
//! server does, so that it, and not the server, would decide what is measured.

use std::{
    io::{Error, ErrorKind},
    time::{Duration, Instant},
};

use prost::Message;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::Result;

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
/// What a server grants before it says more.
pub const FIRST_WINDOW: i64 = 65_535;
/// What is granted to the server for a stream, and, on top of its first window, for the connection.
pub const WINDOW: u32 = 1 << 20;

/// When the calls of a loop are made, and when they count.
#[derive(Clone, Copy)]
pub struct Span {
    pub begins: Instant,
    pub ends: Instant,
}

/// One connection with a fixed number of calls in flight.
pub struct Connection {
    stream: TcpStream,
    authority: String,
    path: &'static str,
    /// Frames that wait to be written.
    out: Vec<u8>,
    /// The call of each stream that is open: its place is `stream / 2 % in_flight` of them.
    open: Vec<Open>,
    next_stream: u32,
    /// How many bytes of requests the server still takes.
    window: i64,
    /// How many bytes of answers have come since the server was last granted more.
    received: u32,
    times: Vec<Duration>,
    calls: u64,
}

#[derive(Clone, Copy)]
struct Open {
    stream: u32,
    sent: Instant,
    /// An answer that has no message is an error.
    has_message: bool,
}

impl Connection {
    pub async fn open(address: &str, path: &'static str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut out = PREFACE.to_vec();
        // Nothing of the answers' headers is to be remembered; windows that an answer always fits into.
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
            times: Vec::new(),
            calls: 0,
        })
    }

    /// Keeps `in_flight` calls going until the span has ended; the times of those that count, and how many there were.
    pub async fn run<M: Message>(
        mut self,
        in_flight: usize,
        span: Span,
        mut request: impl FnMut() -> M,
    ) -> Result<(Vec<Duration>, u64)> {
        for _ in 0..in_flight {
            self.send(&request())?;
        }
        let mut input = Vec::with_capacity(1 << 18);
        while !self.open.is_empty() {
            self.stream.write_all(&self.out).await?;
            self.out.clear();
            if self.stream.read_buf(&mut input).await? == 0 {
                return Err("the server closed the connection".into());
            }
            let mut rest = input.as_slice();
            while let Some((kind, flags, stream, payload, after)) = next_frame(rest) {
                rest = after;
                if self.received(kind, flags, stream, payload, span)? && Instant::now() < span.ends {
                    self.send(&request())?;
                }
            }
            let taken = input.len() - rest.len();
            input.drain(..taken);
        }
        Ok((self.times, self.calls))
    }

    fn send(&mut self, request: &impl Message) -> Result<()> {
        let stream = self.next_stream;
        self.next_stream += 2;
        let headers =
            if stream == 1 { first_headers(self.path, &self.authority) } else { LATER_HEADERS.to_vec() };
        frame(&mut self.out, HEADERS, END_HEADERS, stream, &headers);
        let length = request.encoded_len();
        self.window -= length as i64 + 5;
        if self.window < 0 {
            return Err("the server's window is too small for so many calls in flight".into());
        }
        header(&mut self.out, length + 5, DATA, END_STREAM, stream);
        self.out.push(0);
        self.out.extend_from_slice(&(length as u32).to_be_bytes());
        request.encode(&mut self.out)?;
        self.open.push(Open { stream, sent: Instant::now(), has_message: false });
        Ok(())
    }

    /// Whether a call has ended with it.
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
                }
            }
            HEADERS if flags & END_STREAM != 0 => {
                let place = self.open.iter().position(|open| open.stream == stream);
                let open = self.open.swap_remove(place.ok_or("an answer to no call")?);
                if !open.has_message {
                    return Err("a call was answered with an error".into());
                }
                self.calls += 1;
                if open.sent >= span.begins {
                    self.times.push(open.sent.elapsed());
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

/// RFC 7541: `:method: POST` and `:scheme: http` are known, the others are to be remembered.
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

/// The same by what was remembered, newest first from 62.
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

/// Kind, flags, stream and payload of a frame, and what is after it.
pub type Taken<'a> = (u8, u8, u32, &'a [u8], &'a [u8]);

/// The first frame; `None` while it is not whole.
pub fn next_frame(input: &[u8]) -> Option<Taken<'_>> {
    let (&[a, b, c, kind, flags, s1, s2, s3, s4], rest) = input.split_first_chunk::<9>()?;
    let length = u32::from_be_bytes([0, a, b, c]) as usize;
    let (payload, after) = rest.split_at_checked(length)?;
    Some((kind, flags, u32::from_be_bytes([s1, s2, s3, s4]) & 0x7FFF_FFFF, payload, after))
}
