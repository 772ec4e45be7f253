//! A damaged store: what is damaged is named, and everything else is served, exported, dumped and salvaged.

mod files;
mod keys;
