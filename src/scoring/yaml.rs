//! Scorecards as files: parses YAML and reports every fault by the path of its field.

use serde_json::{Map, Value};

use super::{render, rules::MAX_RULE_BYTES, scorecard::Scorecard, template::MAX_TEMPLATE_BYTES};
use crate::domain::{
    Category, Criterion, Denominator, Evaluator, Knockout, MilliPoints, RevisionRef, ScorecardRevision,
    ScorecardState, ScoringType, UnitKind, UnixMillis, Violations, rules,
};

/// The longest file, in bytes.
pub const MAX_YAML_BYTES: usize = 256 * 1024;
const MAX_ID_BYTES: usize = 64;
const MAX_TEXT_BYTES: usize = 8_000;
const MAX_CRITERIA: usize = 200;
/// The highest weight, in points.
const MAX_POINTS: f64 = 1_000_000.0;

/// A scorecard as in its file; its revision adds ids and time.
#[derive(Clone, Debug, PartialEq)]
pub struct ScorecardFile {
    /// The base id: lower-case letters, digits and hyphens.
    pub id: String,
    pub label: String,
    pub description: String,
    pub state: ScorecardState,
    pub unit: UnitKind,
    pub applies_when: String,
    pub denominator: Denominator,
    pub categories: Vec<Category>,
    /// BLAKE3 of the text, in hex.
    pub content_hash: String,
}

impl ScorecardFile {
    pub fn into_revision(self, revision: RevisionRef, create_time: UnixMillis) -> ScorecardRevision {
        ScorecardRevision {
            revision,
            label: self.label,
            description: self.description,
            state: self.state,
            unit: self.unit,
            applies_when: self.applies_when,
            denominator: self.denominator,
            categories: self.categories,
            create_time,
            content_hash: self.content_hash,
        }
    }
}

/// Parses a scorecard. Its expressions are checked by `Scorecard::compile`.
///
/// # Errors
/// Every problem, with the path of its field, those of its expressions with them; text that is not YAML has one, at `yaml`.
pub fn parse(text: &str) -> Result<ScorecardFile, Violations> {
    rules::bytes(text, 0..=MAX_YAML_BYTES).map_err(|broken| Violations::one("yaml", broken))?;
    let value: Value = serde_saphyr::from_str_with_options(text, options())
        .map_err(|error| Violations::one("yaml", error.to_string().lines().next().unwrap_or_default()))?;
    let Value::Object(fields) = value else {
        return Err(Violations::one("yaml", "must be a mapping of fields"));
    };
    let mut violations = Violations::default();
    let mut reader = Reader { path: String::new(), fields, violations: &mut violations };
    let file = ScorecardFile {
        id: reader.id("id"),
        label: reader.required_text("label", MAX_TEXT_BYTES),
        description: reader.text("description", MAX_TEXT_BYTES),
        state: reader.choice("state", ScorecardState::Active, STATES),
        unit: reader.choice("unit", UnitKind::Conversation, UNITS),
        applies_when: reader.text("applies_when", MAX_RULE_BYTES),
        denominator: reader.choice("denominator", Denominator::Total, DENOMINATORS),
        categories: reader.list("categories", category),
        content_hash: blake3::hash(text.as_bytes()).to_hex().to_string(),
    };
    reader.finish();
    let criteria = file.categories.iter().map(|category| category.criteria.len()).sum::<usize>();
    if criteria > MAX_CRITERIA {
        violations.add("categories", format!("must have at most {MAX_CRITERIA} criteria, has {criteria}"));
    }
    if !violations.is_empty() {
        add_faults_of_rules(&file, &mut violations);
    }
    let file = violations.or(file)?;
    // Aliases and defaults take space once they are written out.
    let written = render::file(&file).len();
    if written > MAX_YAML_BYTES {
        return Err(Violations::one(
            "yaml",
            format!(
                "must be at most {MAX_YAML_BYTES} bytes long with every alias and default written out, is {written}"
            ),
        ));
    }
    Ok(file)
}

/// Whoever mends the form of a file learns at once what is wrong with its rules. What a rule may use depends on the unit.
fn add_faults_of_rules(file: &ScorecardFile, violations: &mut Violations) {
    if violations.iter().any(|known| known.field == "unit") {
        return;
    }
    let revision = RevisionRef { base: file.id.clone(), base_id: 0, ordinal: 1, revision_id: 0 };
    if let Err(faults) = Scorecard::compile(file.clone().into_revision(revision, UnixMillis::MIN)) {
        violations.add_all(faults, |_| true);
    }
}

/// A rubric may refer to a part again, but aliases must not multiply it.
fn options() -> serde_saphyr::Options {
    let mut options = serde_saphyr::Options::default();
    // An id or a label may be `n`, `on` or `yes`.
    options.strict_booleans = true;
    options.alias_limits.max_total_replayed_events = 10_000;
    options
}

const STATES: &[(&str, ScorecardState)] = &[
    ("draft", ScorecardState::Draft),
    ("active", ScorecardState::Active),
    ("retired", ScorecardState::Retired),
    ("deleted", ScorecardState::Deleted),
];
const UNITS: &[(&str, UnitKind)] =
    &[("conversation", UnitKind::Conversation), ("worklog", UnitKind::Worklog)];
const DENOMINATORS: &[(&str, Denominator)] = &[("total", Denominator::Total), ("used", Denominator::Used)];
const EVALUATORS: &[(&str, Evaluator)] =
    &[("rule", Evaluator::Rule), ("judge", Evaluator::Judge), ("human", Evaluator::Human)];
const KNOCKOUTS: &[(&str, Knockout)] =
    &[("none", Knockout::None), ("category", Knockout::Category), ("assessment", Knockout::Assessment)];
const SCORING_TYPES: &[(&str, bool)] = &[("met_not_met", false), ("numeric_scale", true)];

fn category(reader: &mut Reader) -> Category {
    Category {
        id: reader.id("id"),
        label: reader.required_text("label", MAX_TEXT_BYTES),
        criteria: reader.list("criteria", criterion),
    }
}

fn criterion(reader: &mut Reader) -> Criterion {
    let numeric = reader.choice("scoring_type", false, SCORING_TYPES);
    let max_points = reader.points("max_points");
    let min = reader.optional_points("min");
    if max_points.is_some_and(|max| max.0 <= 0) {
        reader.fault("max_points", "must be more than 0");
    }
    if let (Some(min), Some(max)) = (min, max_points)
        && !(0..max.0).contains(&min.0)
    {
        reader.fault("min", "must be from 0 to below max_points");
    }
    if min.is_some() && !numeric {
        reader.fault("min", "is for numeric_scale only");
    }
    Criterion {
        id: reader.id("id"),
        label: reader.required_text("label", MAX_TEXT_BYTES),
        description: reader.text("description", MAX_TEXT_BYTES),
        max_points: max_points.unwrap_or_default(),
        scoring_type: if numeric {
            ScoringType::NumericScale { min: min.unwrap_or_default() }
        } else {
            ScoringType::MetNotMet
        },
        evaluator: reader.choice("evaluator", Evaluator::Rule, EVALUATORS),
        rule: reader.text("rule", MAX_RULE_BYTES),
        applies_when: reader.text("applies_when", MAX_RULE_BYTES),
        knockout: reader.choice("knockout", Knockout::None, KNOCKOUTS),
        reason: reader.text("reason", MAX_TEMPLATE_BYTES),
        prompt: reader.text("prompt", MAX_TEXT_BYTES),
    }
}

/// Takes fields out of a mapping; whatever is left at the end is unknown.
struct Reader<'v> {
    /// The path of the mapping itself: empty, or ending in a dot.
    path: String,
    fields: Map<String, Value>,
    violations: &'v mut Violations,
}

impl Reader<'_> {
    fn fault(&mut self, field: &str, message: impl Into<String>) {
        self.violations.add(format!("{}{field}", self.path), message);
    }

    fn take(&mut self, field: &str) -> Option<Value> {
        self.fields.remove(field).filter(|value| !value.is_null())
    }

    fn text(&mut self, field: &str, max: usize) -> String {
        match self.take(field) {
            None => String::new(),
            Some(Value::String(text)) => match rules::bytes(&text, 0..=max) {
                Ok(()) => text.trim().to_owned(),
                Err(broken) => {
                    self.fault(field, broken);
                    String::new()
                }
            },
            // A rule may be `true`, a label `2024`: plain scalars that YAML reads as other types.
            Some(value @ (Value::Bool(_) | Value::Number(_))) => value.to_string(),
            Some(_) => {
                self.fault(field, "must be a text");
                String::new()
            }
        }
    }

    fn required_text(&mut self, field: &str, max: usize) -> String {
        let text = self.text(field, max);
        if text.is_empty() {
            self.fault(field, "is required");
        }
        text
    }

    fn id(&mut self, field: &str) -> String {
        let id = self.required_text(field, MAX_ID_BYTES);
        let shaped = id.starts_with(|first: char| first.is_ascii_lowercase())
            && id.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
            });
        if !shaped {
            self.fault(
                field,
                format!("must be lower-case letters, digits, - and _, a letter first, is {id:?}"),
            );
        }
        id
    }

    fn choice<T: Copy>(&mut self, field: &str, default: T, choices: &[(&str, T)]) -> T {
        let text = self.text(field, MAX_ID_BYTES);
        if text.is_empty() {
            return default;
        }
        if let Some((_, chosen)) = choices.iter().find(|(name, _)| *name == text) {
            return *chosen;
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        self.fault(field, format!("must be one of {}, is {text:?}", names.join(", ")));
        default
    }

    fn optional_points(&mut self, field: &str) -> Option<MilliPoints> {
        let value = self.take(field)?;
        match value.as_f64() {
            Some(points) if (0.0..=MAX_POINTS).contains(&points) => MilliPoints::from_points(points),
            Some(points) => {
                self.fault(field, format!("must be from 0 to {MAX_POINTS}, is {points}"));
                None
            }
            None => {
                self.fault(field, "must be a number");
                None
            }
        }
    }

    fn points(&mut self, field: &str) -> Option<MilliPoints> {
        if self.fields.get(field).is_none_or(Value::is_null) {
            self.fault(field, "is required");
        }
        self.optional_points(field)
    }

    fn list<T>(&mut self, field: &str, read: fn(&mut Reader) -> T) -> Vec<T> {
        let items = match self.take(field) {
            None => Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.fault(field, "must be a list");
                Vec::new()
            }
        };
        let mut list = Vec::with_capacity(items.len().min(MAX_CRITERIA));
        for (index, item) in items.into_iter().enumerate() {
            let path = format!("{}{field}[{index}]", self.path);
            let Value::Object(fields) = item else {
                self.violations.add(path, "must be a mapping of fields");
                continue;
            };
            let mut reader = Reader { path: format!("{path}."), fields, violations: self.violations };
            list.push(read(&mut reader));
            reader.finish();
        }
        list
    }

    fn finish(mut self) {
        let unknown: Vec<String> =
            std::mem::take(&mut self.fields).into_iter().map(|(name, _)| name).collect();
        for name in unknown {
            self.fault(&name, "is not a field of a scorecard");
        }
    }
}
