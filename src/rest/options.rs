//! Settings of the REST edge.

/// Settings of the dialects.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many Dixa requests a key may send per second; 0 for no limit.
    pub dixa_requests_per_second: u32,
    /// How many of them it may send at once.
    pub dixa_burst: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { dixa_requests_per_second: 0, dixa_burst: 4 }
    }
}
