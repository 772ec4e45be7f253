//! Plain inserts of an import's rows into PostgreSQL, by pgbench.

use std::{io::Write as _, process::Command, time::Duration};

use tempfile::NamedTempFile;

use crate::common::{Result, record};

const CLIENTS: &str = "64";

/// A database with a table of pairs, and the script that inserts what an import writes.
pub struct Postgres {
    url: String,
    script: NamedTempFile,
}

impl Postgres {
    /// The database that `POSTGRES` names.
    pub async fn from_env() -> Result<Option<Self>> {
        let Some(url) = std::env::var("POSTGRES").ok().filter(|url| !url.is_empty()) else { return Ok(None) };
        let recorded = record::imports(1).await?;
        let batch = recorded.batches.first().ok_or("no import was recorded")?;
        let rows = batch.put.iter().map(|(key, value)| (key.len(), value.len()));
        let rows = rows.chain(batch.log.iter().map(|record| (9, record.len())));
        // Keys of the same lengths, random but for their beginning, so that no two are the same.
        let rows = rows.enumerate().map(|(place, (key, value))| {
            let rest = key.max(17) - 1;
            format!(
                "(decode('{place:02x}', 'hex') || substr(uuid_send(gen_random_uuid()) || decode(repeat('00', {rest}), 'hex'), 1, {rest}), \
                 decode(repeat('5a', {value}), 'hex'))"
            )
        });
        let mut script = NamedTempFile::new()?;
        writeln!(script, "INSERT INTO pairs VALUES {};", rows.collect::<Vec<_>>().join(", "))?;
        Ok(Some(Self { url, script }))
    }

    /// Inserts a second, into an empty table.
    pub fn rate(&self, length: Duration) -> Result<f64> {
        let begin =
            "DROP TABLE IF EXISTS pairs; CREATE TABLE pairs (key bytea PRIMARY KEY, value bytea NOT NULL);";
        let made = Command::new("psql").args([&self.url, "-q", "-c", begin]).output()?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into());
        }
        let seconds = length.as_secs().max(1).to_string();
        let run = Command::new("pgbench")
            .args(["-n", "-c", CLIENTS, "-j", "2", "-M", "prepared", "-T", &seconds, "-f"])
            .arg(self.script.path())
            .arg(&self.url)
            .output()?;
        let said = String::from_utf8_lossy(&run.stdout);
        let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        rate.ok_or_else(|| format!("pgbench: {said}{}", String::from_utf8_lossy(&run.stderr)).into())
    }
}
