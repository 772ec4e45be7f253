#!/usr/bin/env bash
# getMinutes and getSeconds of 90.5 seconds are 1 and 90, the whole; getMilliseconds is the whole in one engine and the rest in another.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" @bufbuild/cel@0.6.1 @marcbachmann/cel-js@8.0.0
cat > run.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import { run } from "@bufbuild/cel";
import { evaluate } from "@marcbachmann/cel-js";

const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version;
const rules = ["getHours", "getMinutes", "getSeconds", "getMilliseconds"].map((part) => `duration("90.5s").${part}()`);
const [buf, other] = [run, evaluate].map((engine) => rules.map((rule) => Number(engine(rule, {}))));
console.log("expected: 0 1 90 90500 by both, as each of the others is the whole duration in its unit");
console.log("seen: @bufbuild/cel", version("@bufbuild/cel"), ...buf);
console.log("seen: @marcbachmann/cel-js", version("@marcbachmann/cel-js"), ...other);
process.exit(buf.join() === "0,1,90,500" && other.join() === "0,1,90,90500" ? 0 : 1);
JAVASCRIPT
node run.mjs
