//! How commands reach a server: one that is running, or one started in this process on a data directory that no server uses.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use http::Uri;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::{
    Status,
    transport::{Channel, Endpoint},
};

use super::{Failure, local::Local, output::plain};
use crate::{domain::rules::shown, server::code_name, store};

pub(super) const DEFAULT_SERVER: &str = "http://127.0.0.1:50051";

const FOREIGN: &str = "what answers there is not a Plaudit server; name the address of one with --server";

const SILENT: &str = "what listens there ends each connection without a word, as no Plaudit server does that is serving; name the \
                      address of one with --server";

/// How long to wait for the first word of a server before it is taken for a slow one.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// The server to connect to.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// The server's address [env: PLAUDIT_SERVER] [default: http://127.0.0.1:50051]
    // Read from the environment by hand: a variable that is set for all commands does not contradict --data, a flag does.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// A data directory that no server is using, instead of a server's address.
    #[arg(long, value_name = "DIR", conflicts_with = "server")]
    pub(super) data: Option<PathBuf>,
}

/// A server that a command is ready to connect to.
pub(super) struct Reached {
    pub(super) endpoint: Endpoint,
    local: Option<Local>,
}

impl Target {
    /// The runtime for the command: a server in this process needs more than one thread.
    pub(super) fn runtime(&self) -> Result<tokio::runtime::Runtime, Failure> {
        let mut builder = match self.data {
            Some(_) => tokio::runtime::Builder::new_multi_thread(),
            None => tokio::runtime::Builder::new_current_thread(),
        };
        builder.enable_all().build().map_err(Failure::failed)
    }

    pub(super) async fn reach(&self) -> Result<Reached, Failure> {
        let Some(data) = &self.data else {
            return Ok(Reached { endpoint: endpoint(&self.server())?, local: None });
        };
        let local = Local::start(data).await?;
        Ok(Reached { endpoint: endpoint(local.url())?, local: Some(local) })
    }

    fn server(&self) -> String {
        let set = || std::env::var("PLAUDIT_SERVER").ok();
        self.server.clone().or_else(set).unwrap_or_else(|| DEFAULT_SERVER.to_owned())
    }

    /// The flags that select this target, quoted for a shell.
    pub(super) fn flags(&self) -> String {
        match (&self.data, self.server()) {
            (Some(data), _) => format!(" --data {}", quoted(&data.display().to_string())),
            (None, server) if server == DEFAULT_SERVER => String::new(),
            (None, server) => format!(" --server {}", quoted(&server)),
        }
    }
}

impl Reached {
    /// Stops the server if it runs in this process.
    pub(super) async fn leave(self) -> Result<(), Failure> {
        match self.local {
            Some(local) => local.stop().await,
            None => Ok(()),
        }
    }
}

/// Refuses something else than a directory, or than a name for a new one.
pub(super) fn require_directory(data: &Path) -> Result<(), Failure> {
    match std::fs::metadata(data) {
        Ok(found) if !found.is_dir() => Err(Failure::Failed(format!(
            "{}: it is {}, not a directory; name a directory with --data",
            data.display(),
            if found.is_file() { "a file" } else { "something else" }
        ))),
        _ => Ok(()),
    }
}

/// Refuses a directory without a store: opening it would create one.
pub(super) fn require_store(data: &Path) -> Result<(), Failure> {
    require_directory(data)?;
    if store::holds_store(data) {
        return Ok(());
    }
    Err(Failure::Failed(format!("there is no store in {}", data.display())))
}

/// Parses `--server`: a URL, or just `host:port`.
pub(super) fn endpoint(server: &str) -> Result<Endpoint, Failure> {
    let (scheme, rest) = server.split_once("://").unwrap_or(("http", server));
    let wrong = |rule: String| Failure::Usage(format!("the server's address {server} {rule}"));
    if !scheme.eq_ignore_ascii_case("http") {
        // The client has no TLS: it would send plain text in spite of the scheme.
        return Err(wrong(format!(
            "must begin with http://, not {scheme}://: Plaudit serves without TLS; write http://{rest}, and reach another \
             machine through a tunnel, such as ssh -L 50051:127.0.0.1:50051 HOST"
        )));
    }
    let endpoint = Endpoint::from_shared(format!("http://{rest}"))
        .map_err(|_| wrong("is not a URL such as http://127.0.0.1:50051".to_owned()))?;
    if let Some(port) = port_of(endpoint.uri()).filter(|port| !port.parse::<u16>().is_ok_and(|port| port > 0))
    {
        // The library would take a port that it cannot read for none, and connect to 80.
        return Err(wrong(format!("must have a port from 1 to 65535, has {}", shown(port))));
    }
    let path = endpoint.uri().path_and_query().map_or("/", |path| path.as_str());
    if path != "/" {
        // It would be ignored.
        return Err(wrong(format!("must end after the port: leave out {path}")));
    }
    Ok(endpoint)
}

/// What is written behind the colon after the host.
fn port_of(uri: &Uri) -> Option<&str> {
    let authority = uri.authority()?.as_str();
    // The colons of an IPv6 address stand in brackets.
    let behind = authority.rsplit_once(']').map_or(authority, |(_, behind)| behind);
    behind.rsplit_once(':').map(|(_, port)| port)
}

/// Connects to a server, or says why not.
pub(super) async fn connect(endpoint: &Endpoint) -> Result<Channel, String> {
    let uri = endpoint.uri();
    let refused = |error| format!("cannot connect to {uri}: {}", unconnected(&error));
    let channel = endpoint.connect().await.map_err(refused)?;
    match no_server(uri).await {
        Some(why) => Err(format!("{uri}: {why}")),
        None => Ok(channel),
    }
}

/// Why what listens there is no server, if it speaks another protocol than HTTP/2 or ends the connection: a call learns no more than
/// that the connection has ended. What says nothing may be slow.
async fn no_server(uri: &Uri) -> Option<&'static str> {
    /// The preface of HTTP/2 and a frame of settings that has none.
    const BEGIN: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    /// The type of the frame that a server begins with.
    const SETTINGS: u8 = 4;
    let host = uri.host()?.trim_matches(['[', ']']);
    let first = async {
        let mut stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await.ok()?;
        // What speaks first may be heard all the same.
        let _ = stream.write_all(BEGIN).await;
        let mut head = [0; 4];
        Some(stream.read_exact(&mut head).await.map(|_| head))
    };
    match tokio::time::timeout(ANSWERS_WITHIN, first).await {
        Ok(Some(Ok([.., kind]))) => (kind != SETTINGS).then_some(FOREIGN),
        Ok(Some(Err(_))) => Some(SILENT),
        Ok(None) | Err(_) => None,
    }
}

/// Why there is no connection, and what to do about it.
fn unconnected(error: &(dyn std::error::Error + 'static)) -> String {
    let cause = innermost(error);
    let told = cause.downcast_ref().map_or_else(|| cause.to_string(), plain);
    let is_refused = |cause: &std::io::Error| cause.kind() == std::io::ErrorKind::ConnectionRefused;
    if cause.downcast_ref().is_some_and(is_refused) {
        return format!("{told}; start a server with plaudit serve, or name another with --server");
    }
    told
}

/// Asks a running server one thing, and gives up after a time. Returns its URL and the answer.
pub(super) fn ask_once<T>(
    server: &str,
    timeout_seconds: u64,
    ask: impl AsyncFnOnce(Channel) -> Result<T, String>,
) -> Result<(String, T), Failure> {
    let endpoint = endpoint(server)?;
    let url = endpoint.uri().to_string();
    let failed = |cause: String| Failure::Failed(format!("{url}: {cause}"));
    let asked = async {
        let refused = |error| format!("cannot connect: {}", unconnected(&error));
        let channel = endpoint.connect().await.map_err(refused)?;
        if let Some(why) = no_server(endpoint.uri()).await {
            return Err(why.to_owned());
        }
        ask(channel).await
    };
    let within = Duration::from_secs(timeout_seconds);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    let answer = runtime
        .block_on(async { tokio::time::timeout(within, asked).await })
        .map_err(|_| failed(format!("no answer within {timeout_seconds} s")))?
        .map_err(failed)?;
    Ok((url, answer))
}

/// The innermost cause, which is the informative one: `Connection refused`.
fn innermost<'e>(error: &'e (dyn std::error::Error + 'static)) -> &'e (dyn std::error::Error + 'static) {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

/// Whether a call failed on its way: the server has not answered it. What the transport says of it is of no use to anybody.
pub(super) fn is_lost(status: &Status) -> bool {
    // Only what did not come from the server has a source.
    std::error::Error::source(status).is_some()
}

/// Whether an HTTP server answered that is no gRPC server.
pub(super) fn is_foreign(status: &Status) -> bool {
    status.message().starts_with("grpc-status header missing")
}

/// Why a call failed, in one line.
pub(super) fn status_line(status: &Status) -> String {
    if is_foreign(status) {
        return FOREIGN.to_owned();
    }
    if is_lost(status) {
        return "the connection to the server was lost".to_owned();
    }
    format!("the server answered {}: {}", code_name(status.code()), status.message())
}

/// Quotes a word for a shell where necessary.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_@%+=:,./-".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_one_that_can_be_connected_to() {
        for port in ["0", "99999", "65536", "-1", "5005x", ""] {
            for host in ["127.0.0.1", "http://127.0.0.1", "http://[::1]"] {
                let refused = endpoint(&format!("{host}:{port}"));
                assert!(matches!(refused, Err(Failure::Usage(_))), "{host}:{port}");
            }
        }
        let Err(Failure::Usage(told)) = endpoint("127.0.0.1:99999") else { panic!("it is refused") };
        assert_eq!(
            told,
            "the server's address 127.0.0.1:99999 must have a port from 1 to 65535, has \"99999\""
        );
        for address in
            ["127.0.0.1:1", "http://[::1]:65535", "http://[::1]", "localhost", "http://localhost:50051/"]
        {
            assert!(endpoint(address).is_ok(), "{address}");
        }
    }

    #[test]
    fn an_answer_without_a_status_is_not_ours() {
        let of_another = "grpc-status header missing, mapped from HTTP status code 404";
        assert!(status_line(&Status::unimplemented(of_another)).contains("not a Plaudit server"));
        let ours = status_line(&Status::not_found("there is no team"));
        assert_eq!(ours, "the server answered NOT_FOUND: there is no team");
    }

    #[test]
    fn a_word_is_quoted_where_a_shell_needs_it() {
        for (word, expected) in [
            ("t.jsonl", "t.jsonl"),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("my file", "'my file'"),
            ("it's", r"'it'\''s'"),
            ("$(x)", "'$(x)'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
