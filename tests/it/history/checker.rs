//! Whether what callers saw can be explained by one order of their calls, in which each took effect at one moment between
//! its beginning and its end: linearizability, by the search of Wing and Gong with the memory of Lowe.

use std::{collections::HashSet, fmt::Debug, hash::Hash};

/// What a single caller would see.
pub trait Model {
    type State: Clone + Debug + Eq + Hash;
    type Op: Clone + Debug;

    /// The state after a call that was answered as it was; `None` if it could not have been answered so.
    fn step(state: &Self::State, op: &Self::Op) -> Option<Self::State>;
}

/// A call. Times are of one clock, without duplicates.
#[derive(Clone, Debug)]
pub struct Call<Op> {
    pub begin: u64,
    /// `None`: it was not answered. It may have taken effect at any time since, or never.
    pub end: Option<u64>,
    pub op: Op,
}

/// `Err` with the longest explicable part, as indexes of calls, if there is no such order.
pub fn check<M: Model>(initial: M::State, calls: &[Call<M::Op>]) -> Result<(), Vec<usize>> {
    let answered = calls.iter().filter(|call| call.end.is_some()).count();
    // What has been tried: which calls have taken effect, and the state after them.
    let mut seen: HashSet<(Vec<u64>, M::State)> = HashSet::new();
    let mut longest = Vec::new();
    let mut way: Vec<Step<M::State>> =
        vec![Step { state: initial, taken: vec![0; calls.len() / 64 + 1], next: 0 }];
    let mut order: Vec<usize> = Vec::new();
    while let Some(step) = way.last_mut() {
        let explained = order.iter().filter(|at| calls[**at].end.is_some()).count();
        if explained == answered {
            return Ok(());
        }
        // A call may come next only if no other has ended before it began.
        let left = |at: &usize| step.taken[at / 64] & (1 << (at % 64)) == 0;
        let first_end = (0..calls.len()).filter(left).filter_map(|at| calls[at].end).min();
        let may_be = |at: &usize| first_end.is_none_or(|end| calls[*at].begin < end);
        let next = (step.next..calls.len())
            .filter(left)
            .filter(may_be)
            .find_map(|at| Some((at, M::step(&step.state, &calls[at].op)?)));
        let Some((at, state)) = next else {
            way.pop();
            order.pop();
            continue;
        };
        step.next = at + 1;
        let mut taken = step.taken.clone();
        taken[at / 64] |= 1 << (at % 64);
        if seen.insert((taken.clone(), state.clone())) {
            order.push(at);
            way.push(Step { state, taken, next: 0 });
            if order.len() > longest.len() {
                longest.clone_from(&order);
            }
        }
    }
    Err(longest)
}

struct Step<State> {
    state: State,
    /// Which calls have taken effect, by their bits.
    taken: Vec<u64>,
    /// From which call on something is left to try here.
    next: usize,
}

/// A value that is read, written, and changed by whoever knows its version.
pub struct Register;

/// The value and its version; a register without versions has none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Held {
    pub value: String,
    pub version: String,
}

#[derive(Clone, Debug)]
pub enum Op {
    Read(Held),
    Write(Held),
    /// Wrote it because the version was `knew`.
    Change {
        knew: String,
        to: Held,
    },
    /// Did not write it because the version was not `knew`.
    Refused {
        knew: String,
    },
}

impl Model for Register {
    type State = Held;
    type Op = Op;

    fn step(state: &Held, op: &Op) -> Option<Held> {
        match op {
            Op::Read(seen) => (seen == state).then(|| state.clone()),
            Op::Write(to) => Some(to.clone()),
            Op::Change { knew, to } => (*knew == state.version).then(|| to.clone()),
            Op::Refused { knew } => (*knew != state.version).then(|| state.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(value: u32) -> Held {
        Held { value: value.to_string(), version: format!("v{value}") }
    }

    fn change(knew: u32, to: u32) -> Op {
        Op::Change { knew: format!("v{knew}"), to: held(to) }
    }

    /// Calls by begin and end.
    fn history(calls: &[(u64, u64, Op)]) -> Vec<Call<Op>> {
        calls.iter().map(|(begin, end, op)| Call { begin: *begin, end: Some(*end), op: op.clone() }).collect()
    }

    fn is_explained(calls: &[(u64, u64, Op)]) -> bool {
        check::<Register>(held(0), &history(calls)).is_ok()
    }

    #[test]
    fn what_one_caller_sees_is_explained() {
        let calls = [
            (1, 2, change(0, 1)),
            (3, 4, Op::Read(held(1))),
            (5, 6, Op::Write(held(2))),
            (7, 8, Op::Read(held(2))),
        ];
        assert!(is_explained(&calls));
        assert!(is_explained(&[]));
    }

    #[test]
    fn overlapping_calls_take_effect_in_any_order() {
        // The second write came first, as the read between shows.
        let calls = [
            (1, 9, Op::Write(held(1))),
            (2, 4, Op::Write(held(2))),
            (5, 6, Op::Read(held(2))),
            (10, 11, Op::Read(held(1))),
        ];
        assert!(is_explained(&calls));
    }

    #[test]
    fn a_lost_update_is_found() {
        let calls = [(1, 4, change(0, 1)), (2, 5, change(0, 2)), (6, 7, Op::Read(held(2)))];
        assert!(!is_explained(&calls));
        let one_refused =
            [(1, 4, Op::Refused { knew: "v0".to_owned() }), (2, 5, change(0, 2)), (6, 7, Op::Read(held(2)))];
        assert!(is_explained(&one_refused));
    }

    #[test]
    fn a_stale_read_is_found() {
        assert!(!is_explained(&[(1, 2, Op::Write(held(1))), (3, 4, Op::Read(held(0)))]));
        // While the write is on its way it may be seen or not, but not first seen and then not.
        assert!(is_explained(&[
            (1, 9, Op::Write(held(1))),
            (3, 4, Op::Read(held(0))),
            (5, 6, Op::Read(held(1)))
        ]));
        assert!(!is_explained(&[
            (1, 9, Op::Write(held(1))),
            (3, 4, Op::Read(held(1))),
            (5, 6, Op::Read(held(0)))
        ]));
    }

    #[test]
    fn a_refusal_without_a_cause_is_found() {
        assert!(!is_explained(&[(1, 2, Op::Refused { knew: "v0".to_owned() })]));
    }

    #[test]
    fn a_write_that_takes_effect_twice_is_found() {
        let calls = [(1, 2, Op::Write(held(1))), (3, 4, Op::Write(held(2))), (5, 6, Op::Read(held(1)))];
        assert!(!is_explained(&calls));
    }

    #[test]
    fn a_call_without_an_answer_may_have_taken_effect_or_not() {
        let unanswered = Call { begin: 1, end: None, op: Op::Write(held(1)) };
        for seen in [0, 1] {
            let mut calls = history(&[(3, 4, Op::Read(held(seen)))]);
            calls.push(unanswered.clone());
            assert!(check::<Register>(held(0), &calls).is_ok());
        }
        let mut calls = history(&[(3, 4, Op::Read(held(1))), (5, 6, Op::Read(held(0)))]);
        calls.push(unanswered);
        assert_eq!(check::<Register>(held(0), &calls), Err(vec![2, 0]));
    }

    #[test]
    fn many_overlapping_calls_are_checked_in_time() {
        let calls: Vec<_> = (0..500)
            .flat_map(|at| {
                let begin = at * 10;
                let writes =
                    (0..6).map(move |n| (begin + n, begin + 20 + n, Op::Write(held((at * 6 + n) as u32))));
                writes.collect::<Vec<_>>()
            })
            .collect();
        assert!(is_explained(&calls));
    }
}
