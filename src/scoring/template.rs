//! Reasons: sentences with CEL expressions in braces.

use super::rules::{Outcome, Rule, SCORE, Scope};
use crate::{
    domain::{UnitKind, rules},
    scoring::facts::FactId,
};

/// The longest reason in a scorecard, in bytes.
pub const MAX_TEMPLATE_BYTES: usize = 4_000;

/// A compiled reason.
#[derive(Debug)]
pub struct Template(Vec<Part>);

#[derive(Debug)]
enum Part {
    Text(String),
    Hole(Rule),
}

impl Template {
    /// `{expression}` is a placeholder, `{{` and `}}` are literal braces. An expression cannot contain braces itself.
    /// Besides facts it may use `score`, the points that the criterion got.
    ///
    /// # Errors
    /// Says what is wrong with the first faulty placeholder.
    pub fn compile(source: &str, unit: UnitKind) -> Result<Self, String> {
        rules::bytes(source, 0..=MAX_TEMPLATE_BYTES)?;
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = source;
        while let Some(at) = rest.find(['{', '}']) {
            text.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                text.push_str(brace);
                rest = after;
            } else if brace == "}" {
                return Err("has a } without its {".to_owned());
            } else {
                let end = rest.find('}').ok_or("has a { without its }")?;
                let hole = rest[..end].trim();
                let rule = Rule::compile_with(hole, unit, &[SCORE])
                    .map_err(|fault| format!("{{{hole}}} {fault}"))?;
                parts.push(Part::Text(std::mem::take(&mut text)));
                parts.push(Part::Hole(rule));
                rest = &rest[end + 1..];
            }
        }
        text.push_str(rest);
        parts.push(Part::Text(text));
        Ok(Self(parts))
    }

    /// The facts it uses.
    pub fn facts(&self) -> impl Iterator<Item = FactId> {
        self.0
            .iter()
            .flat_map(|part| match part {
                Part::Text(_) => [].as_slice(),
                Part::Hole(rule) => rule.facts(),
            })
            .copied()
    }

    /// Fills the placeholders. One without a value becomes `unknown`: a reason never costs a score.
    pub fn render(&self, scope: &Scope) -> String {
        let mut rendered = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => rendered.push_str(text),
                Part::Hole(rule) => match rule.evaluate(scope) {
                    Ok(Outcome::Bool(value)) => rendered.push_str(if value { "yes" } else { "no" }),
                    Ok(Outcome::Number(value)) => rendered.push_str(&rounded(value)),
                    Ok(Outcome::Text(value)) => rendered.push_str(&value),
                    Ok(Outcome::Null) | Err(_) => rendered.push_str("unknown"),
                },
            }
        }
        // Folded YAML and omitted parts leave double spaces.
        rendered.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// A part of a whole, as a whole per cent: "none" and "all" are said of nothing else.
pub fn percent(part: f64) -> String {
    let percent = 100.0 * part;
    let inner = if percent > 0.0 && percent < 100.0 { percent.round().clamp(1.0, 99.0) } else { percent };
    format!("{inner:.0} %")
}

/// Significant decimals only: none from 100 on, one from 10 on, else two, without trailing zeros.
pub fn rounded(value: f64) -> String {
    let decimals = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}
