//! Rules: CEL expressions over facts, compiled once and evaluated at bounded cost.
//!
//! A fact is a variable. Every number in a rule is a double, facts and literals alike, so `5 - 0.5 * corrections` needs
//! no conversion. An absent fact is `null`: `x != null`, `known(x)` and `default(x, 0)` handle it; arithmetic on it
//! fails, and the failure is recorded on the criterion. There are no loops (`map`, `all`, …), so evaluating costs no
//! more than reading the expression.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock},
};

use cel::{
    Context, Env, Value,
    common::{
        ast::{Expr, IdedExpr, LiteralValue},
        types::{CelBool, CelDouble, CelInt, CelNull, CelString, CelUInt},
        value::{CowVal, Val},
    },
    context::VariableResolver,
};

mod divisors;
mod syntax;

use super::{
    facts::{self, FactId, Facts},
    functions,
};
use crate::domain::{FactValue, UnitKind, rules};

/// The longest rule, in bytes.
pub const MAX_RULE_BYTES: usize = 4_000;
/// The maximum nesting depth: `a + b + c` is 2 deep.
const MAX_DEPTH: usize = 60;

/// A name that reasons may use besides facts: the points that the criterion got.
pub const SCORE: &str = "score";

/// A compiled rule.
#[derive(Debug)]
pub struct Rule {
    expression: IdedExpr,
    facts: Vec<FactId>,
}

/// The outcome of a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Bool(bool),
    Number(f64),
    Text(String),
    Null,
}

impl Outcome {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a bool",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::Null => "null",
        }
    }
}

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    Arc::new(functions::environment().expect("functions that differ in name or number of arguments"))
});

impl Rule {
    /// Compiles a rule for units of one kind.
    ///
    /// # Errors
    /// Says what is wrong: too long, too deep, a syntax error, a loop, a field, an unknown fact or function.
    pub fn compile(source: &str, unit: UnitKind) -> Result<Self, String> {
        Self::compile_with(source, unit, &[])
    }

    /// Like `compile`, but `names` may be used besides facts.
    pub fn compile_with(source: &str, unit: UnitKind, names: &[&str]) -> Result<Self, String> {
        rules::bytes(source, 0..=MAX_RULE_BYTES)?;
        syntax::check_shape(source)?;
        let parsed = catch_unwind(AssertUnwindSafe(|| {
            ENV.parser().max_recursion_depth(MAX_DEPTH as u16).parse(source)
        }));
        let mut expression = match parsed {
            Ok(Ok(expression)) => expression,
            Ok(Err(errors)) => return Err(syntax::fault(source, &errors.to_string())),
            Err(_) => return Err("cannot be read as an expression".to_owned()),
        };
        let mut found = Vec::new();
        check(&mut expression, unit, names, 0, &mut found)?;
        found.sort_unstable();
        found.dedup();
        Ok(Self { expression, facts: found })
    }

    /// The facts it uses.
    pub fn facts(&self) -> &[FactId] {
        &self.facts
    }

    /// The counts it divides by although they can be 0, in order of appearance.
    pub fn unguarded_divisors(&self) -> Vec<FactId> {
        divisors::unguarded(&self.expression)
    }

    /// # Errors
    /// Says why it has no value, naming the absent facts.
    pub fn evaluate(&self, scope: &Scope) -> Result<Outcome, String> {
        let result = catch_unwind(AssertUnwindSafe(|| {
            Value::resolve_val(&self.expression, &scope.context)
                .map_err(|error| error.to_string())
                .and_then(|value| outcome(&value))
        }));
        let result = result.unwrap_or_else(|_| Err("could not be evaluated".to_owned()));
        result.map_err(|fault| {
            let absent: Vec<&str> = self
                .facts
                .iter()
                .filter(|id| scope.facts.get(**id).is_none())
                .map(|id| facts::get(*id).name)
                .collect();
            if absent.is_empty() { fault } else { format!("{fault} (not known here: {})", absent.join(", ")) }
        })
    }
}

/// The facts of one unit, ready for evaluating rules.
pub struct Scope<'f> {
    facts: &'f Facts,
    context: Context<'f, 'f>,
}

impl<'f> Scope<'f> {
    pub fn new(variables: &'f Variables<'f>) -> Self {
        let mut context = Context::with_env(Arc::clone(&ENV));
        context.set_variable_resolver(variables);
        Self { facts: variables.facts, context }
    }

    /// Sets what `score` means in a reason.
    pub fn set_score(&mut self, points: f64) {
        self.context.add_variable_as_val(SCORE, Box::new(CelDouble::from(points)));
    }
}

/// Gives the CEL interpreter facts by name.
pub struct Variables<'f> {
    facts: &'f Facts,
    values: Vec<Variable<'f>>,
}

/// A fact's value as the interpreter has it.
enum Variable<'f> {
    Bool(CelBool),
    Number(CelDouble),
    Text(CelString<'f>),
    Absent(CelNull),
}

impl<'f> Variables<'f> {
    pub fn of(facts: &'f Facts) -> Self {
        let variable = |value: Option<&'f FactValue>| match value {
            Some(FactValue::Bool(value)) => Variable::Bool(CelBool::from(*value)),
            Some(FactValue::Int(value)) => Variable::Number(CelDouble::from(*value as f64)),
            Some(FactValue::Number(value)) => Variable::Number(CelDouble::from(*value)),
            Some(FactValue::Text(value)) => Variable::Text(CelString::from(value.as_str())),
            None => Variable::Absent(CelNull),
        };
        Self { facts, values: facts.values().map(variable).collect() }
    }
}

/// What a fact is called in a compiled rule: one character that tells its place, so that evaluating looks up no name.
fn variable_of(fact: FactId) -> String {
    char::from_u32(VARIABLES + fact.place() as u32).unwrap_or_default().to_string()
}

fn fact_of(variable: &str) -> Option<FactId> {
    let character = variable.chars().next()?;
    facts::at((character as u32).checked_sub(VARIABLES)? as usize)
}

/// Characters that stand in no name, and are more than there are facts.
const VARIABLES: u32 = 0xe000;

impl VariableResolver for Variables<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let value: &'b dyn Val = match self.values.get(fact_of(variable)?.place())? {
            Variable::Bool(value) => value,
            Variable::Number(value) => value,
            Variable::Text(value) => value,
            Variable::Absent(value) => value,
        };
        Some(CowVal::Borrowed(value))
    }
}

fn outcome(value: &CowVal) -> Result<Outcome, String> {
    let value = value.as_ref();
    if let Some(value) = value.downcast_ref::<CelBool>() {
        Ok(Outcome::Bool(*value.inner()))
    } else if let Some(value) = value.downcast_ref::<CelDouble>() {
        Ok(Outcome::Number(*value.inner()))
    } else if let Some(value) = value.downcast_ref::<CelInt>() {
        Ok(Outcome::Number(*value.inner() as f64))
    } else if let Some(value) = value.downcast_ref::<CelUInt>() {
        Ok(Outcome::Number(*value.inner() as f64))
    } else if let Some(value) = value.downcast_ref::<CelString>() {
        Ok(Outcome::Text(value.inner().to_owned()))
    } else if value.downcast_ref::<CelNull>().is_some() {
        Ok(Outcome::Null)
    } else {
        Err(format!("gives {}, not a bool, number or text", value.get_type().name()))
    }
}

/// Walks the tree: enforces limits, turns integers into doubles, and collects and renames facts.
fn check(
    expression: &mut IdedExpr,
    unit: UnitKind,
    names: &[&str],
    depth: usize,
    found: &mut Vec<FactId>,
) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("must nest at most {MAX_DEPTH} deep"));
    }
    match &mut expression.expr {
        Expr::Literal(literal) => {
            let double = match literal {
                LiteralValue::Int(value) => Some(*value.inner() as f64),
                LiteralValue::UInt(value) => Some(*value.inner() as f64),
                _ => None,
            };
            if let Some(double) = double {
                *literal = LiteralValue::Double(CelDouble::from(double));
            }
            Ok(())
        }
        Expr::Ident(name) if names.contains(&name.as_str()) => Ok(()),
        Expr::Ident(name) => {
            let fact = known_fact(name, unit)?;
            *name = variable_of(fact);
            found.push(fact);
            Ok(())
        }
        Expr::Call(call) => {
            functions::check_call(&call.func_name, call.args.len() + usize::from(call.target.is_some()))?;
            functions::normalize(call);
            let parts = call.target.as_deref_mut().into_iter().chain(&mut call.args);
            parts.into_iter().try_for_each(|part| check(part, unit, names, depth + 1, found))
        }
        Expr::List(list) => {
            list.elements.iter_mut().try_for_each(|element| check(element, unit, names, depth + 1, found))
        }
        Expr::Select(select) if select.test => Err(syntax::HAS.to_owned()),
        Expr::Select(_) => Err("must not select fields: a fact is a plain name".to_owned()),
        Expr::Comprehension(_) => Err("must not loop (all, exists, filter, map)".to_owned()),
        Expr::Map(_) | Expr::Struct(_) => Err("must not build maps or messages".to_owned()),
        Expr::Unspecified => Err("is empty".to_owned()),
    }
}

fn known_fact(name: &str, unit: UnitKind) -> Result<FactId, String> {
    let id = facts::find(name).ok_or_else(|| format!("names the fact {name:?}, which does not exist"))?;
    let scope = facts::get(id).scope;
    if scope.includes(unit) {
        Ok(id)
    } else {
        Err(format!("names the fact {name:?}, which is only known for a {}", scope.as_str()))
    }
}
