//! The functions that rules may call, besides CEL's operators.

use super::{summary, template::rounded, text::Language};
use cel::{Context, ExecutionError, Value, common::ast::CallExpr, extractors::Arguments};

/// Name, number of arguments, meaning.
pub const FUNCTIONS: &[(&str, std::ops::RangeInclusive<usize>, &str)] = &[
    ("known", 1..=1, "`known(x)`: whether the fact x is known"),
    ("default", 2..=2, "`default(x, y)`: x, or y where x is absent"),
    ("clamp", 3..=3, "`clamp(x, low, high)`: x held between two numbers"),
    (
        "ramp",
        3..=3,
        "`ramp(x, from, to)`: 0 up to `from`, 1 from `to` on, evenly between them; 0 where x is absent",
    ),
    (
        "soften",
        3..=3,
        "`soften(x, low, high)`: like clamp, but nearing the ends without reaching them, so that the good and the very \
         good stay apart",
    ),
    ("min", 2..=8, "`min(x, y, …)`: the least of the numbers"),
    ("max", 2..=8, "`max(x, y, …)`: the greatest of the numbers"),
    ("flag", 1..=1, "`flag(x)`: 1 where x is true, 0 where it is false or absent"),
    ("size", 1..=1, "`size(x)`: how many characters a text has, or elements a list"),
    (
        "contains",
        2..=2,
        "`contains(x, 'y')`, as CEL's own `x.contains('y')`: whether the text y is in the text x",
    ),
    ("startsWith", 2..=2, "`startsWith(x, 'y')`, as `x.startsWith('y')`: whether the text x begins with y"),
    ("endsWith", 2..=2, "`endsWith(x, 'y')`, as `x.endsWith('y')`: whether the text x ends with y"),
    ("times", 1..=1, "`times(x)`: once, twice, 3 times, for a reason"),
    ("count", 2..=2, "`count(x, 'message')`: 1 message, 2 messages, for a reason"),
    ("duration", 1..=1, "`duration(x)`: seconds in words, 12 min or 3 h 5 min, for a reason"),
    (
        "language",
        1..=1,
        "`language(x)`: the English name of a language that is known by its code, for a reason",
    ),
    ("text", 1..=1, "`text(x)`: x in words for a reason, numbers rounded"),
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
    let Some((_, allowed, _)) = FUNCTIONS.iter().find(|(known, ..)| *known == name) else {
        return Err(format!("calls {name:?}, which is not among the functions that rules have"));
    };
    if allowed.contains(&arguments) {
        Ok(())
    } else {
        let (least, most) = (allowed.start(), allowed.end());
        Err(format!("calls {name:?} with {arguments} arguments, it takes {least} to {most}"))
    }
}

/// CEL's `size` returns an integer, but rules have doubles only, so calls of it go to this one.
const SIZE: &str = "size_as_double";

/// Rewrites a call for the interpreter: CEL has `contains` and similar functions as methods only.
pub fn normalize(call: &mut CallExpr) {
    match call.func_name.as_str() {
        "contains" | "startsWith" | "endsWith" if call.target.is_none() => {
            call.target = Some(Box::new(call.args.remove(0)));
        }
        "size" => {
            SIZE.clone_into(&mut call.func_name);
            call.args.extend(call.target.take().map(|target| *target));
        }
        _ => {}
    }
}

pub fn add_to(context: &mut Context) {
    // The standard environment has none of these names, so adding them cannot fail.
    let added = [
        context.add_function("known", |Arguments(args): Arguments| -> Answer {
            Ok(Value::Bool(!matches!(args.first(), None | Some(Value::Null))))
        }),
        context.add_function("default", |Arguments(args): Arguments| -> Answer {
            match args.as_slice() {
                [Value::Null, otherwise] => Ok(otherwise.clone()),
                [value, _] => Ok(value.clone()),
                _ => Err(ExecutionError::missing_argument_or_target()),
            }
        }),
        context.add_function("clamp", |Arguments(args): Arguments| -> Answer {
            let [value, low, high] = numbers("clamp", &args)?;
            Ok(Value::Float(value.min(high).max(low)))
        }),
        context.add_function("soften", |Arguments(args): Arguments| -> Answer {
            let [value, low, high] = numbers("soften", &args)?;
            Ok(Value::Float(soften(value, low, high)))
        }),
        context.add_function("ramp", |Arguments(args): Arguments| -> Answer {
            if let Some(Value::Null) = args.first() {
                return Ok(Value::Float(0.0));
            }
            let [value, from, to] = numbers("ramp", &args)?;
            Ok(Value::Float(ramp(value, from, to)))
        }),
        context.add_function("min", |Arguments(args): Arguments| fold("min", &args, f64::min)),
        context.add_function("max", |Arguments(args): Arguments| fold("max", &args, f64::max)),
        context.add_function("flag", |Arguments(args): Arguments| -> Answer {
            match args.first() {
                Some(Value::Bool(value)) => Ok(Value::Float(f64::from(u8::from(*value)))),
                Some(Value::Null) => Ok(Value::Float(0.0)),
                _ => Err(ExecutionError::function_error("flag", "takes a bool")),
            }
        }),
        context.add_function(SIZE, |Arguments(args): Arguments| -> Answer {
            let size = match args.first() {
                Some(Value::String(text)) => text.chars().count(),
                Some(Value::List(elements)) => elements.len(),
                _ => return Err(ExecutionError::function_error("size", "takes a text or a list")),
            };
            Ok(Value::Float(size as f64))
        }),
        context.add_function("text", |Arguments(args): Arguments| words(&args, rounded)),
        context.add_function("language", |Arguments(args): Arguments| -> Answer {
            match args.first() {
                Some(Value::String(code)) => Ok(Value::String(Language::name_of(code).to_owned().into())),
                Some(Value::Null) => Ok(Value::String("an unknown language".to_owned().into())),
                _ => Err(ExecutionError::function_error("language", "takes a language's code")),
            }
        }),
        context.add_function("times", |Arguments(args): Arguments| words(&args, times)),
        context.add_function("duration", |Arguments(args): Arguments| {
            words(&args, |seconds| summary::duration(seconds as i64))
        }),
        context.add_function("count", |Arguments(args): Arguments| -> Answer {
            let [number, Value::String(noun)] = args.as_slice() else {
                return Err(ExecutionError::function_error("count", "takes a number and a noun"));
            };
            words(std::slice::from_ref(number), |number| {
                let shown = rounded(number);
                if shown == "1" { format!("1 {noun}") } else { format!("{shown} {}", plural(noun)) }
            })
        }),
    ];
    debug_assert!(added.iter().all(Result::is_ok), "a function's name is taken: {added:?}");
}

type Answer = Result<Value, ExecutionError>;

/// The one argument in words; `say` formats numbers.
fn words(arguments: &[Value], say: impl Fn(f64) -> String) -> Answer {
    let words = match arguments.first() {
        Some(Value::String(text)) => return Ok(Value::String(text.clone())),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(Value::Null) => "unknown".to_owned(),
        Some(value) => say(number("text", value)?),
        None => return Err(ExecutionError::missing_argument_or_target()),
    };
    Ok(Value::String(words.into()))
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

fn fold(name: &str, arguments: &[Value], pick: fn(f64, f64) -> f64) -> Result<Value, ExecutionError> {
    let mut picked = None;
    for argument in arguments {
        let number = number(name, argument)?;
        picked = Some(picked.map_or(number, |best| pick(best, number)));
    }
    picked.map(Value::Float).ok_or_else(ExecutionError::missing_argument_or_target)
}

fn numbers<const N: usize>(name: &str, arguments: &[Value]) -> Result<[f64; N], ExecutionError> {
    let mut numbers = [0.0; N];
    for (slot, argument) in numbers.iter_mut().zip(arguments) {
        *slot = number(name, argument)?;
    }
    Ok(numbers)
}

/// 0 / 0 is refused: `f64::min` and `f64::max` would drop it and give the other number.
fn number(name: &str, value: &Value) -> Result<f64, ExecutionError> {
    match value {
        Value::Float(value) if value.is_nan() => {
            Err(ExecutionError::function_error(name, "got 0 / 0, which is not a number"))
        }
        Value::Float(value) => Ok(*value),
        Value::Int(value) => Ok(*value as f64),
        Value::UInt(value) => Ok(*value as f64),
        Value::Null => Err(ExecutionError::function_error(name, "takes numbers, got a fact that is absent")),
        _ => Err(ExecutionError::function_error(name, "takes numbers")),
    }
}
