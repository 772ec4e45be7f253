//! How commands reach a server: one that is running, or one started in this process on a data directory that no server uses.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tonic::{
    Status,
    transport::{Channel, Endpoint},
};

use super::{Failure, local::Local, output::plain};
use crate::{server::code_name, store::SledStore};

pub(super) const DEFAULT_SERVER: &str = "http://127.0.0.1:50051";

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

/// Refuses a directory without a store: opening it would create one.
pub(super) fn require_store(data: &Path) -> Result<(), Failure> {
    if SledStore::is_in(data) {
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
    let path = endpoint.uri().path_and_query().map_or("/", |path| path.as_str());
    if path != "/" {
        // It would be ignored.
        return Err(wrong(format!("must end after the port: leave out {path}")));
    }
    Ok(endpoint)
}

/// Connects to a server, or says why not.
pub(super) async fn connect(endpoint: &Endpoint) -> Result<Channel, String> {
    let refused = |error| format!("cannot connect to {}: {}", endpoint.uri(), root_cause(&error));
    endpoint.connect().await.map_err(refused)
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
        let refused = |error| format!("cannot connect: {}", root_cause(&error));
        ask(endpoint.connect().await.map_err(refused)?).await
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
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.downcast_ref().map_or_else(|| cause.to_string(), plain)
}

/// Whether a call failed on its way: the server has not answered it. What the transport says of it is of no use to anybody.
pub(super) fn is_lost(status: &Status) -> bool {
    // Only what did not come from the server has a source.
    std::error::Error::source(status).is_some()
}

/// Why a call failed, in one line.
pub(super) fn status_line(status: &Status) -> String {
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
