//! The answer to "How do you rate us?".

/// How stars and points are called in the languages that are read, in lower case.
const UNITS: [&str; 32] = [
    "star",
    "stars",
    "point",
    "points",
    "stern",
    "sterne",
    "punkt",
    "punkte",
    "étoile",
    "étoiles",
    "estrella",
    "estrellas",
    "puntos",
    "estrela",
    "estrelas",
    "pontos",
    "ster",
    "sterren",
    "punten",
    "stella",
    "stelle",
    "punti",
    "gwiazdka",
    "gwiazdki",
    "gwiazdek",
    "punktów",
    "yıldız",
    "puan",
    "星",
    "つ星",
    "颗星",
    "分",
];
const MOST: u32 = 10;

/// Whether it is a number as far as ten, also of five or of ten, or a row of stars, and nothing else: `5`, `4/5`, `5 stars`.
pub fn is_rating(text: &str) -> bool {
    const LONGEST: usize = 60;
    let text = text.trim().trim_end_matches(['.', '!', '。', '！']).trim_end();
    if text.len() > LONGEST {
        return false;
    }
    let is_star = |character: char| matches!(character, '★' | '☆' | '⭐' | '🌟' | '\u{fe0f}');
    if text.chars().any(is_star) && text.chars().all(|character| is_star(character) || character == ' ') {
        return true;
    }
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    let rest = rest.trim().to_lowercase();
    let of = |rest: &str| {
        matches!(rest.replace(' ', "").as_str(), "/5" | "/10" | "outof5" | "outof10" | "von5" | "von10")
    };
    let is_unit = rest.is_empty() || of(&rest) || UNITS.contains(&rest.as_str()) || rest.chars().all(is_star);
    is_unit && number.parse::<u32>().is_ok_and(|number| number <= MOST)
}
