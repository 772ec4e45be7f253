//! The scorecards that come with Plaudit.

/// A built-in scorecard. Its family's ids are fixed.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    pub base: &'static str,
    pub base_id: u64,
    /// The text it is seeded from; changing the text makes a new revision.
    pub yaml: &'static str,
}

pub fn builtins() -> [Builtin; 2] {
    [
        Builtin { base: "axis", base_id: 1, yaml: include_str!("../../scorecards/axis.yaml") },
        Builtin {
            base: "service-basics",
            base_id: 2,
            yaml: include_str!("../../scorecards/service-basics.yaml"),
        },
    ]
}
