//! What an operator may set.

/// What an operator may set of the dialects.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many requests of the Dixa dialect a key may send each second; 0 is no limit.
    pub dixa_requests_per_second: u32,
    /// How many it may send at once.
    pub dixa_burst: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { dixa_requests_per_second: 0, dixa_burst: 4 }
    }
}
