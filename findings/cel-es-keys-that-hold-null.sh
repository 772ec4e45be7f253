#!/usr/bin/env bash
# A conversation whose assignee is null has the key: it is counted, compared and iterated over, and yet "in" and has() deny it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" @bufbuild/cel@0.6.1 @marcbachmann/cel-js@8.0.0
cat > run.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import { run } from "@bufbuild/cel";
import { evaluate } from "@marcbachmann/cel-js";

const { version } = JSON.parse(readFileSync("node_modules/@bufbuild/cel/package.json", "utf8"));
const conversation = { status: "", assignee: null };
const rules = ["\"assignee\" in c", "has(c.assignee)", "c.exists(key, key == \"assignee\")", "c.assignee == null", "\"status\" in c"];
const [seen, beside] = [run, evaluate].map((engine) => rules.map((rule) => engine(rule, { c: conversation })));
console.log("@bufbuild/cel", version);
console.log("expected: true for every rule, as @marcbachmann/cel-js 8.0.0 says:", beside.join(" "));
rules.forEach((rule, index) => console.log("seen:", rule, "is", seen[index]));
process.exit(seen.join() === "false,false,true,true,true" && beside.every((value) => value === true) ? 0 : 1);
JAVASCRIPT
node run.mjs
