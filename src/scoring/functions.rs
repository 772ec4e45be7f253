//! The functions that rules may call, besides CEL's operators.

use std::ops::RangeInclusive;

use cel::{
    DeclarationError, Env, ExecutionError,
    common::{
        ast::CallExpr,
        functions::Function as Operation,
        types::{CelBool, CelDouble, CelInt, CelList, CelNull, CelString, CelUInt, DYN_TYPE},
        value::{CowVal, Val},
    },
};

use super::{
    summary,
    template::{percent, rounded},
    text::Language,
};

/// A function that rules may call.
pub struct Function {
    pub name: &'static str,
    arguments: RangeInclusive<usize>,
    /// How it is called, and what it gives.
    pub doc: &'static str,
    run: Run,
}

enum Run {
    Ours(Operation),
    /// CEL has it, as a method.
    Method,
}

pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "known",
        arguments: 1..=1,
        doc: "`known(x)`: whether the fact x is known",
        run: Run::Ours(|arguments| Ok(CowVal::owned(CelBool::from(!is_null(&*arguments[0]))))),
    },
    Function {
        name: "default",
        arguments: 2..=2,
        doc: "`default(x, y)`: x, or y where x is absent",
        run: Run::Ours(|mut arguments| {
            let chosen = usize::from(is_null(&*arguments[0]));
            Ok(arguments.swap_remove(chosen))
        }),
    },
    Function {
        name: "clamp",
        arguments: 3..=3,
        doc: "`clamp(x, low, high)`: x held between two numbers",
        run: Run::Ours(|arguments| {
            let [value, low, high] = numbers("clamp", &arguments)?;
            Ok(double(value.min(high).max(low)))
        }),
    },
    Function {
        name: "ramp",
        arguments: 3..=3,
        doc: "`ramp(x, from, to)`: 0 up to `from`, 1 from `to` on, evenly between them; 0 where x is absent",
        run: Run::Ours(|arguments| {
            if is_null(&*arguments[0]) {
                return Ok(double(0.0));
            }
            let [value, from, to] = numbers("ramp", &arguments)?;
            Ok(double(ramp(value, from, to)))
        }),
    },
    Function {
        name: "soften",
        arguments: 3..=3,
        doc: "`soften(x, low, high)`: like clamp, but nearing the ends without reaching them, so that the good and the \
              very good stay apart",
        run: Run::Ours(|arguments| {
            let [value, low, high] = numbers("soften", &arguments)?;
            Ok(double(soften(value, low, high)))
        }),
    },
    Function {
        name: "min",
        arguments: 2..=8,
        doc: "`min(x, y, …)`: the least of the numbers",
        run: Run::Ours(|arguments| fold("min", &arguments, f64::min)),
    },
    Function {
        name: "max",
        arguments: 2..=8,
        doc: "`max(x, y, …)`: the greatest of the numbers",
        run: Run::Ours(|arguments| fold("max", &arguments, f64::max)),
    },
    Function {
        name: "flag",
        arguments: 1..=1,
        doc: "`flag(x)`: 1 where x is true, 0 where it is false or absent",
        run: Run::Ours(|arguments| match arguments[0].downcast_ref::<CelBool>() {
            Some(value) => Ok(double(f64::from(u8::from(*value.inner())))),
            None if is_null(&*arguments[0]) => Ok(double(0.0)),
            None => Err(ExecutionError::function_error("flag", "takes a bool")),
        }),
    },
    Function {
        name: "size",
        arguments: 1..=1,
        doc: "`size(x)`: how many characters a text has, or elements a list",
        run: Run::Ours(|arguments| {
            let argument = &*arguments[0];
            let text = argument.downcast_ref::<CelString>().map(|text| text.inner().chars().count());
            let size = text.or_else(|| argument.downcast_ref::<CelList>().map(|list| list.inner().len()));
            let size =
                size.ok_or_else(|| ExecutionError::function_error("size", "takes a text or a list"))?;
            Ok(double(size as f64))
        }),
    },
    Function {
        name: "contains",
        arguments: 2..=2,
        doc: "`contains(x, 'y')`, as CEL's own `x.contains('y')`: whether the text y is in the text x",
        run: Run::Method,
    },
    Function {
        name: "startsWith",
        arguments: 2..=2,
        doc: "`startsWith(x, 'y')`, as `x.startsWith('y')`: whether the text x begins with y",
        run: Run::Method,
    },
    Function {
        name: "endsWith",
        arguments: 2..=2,
        doc: "`endsWith(x, 'y')`, as `x.endsWith('y')`: whether the text x ends with y",
        run: Run::Method,
    },
    Function {
        name: "times",
        arguments: 1..=1,
        doc: "`times(x)`: once, twice, 3 times, for a reason",
        run: Run::Ours(|arguments| words(&*arguments[0], times)),
    },
    Function {
        name: "count",
        arguments: 2..=2,
        doc: "`count(x, 'message')`: 1 message, 2 messages, for a reason",
        run: Run::Ours(|arguments| {
            let Some(noun) = arguments[1].downcast_ref::<CelString>() else {
                return Err(ExecutionError::function_error("count", "takes a number and a noun"));
            };
            let noun = noun.inner();
            words(&*arguments[0], |number| {
                let shown = rounded(number);
                if shown == "1" { format!("1 {noun}") } else { format!("{shown} {}", plural(noun)) }
            })
        }),
    },
    Function {
        name: "percent",
        arguments: 1..=1,
        doc: "`percent(x)`: a part of a whole, 0 to 1, as a whole per cent for a reason: 67 %",
        run: Run::Ours(|arguments| words(&*arguments[0], percent)),
    },
    Function {
        name: "duration",
        arguments: 1..=1,
        doc: "`duration(x)`: seconds in words, 12 min or 3 h 5 min, for a reason",
        run: Run::Ours(|arguments| words(&*arguments[0], |seconds| summary::duration(seconds as i64))),
    },
    Function {
        name: "language",
        arguments: 1..=1,
        doc: "`language(x)`: the English name of a language that is known by its code, for a reason",
        run: Run::Ours(|arguments| match arguments[0].downcast_ref::<CelString>() {
            Some(code) => Ok(text(Language::name_of(code.inner()).to_owned())),
            None if is_null(&*arguments[0]) => Ok(text("an unknown language".to_owned())),
            None => Err(ExecutionError::function_error("language", "takes a language's code")),
        }),
    },
    Function {
        name: "text",
        arguments: 1..=1,
        doc: "`text(x)`: x in words for a reason, numbers rounded",
        run: Run::Ours(|arguments| words(&*arguments[0], rounded)),
    },
];

/// CEL's operators, as its parser names them.
const OPERATORS: &[&str] = &[
    "_+_", "_-_", "_*_", "_/_", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "_&&_", "_||_", "_?_:_", "!_",
    "-_", "@in", "_in_",
];

/// `arguments` includes the target of a method call.
pub fn check_call(name: &str, arguments: usize) -> Result<(), String> {
    if OPERATORS.contains(&name) {
        return Ok(());
    }
    let Some(function) = FUNCTIONS.iter().find(|function| function.name == name) else {
        return Err(format!("calls {name:?}, which is not among the functions that rules have"));
    };
    if function.arguments.contains(&arguments) {
        Ok(())
    } else {
        let (least, most) = (function.arguments.start(), function.arguments.end());
        Err(format!("calls {name:?} with {arguments} arguments, it takes {least} to {most}"))
    }
}

/// Rewrites a call for the interpreter: one of our functions may be called as a method, and CEL's own only so.
pub fn normalize(call: &mut CallExpr) {
    let Some(function) = FUNCTIONS.iter().find(|function| function.name == call.func_name) else { return };
    match (&function.run, &call.target) {
        (Run::Method, None) => call.target = Some(Box::new(call.args.remove(0))),
        (Run::Method, Some(_)) => {}
        (Run::Ours(_), _) => {
            if let Some(target) = call.target.take() {
                call.args.insert(0, *target);
            }
            own_name(function.name).clone_into(&mut call.func_name);
        }
    }
}

/// What the interpreter calls a function of ours: CEL's own `size` gives an integer.
fn own_name(name: &'static str) -> &'static str {
    if name == "size" { "size_as_double" } else { name }
}

/// CEL with our functions, each declared once for every number of arguments.
///
/// # Errors
/// A function that is declared twice.
pub fn environment() -> Result<Env, DeclarationError> {
    let mut env = Env::stdlib();
    for function in FUNCTIONS {
        let Run::Ours(operation) = function.run else { continue };
        let name = own_name(function.name);
        for count in function.arguments.clone() {
            env.add_overload(
                name,
                &format!("{name}_{count}"),
                (0..count).map(|_| DYN_TYPE).collect(),
                operation,
            )?;
        }
    }
    Ok(env)
}

type Answer<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

fn double<'b, 'v>(number: f64) -> CowVal<'b, 'v> {
    CowVal::owned(CelDouble::from(number))
}

fn text<'b, 'v>(text: String) -> CowVal<'b, 'v> {
    CowVal::owned(CelString::from(text))
}

fn is_null<'v>(value: &(dyn Val + 'v)) -> bool {
    value.downcast_ref::<CelNull>().is_some()
}

/// The value in words; `say` formats numbers.
fn words<'b, 'v>(value: &(dyn Val + 'v), say: impl Fn(f64) -> String) -> Answer<'b, 'v> {
    let words = if let Some(text) = value.downcast_ref::<CelString>() {
        text.inner().to_owned()
    } else if let Some(answer) = value.downcast_ref::<CelBool>() {
        if *answer.inner() { "yes" } else { "no" }.to_owned()
    } else if is_null(value) {
        "unknown".to_owned()
    } else {
        say(number("text", value)?)
    };
    Ok(text(words))
}

fn times(count: f64) -> String {
    match count {
        1.0 => "once".to_owned(),
        2.0 => "twice".to_owned(),
        _ => format!("{} times", rounded(count)),
    }
}

/// The regular English plural: replies, days, boxes, switches, messages.
fn plural(noun: &str) -> String {
    let before_y = noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u']));
    if let Some(stem) = before_y.filter(|stem| !stem.is_empty()) {
        format!("{stem}ies")
    } else if ["s", "x", "z", "ch", "sh"].iter().any(|ending| noun.ends_with(ending)) {
        format!("{noun}es")
    } else {
        format!("{noun}s")
    }
}

/// The fraction of the way from `from` to `to`, 0 to 1; a step if they are equal.
fn ramp(value: f64, from: f64, to: f64) -> f64 {
    if from == to {
        return f64::from(u8::from(value >= to));
    }
    ((value - from) / (to - from)).clamp(0.0, 1.0)
}

/// The middle stays as it is; x/(1+|x|^4)^(1/4) flattens it towards the ends.
fn soften(value: f64, low: f64, high: f64) -> f64 {
    let (middle, half) = (f64::midpoint(low, high), (high - low) / 2.0);
    let part = (value - middle) / half;
    let softened = part / (1.0 + part.powi(4)).powf(0.25);
    // For extreme values the quotient would be infinity by infinity.
    let softened = if part.abs() > 1e6 { part.signum() } else { softened };
    middle + half * softened
}

fn fold<'b, 'v>(name: &str, arguments: &[CowVal<'b, 'v>], pick: fn(f64, f64) -> f64) -> Answer<'b, 'v> {
    let mut picked = None;
    for argument in arguments {
        let number = number(name, &**argument)?;
        picked = Some(picked.map_or(number, |best| pick(best, number)));
    }
    picked.map(double).ok_or_else(ExecutionError::missing_argument_or_target)
}

fn numbers<const N: usize>(name: &str, arguments: &[CowVal]) -> Result<[f64; N], ExecutionError> {
    let mut numbers = [0.0; N];
    for (slot, argument) in numbers.iter_mut().zip(arguments) {
        *slot = number(name, &**argument)?;
    }
    Ok(numbers)
}

/// 0 / 0 is refused: `f64::min` and `f64::max` would drop it and give the other number.
fn number<'v>(name: &str, value: &(dyn Val + 'v)) -> Result<f64, ExecutionError> {
    if let Some(value) = value.downcast_ref::<CelDouble>() {
        let value = *value.inner();
        if value.is_nan() {
            return Err(ExecutionError::function_error(name, "got 0 / 0, which is not a number"));
        }
        Ok(value)
    } else if let Some(value) = value.downcast_ref::<CelInt>() {
        Ok(*value.inner() as f64)
    } else if let Some(value) = value.downcast_ref::<CelUInt>() {
        Ok(*value.inner() as f64)
    } else if is_null(value) {
        Err(ExecutionError::function_error(name, "takes numbers, got a fact that is absent"))
    } else {
        Err(ExecutionError::function_error(name, "takes numbers"))
    }
}
