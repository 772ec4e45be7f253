#!/usr/bin/env bash
# is_reliable: Russian of 28 words is Bulgarian, and short Japanese is Mandarin, or Dutch beside an English word, all of that for sure.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "run"
version = "0.1.0"
edition = "2021"

[dependencies]
whatlang = "=0.18.0"

[workspace]
TOML
cat > src/main.rs <<'RUST'
use std::process::ExitCode;
use whatlang::Lang::{Bul, Cmn, Nld};

fn main() -> ExitCode {
    println!("whatlang 0.18.0");
    println!("expected: Rus and three times Jpn, or that nothing is sure");
    let russian = "Здравствуйте, я заказала у вас телефон две недели назад, но он до сих пор не пришёл. \
                   Скажите, пожалуйста, когда вы его отправите и почему мне никто не отвечает?";
    let seen = [russian, "再発行希望。至急。", "注文確認", "Order ステータス"].map(|text| {
        let info = whatlang::detect(text).unwrap();
        println!("seen: {text}: {:?}, confidence {:.3}, reliable: {}", info.lang(), info.confidence(), info.is_reliable());
        (info.lang(), info.is_reliable())
    });
    ExitCode::from(u8::from(seen != [(Bul, true), (Cmn, true), (Cmn, true), (Nld, true)]))
}
RUST
cargo run --quiet
