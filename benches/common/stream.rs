//! One bulk import as prepared HTTP/2 frames: items are sent as the server's windows allow, answers are counted.

use std::time::{Duration, Instant};

use plaudit::proto::v1::{
    ImportConversationRequest, ImportConversationsRequest, ImportConversationsResponse,
    import_conversations_response::Answer, imported_item,
};
use prost::Message as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{
    Result,
    figures::{Millis, Outcome},
    frames::{
        ACK, DATA, END_HEADERS, END_STREAM, FIRST_WINDOW, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM,
        SETTINGS, WINDOW, WINDOW_UPDATE, first_headers, frame, header, next_frame, setting,
    },
    load::{Names, Turns},
    requests,
};

const PATH: &str = "/plaudit.v1.ImportService/ImportConversations";
const STREAM: u32 = 1;
/// RFC 9113, section 6.5.2.
const INITIAL_WINDOW_SIZE: u16 = 4;

/// How much is sent in one stream.
#[derive(Clone, Copy)]
pub enum Amount {
    Items(u64),
    During(Duration),
}

/// The result of a stream.
pub struct Streamed {
    /// All that were answered.
    pub items: u64,
    /// The names of the created conversations, if they are kept.
    pub names: Names,
    /// Items per second.
    pub rate: f64,
    /// The most items that were sent and not yet answered.
    pub most_ahead: u64,
}

impl From<Streamed> for Outcome {
    /// A stream has no single calls, and so no latencies.
    fn from(streamed: Streamed) -> Self {
        let Streamed { items, rate, .. } = streamed;
        Self { calls: items, all_calls: items, rate, p50: Millis(None), p99: Millis(None) }
    }
}

struct Connection {
    out: Vec<u8>,
    sent: u64,
    answered: u64,
    most_ahead: u64,
    connection_window: i64,
    stream_window: i64,
    /// The stream window in the server's latest settings.
    initial_window: i64,
    /// Bytes of answers received since the server was last granted more.
    received: u32,
    /// Bytes of an incomplete answer.
    rest: Vec<u8>,
    /// The names of the conversations, if they are kept.
    names: Option<Vec<String>>,
    has_ended: bool,
}

/// Imports conversations with three messages.
pub async fn import(address: &str, amount: Amount) -> Result<Streamed> {
    send(Connection::begin(address, false), address, amount, requests::import).await
}

/// The same, keeping the names of the conversations.
pub async fn import_named(address: &str, count: usize) -> Result<Streamed> {
    send(Connection::begin(address, true), address, Amount::Items(count as u64), requests::import).await
}

/// Imports conversations with one message.
pub async fn import_of_one(address: &str, amount: Amount) -> Result<Streamed> {
    send(Connection::begin(address, false), address, amount, requests::import_of_one).await
}

async fn send(
    mut connection: Connection,
    address: &str,
    amount: Amount,
    request: fn(u64) -> ImportConversationRequest,
) -> Result<Streamed> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let began = Instant::now();
    let mut input = Vec::with_capacity(1 << 18);
    let mut is_sending = true;
    let turns = Turns::new();
    let mut next = item(&turns, request);
    while !connection.has_ended {
        while is_sending && connection.has_room(next.len()) {
            connection.send(&next);
            next = item(&turns, request);
            is_sending = match amount {
                Amount::Items(count) => connection.sent < count,
                Amount::During(length) => began.elapsed() < length,
            };
            if !is_sending {
                header(&mut connection.out, 0, DATA, END_STREAM, STREAM);
            }
        }
        stream.write_all(&connection.out).await?;
        connection.out.clear();
        if stream.read_buf(&mut input).await? == 0 {
            return Err("the server closed the connection".into());
        }
        let mut rest = input.as_slice();
        while let Some((kind, flags, stream, payload, after)) = next_frame(rest) {
            rest = after;
            connection.received(kind, flags, stream, payload)?;
        }
        let taken = input.len() - rest.len();
        input.drain(..taken);
    }
    if connection.answered != connection.sent {
        return Err(format!("{} items, {} answers", connection.sent, connection.answered).into());
    }
    Ok(Streamed {
        items: connection.answered,
        names: connection.names.unwrap_or_default().into(),
        rate: connection.answered as f64 / began.elapsed().as_secs_f64(),
        most_ahead: connection.most_ahead,
    })
}

/// An item with its gRPC prefix.
fn item(turns: &Turns, request: fn(u64) -> ImportConversationRequest) -> Vec<u8> {
    let turn = turns.next();
    let import = Some(request(turn.number));
    let item = ImportConversationsRequest { item_number: turn.place as i64, import };
    let mut bytes = vec![0];
    bytes.extend_from_slice(&(item.encoded_len() as u32).to_be_bytes());
    bytes.extend(item.encode_to_vec());
    bytes
}

impl Connection {
    fn begin(address: &str, keeps_names: bool) -> Self {
        let mut out = PREFACE.to_vec();
        frame(&mut out, SETTINGS, 0, 0, &[[0, 1, 0, 0, 0, 0], setting(INITIAL_WINDOW_SIZE, WINDOW)].concat());
        frame(&mut out, WINDOW_UPDATE, 0, 0, &WINDOW.to_be_bytes());
        frame(&mut out, HEADERS, END_HEADERS, STREAM, &first_headers(PATH, address));
        Self {
            out,
            sent: 0,
            answered: 0,
            most_ahead: 0,
            connection_window: FIRST_WINDOW,
            stream_window: FIRST_WINDOW,
            initial_window: FIRST_WINDOW,
            received: 0,
            rest: Vec::new(),
            names: keeps_names.then(Vec::new),
            has_ended: false,
        }
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.connection_window.min(self.stream_window) >= bytes as i64
    }

    fn send(&mut self, item: &[u8]) {
        header(&mut self.out, item.len(), DATA, 0, STREAM);
        self.out.extend_from_slice(item);
        self.connection_window -= item.len() as i64;
        self.stream_window -= item.len() as i64;
        self.sent += 1;
        self.most_ahead = self.most_ahead.max(self.sent - self.answered);
    }

    fn received(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Result<()> {
        match kind {
            DATA => {
                self.answers(payload)?;
                self.received += payload.len() as u32;
                if self.received > WINDOW / 2 {
                    let granted = self.received.to_be_bytes();
                    frame(&mut self.out, WINDOW_UPDATE, 0, 0, &granted);
                    frame(&mut self.out, WINDOW_UPDATE, 0, STREAM, &granted);
                    self.received = 0;
                }
            }
            HEADERS if flags & END_STREAM != 0 => self.has_ended = true,
            SETTINGS if flags & ACK == 0 => {
                for setting in payload.chunks_exact(6) {
                    if let &[i1, i2, a, b, c, d] = setting
                        && u16::from_be_bytes([i1, i2]) == INITIAL_WINDOW_SIZE
                    {
                        let size = i64::from(u32::from_be_bytes([a, b, c, d]));
                        self.stream_window += size - self.initial_window;
                        self.initial_window = size;
                    }
                }
                frame(&mut self.out, SETTINGS, ACK, 0, &[]);
            }
            PING if flags & ACK == 0 => frame(&mut self.out, PING, ACK, 0, payload),
            WINDOW_UPDATE => {
                let granted = i64::from(u32::from_be_bytes(payload.try_into()?));
                let window = if stream == 0 { &mut self.connection_window } else { &mut self.stream_window };
                *window += granted;
            }
            RST_STREAM | GOAWAY => return Err(format!("a frame of kind {kind}").into()),
            _ => {}
        }
        Ok(())
    }

    /// Counts the answers; every item must have been stored.
    fn answers(&mut self, payload: &[u8]) -> Result<()> {
        self.rest.extend_from_slice(payload);
        let mut rest = self.rest.as_slice();
        while let Some((&[_, a, b, c, d], after)) = rest.split_first_chunk::<5>() {
            let Some((message, after)) = after.split_at_checked(u32::from_be_bytes([a, b, c, d]) as usize)
            else {
                break;
            };
            rest = after;
            // The message's tag tells an item from the counts, which are always decoded.
            if message.first() == Some(&0x0A) {
                self.answered += 1;
                if let Some(names) = &mut self.names {
                    names.push(made(message)?);
                }
            } else if let Some(Answer::Counts(counts)) = ImportConversationsResponse::decode(message)?.answer
                && counts.created as u64 != self.answered
            {
                return Err(format!("{counts:?} of {} items", self.answered).into());
            }
        }
        let taken = self.rest.len() - rest.len();
        self.rest.drain(..taken);
        Ok(())
    }
}

/// The conversation created from an item.
fn made(message: &[u8]) -> Result<String> {
    match ImportConversationsResponse::decode(message)?.answer {
        Some(Answer::Item(item)) => match item.result {
            Some(imported_item::Result::Done(done)) => Ok(done.conversation),
            other => Err(format!("{other:?}").into()),
        },
        other => Err(format!("{other:?}").into()),
    }
}
