#!/usr/bin/env bash
# A quoted paragraph that flows over two lines keeps the quote mark of the second in its middle: "Which lamp is > broken?"
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" postal-mime@4.0.0 mailparser@3.14.2
cat > run.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import { simpleParser } from "mailparser";
import PostalMime from "postal-mime";

const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version;
const mail = ["From: ben@shop.example", "Date: Sun, 1 Mar 2026 09:00:00 +0000", "MIME-Version: 1.0",
  "Content-Type: text/plain; charset=utf-8; format=flowed", "", "> Which lamp is ", "> broken?", "The green one.", ""].join("\r\n");
const [seen, beside] = [(await PostalMime.parse(mail)).text.trim(), (await simpleParser(mail)).text.trim()];
console.log("expected (RFC 3676, 4.5):", JSON.stringify("> Which lamp is broken?\nThe green one."));
console.log("seen: postal-mime", version("postal-mime"), JSON.stringify(seen));
console.log("beside it: mailparser", version("mailparser"), JSON.stringify(beside));
process.exit(seen === "> Which lamp is > broken?\nThe green one." && beside === "> Which lamp is broken?\nThe green one." ? 0 : 1);
JAVASCRIPT
node run.mjs
