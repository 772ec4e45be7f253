#!/usr/bin/env bash
# In Turkish "I am not satisfied" scores as "I am satisfied", since its "not" stands behind, and "Good" at the head of a sentence is unknown.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" multilang-sentiment@2.0.0
cat > run.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import sentiment from "multilang-sentiment";

const { version } = JSON.parse(readFileSync("node_modules/multilang-sentiment/package.json", "utf8"));
const score = (text, language) => sentiment(text, language).score;
const texts = [["zufrieden", "de"], ["Ich bin nicht zufrieden", "de"], ["memnun", "tr"], ["Memnun değilim", "tr"], ["iyi", "tr"], ["İyi", "tr"]];
const seen = texts.map(([text, language]) => score(text, language));
console.log("multilang-sentiment", version);
console.log("expected: a word of praise above 0 in any case, and below 0 with a not, in Turkish as in German");
texts.forEach(([text, language], index) => console.log("seen:", language, text, seen[index]));
process.exit(seen.join() === "3,-3,2,2,3,0" ? 0 : 1);
JAVASCRIPT
node run.mjs
