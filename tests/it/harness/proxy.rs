use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// Where a [`Proxy`] cuts each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// In the middle of the request: the server never receives all of it.
    InRequest,
    /// As soon as the whole request has been forwarded, whatever the server does with it.
    AfterRequest,
    /// When the server's answer arrives; none of it is forwarded.
    BeforeAnswer,
}

/// A TCP proxy that cuts every connection before its caller gets an answer. It understands just enough of HTTP/1.1 and
/// HTTP/2 to tell where requests and answers begin and end.
pub struct Proxy {
    address: SocketAddr,
}

impl Proxy {
    /// On its own port, until the test's runtime ends.
    pub async fn start(server: SocketAddr, cut: Cut) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("the port's number");
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                // Either side may be gone first, which is intended.
                tokio::spawn(async move { carry(caller, server, cut).await.unwrap_or_default() });
            }
        });
        Self { address }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Forwards bytes until it is time to cut; both connections end when this returns.
async fn carry(mut caller: TcpStream, server: SocketAddr, cut: Cut) -> io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    let (mut request, mut answer) = (Vec::new(), Vec::new());
    let mut passed_on = 0;
    loop {
        tokio::select! {
            read = caller.read_buf(&mut request) => {
                if read? == 0 {
                    return Ok(());
                }
                let marks = Marks::of_request(&request);
                let end = marks.middle.filter(|_| cut == Cut::InRequest).unwrap_or(request.len());
                server.write_all(&request[passed_on..end]).await?;
                passed_on = end;
                match cut {
                    Cut::InRequest if marks.middle.is_some() => return Ok(()),
                    Cut::AfterRequest if marks.is_whole => return Ok(()),
                    _ => {}
                }
            }
            read = server.read_buf(&mut answer) => {
                if read? == 0 || has_answer(&request, &answer) {
                    return Ok(());
                }
                if !is_http2(&request) {
                    continue;
                }
                // Settings and the like, without which a caller might not continue; never the head of an answer.
                let before = frames(&answer).take_while(|frame| frame.kind != HEADERS && frame.is_whole);
                let until = before.last().map_or(0, |frame| frame.at + FRAME_HEAD + frame.length);
                caller.write_all(&answer[..until]).await?;
                answer.drain(..until);
            }
        }
    }
}

/// What the bytes received so far tell about a request.
struct Marks {
    /// In the middle of its body, once that has been received.
    middle: Option<usize>,
    is_whole: bool,
}

impl Marks {
    fn of_request(bytes: &[u8]) -> Self {
        if is_http2(bytes) {
            let data = |frame: &Frame| frame.kind == DATA && frame.length > 0;
            let middle = frames(&bytes[PREFACE.len()..])
                .find(data)
                .map(|frame| PREFACE.len() + frame.at + FRAME_HEAD + frame.length / 2);
            let ends = |frame: Frame| frame.ends_stream() && frame.is_whole;
            return Self {
                middle: middle.filter(|middle| *middle <= bytes.len()),
                is_whole: frames(&bytes[PREFACE.len()..]).any(ends),
            };
        }
        let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let (Some(head), Some(Ok(length))) = (text.find("\r\n\r\n"), length.map(str::parse::<usize>)) else {
            return Self { middle: None, is_whole: false };
        };
        let body = head + 4;
        let middle = Some(body + length / 2).filter(|middle| *middle <= bytes.len());
        Self { middle, is_whole: bytes.len() >= body + length }
    }
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn is_http2(request: &[u8]) -> bool {
    request.starts_with(PREFACE)
}

/// Whether a server has begun to answer. The head alone is not enough: a stream of answers begins with one.
fn has_answer(request: &[u8], answer: &[u8]) -> bool {
    if !is_http2(request) {
        return !answer.is_empty();
    }
    frames(answer).any(|frame| frame.kind == DATA || frame.ends_stream())
}

const FRAME_HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const END_STREAM: u8 = 1;

/// An HTTP/2 frame (RFC 9113, 4.1), by its header.
struct Frame {
    at: usize,
    length: usize,
    kind: u8,
    flags: u8,
    is_whole: bool,
}

impl Frame {
    fn ends_stream(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }
}

/// The frames whose headers have been received.
fn frames(bytes: &[u8]) -> impl Iterator<Item = Frame> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let at = next;
        let head = bytes.get(at..at + FRAME_HEAD)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        next = at + FRAME_HEAD + length;
        Some(Frame { at, length, kind: head[3], flags: head[4], is_whole: next <= bytes.len() })
    })
}
