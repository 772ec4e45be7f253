//! Divisions by a count that can be 0: 0 / 0 is not a number, and anything else / 0 is infinite.

use cel::common::ast::{Expr, IdedExpr, LiteralValue};

use super::fact_of;
use crate::scoring::facts::{self, FactId, FactKind};

/// The counts below a `/` that nothing keeps from being 0, in the order they are written.
pub fn unguarded(expression: &IdedExpr) -> Vec<FactId> {
    let mut found = Vec::new();
    walk(expression, &mut Vec::new(), &mut found);
    let mut seen = Vec::new();
    found.retain(|id| {
        !seen.contains(id) && {
            seen.push(*id);
            true
        }
    });
    found
}

/// `guards` are the facts that a condition on the way here has asked about.
fn walk(expression: &IdedExpr, guards: &mut Vec<FactId>, found: &mut Vec<FactId>) {
    match &expression.expr {
        Expr::Call(call) => {
            let depth = guards.len();
            for (index, part) in call.target.as_deref().into_iter().chain(&call.args).enumerate() {
                if index == 1 && call.func_name == "_/_" {
                    let counts = may_be_zero(part);
                    found.extend(counts.into_iter().filter(|id| !guards.contains(id)));
                }
                walk(part, guards, found);
                if index == 0 && matches!(call.func_name.as_str(), "_?_:_" | "_&&_" | "_||_") {
                    guards.extend(counts_in(part));
                }
            }
            guards.truncate(depth);
        }
        Expr::List(list) => list.elements.iter().for_each(|element| walk(element, guards, found)),
        _ => {}
    }
}

/// The counts that make a divisor 0 when they are 0. A sum with a positive number, and the greater of it, never is.
fn may_be_zero(divisor: &IdedExpr) -> Vec<FactId> {
    if let Expr::Call(call) = &divisor.expr
        && matches!(call.func_name.as_str(), "_+_" | "max")
        && call.args.iter().any(is_positive)
    {
        return Vec::new();
    }
    counts_in(divisor)
}

fn counts_in(expression: &IdedExpr) -> Vec<FactId> {
    match &expression.expr {
        Expr::Ident(name) => {
            fact_of(name).into_iter().filter(|id| facts::get(*id).kind == FactKind::Int).collect()
        }
        Expr::Call(call) => {
            call.target.as_deref().into_iter().chain(&call.args).flat_map(counts_in).collect()
        }
        Expr::List(list) => list.elements.iter().flat_map(counts_in).collect(),
        _ => Vec::new(),
    }
}

fn is_positive(expression: &IdedExpr) -> bool {
    matches!(&expression.expr, Expr::Literal(LiteralValue::Double(value)) if *value.inner() > 0.0)
}
