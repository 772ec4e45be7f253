//! What a phrase shows.

use super::Side;

macro_rules! signals {
    ($($(#[$doc:meta])* $variant:ident = $name:literal by $said_by:ident),* $(,)?) => {
        /// What a phrase shows. The names are the sections of `phrases.txt`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Signal { $($(#[$doc])* $variant),* }

        impl Signal {
            /// Every signal with its section's name.
            pub const ALL: &[(Self, &str)] = &[$((Self::$variant, $name)),*];

            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }

            const fn said_by(self) -> SaidBy {
                match self {
                    $(Self::$variant => SaidBy::$said_by),*
                }
            }
        }
    };
}

/// Whose words a signal is looked for in. A customer's "please send" is a request, and no agent's way on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SaidBy {
    Customer,
    Agents,
    Both,
}

signals! {
    Thanks = "thanks" by Both,
    /// Sounds negative and is praise: can't complain.
    Praise = "praise" by Customer,
    /// It is solved, that was all.
    Confirmation = "confirmation" by Customer,
    /// It is not solved: a phrase that says so, or a negated confirmation.
    Unsolved = "unsolved" by Customer,
    Complaint = "complaint" by Customer,
    /// Anger without swearing: you keep sending me in circles.
    Anger = "anger" by Customer,
    /// A threat to leave, or to go to a lawyer or the press.
    Leaving = "leaving" by Customer,
    /// Waiting too long.
    Waiting = "waiting" by Customer,
    /// Not what I asked, I said that already.
    Correction = "correction" by Customer,
    HumanRequest = "human_request" by Customer,
    Profanity = "profanity" by Both,
    /// Never mind, I give up.
    Abandonment = "abandonment" by Customer,
    /// Something is wanted.
    Request = "request" by Customer,
    /// Something is wrong or missing.
    Problem = "problem" by Customer,
    Greeting = "greeting" by Both,
    Closing = "closing" by Both,
    Apology = "apology" by Agents,
    Empathy = "empathy" by Agents,
    /// What is said to everybody: thank you for your patience, your concern is important to us.
    Courtesy = "courtesy" by Agents,
    /// Cannot, not available, not found.
    Inability = "inability" by Agents,
    /// I did not understand you.
    Misunderstanding = "misunderstanding" by Agents,
    /// What to do, what will happen, how it is.
    NextStep = "next_step" by Agents,
    /// Holding lines, and promises without a date.
    Deferral = "deferral" by Agents,
    /// Asks the customer for data.
    DataRequest = "data_request" by Agents,
    /// Asks for stars, a review, a survey.
    RatingRequest = "rating_request" by Agents,
    /// It is somebody else's business: not my department.
    BrushOff = "brush_off" by Agents,
    /// Puts it on the customer.
    Blame = "blame" by Agents,
    /// It has been done.
    ActionDone = "action_done" by Agents,
    /// Somebody else takes over.
    Handoff = "handoff" by Agents,
    /// How can I help.
    HelpOffer = "help_offer" by Agents,
    /// Ok, yes, I see.
    Acknowledgement = "acknowledgement" by Both,
}

/// A set of signals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Signals(u32);

impl Signals {
    pub const fn of(signal: Signal) -> Self {
        Self(1 << signal as u32)
    }

    pub fn has(self, signal: Signal) -> bool {
        self.0 & Self::of(signal).0 != 0
    }

    pub fn has_any(self, signals: &[Signal]) -> bool {
        signals.iter().any(|signal| self.has(*signal))
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Those that are looked for in the words of one side.
    pub const fn said_by(side: Side) -> Self {
        const fn all(other: SaidBy) -> u32 {
            let (mut bits, mut index) = (0, 0);
            while index < Signal::ALL.len() {
                let signal = Signal::ALL[index].0;
                if signal.said_by() as u8 != other as u8 {
                    bits |= Signals::of(signal).0;
                }
                index += 1;
            }
            bits
        }
        const CUSTOMER: u32 = all(SaidBy::Agents);
        const AGENTS: u32 = all(SaidBy::Customer);
        match side {
            Side::Customer => Self(CUSTOMER),
            Side::Agents => Self(AGENTS),
        }
    }
}
