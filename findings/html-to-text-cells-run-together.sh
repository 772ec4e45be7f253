#!/usr/bin/env bash
# Order 4711 for 42 EUR, in two cells of a mail in HTML, becomes order 471142; blanks between the tags, which mean nothing there, part them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" html-to-text@10.0.1 mailparser@3.14.2
cat > run.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import { convert } from "html-to-text";
import { simpleParser } from "mailparser";

const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version;
const table = "<table><tr><td>Order 4711</td><td>42 EUR</td></tr><tr><td>Order 4712</td><td>7 EUR</td></tr></table>";
const apart = table.replaceAll("><", "> <");
const mail = ["From: ben@shop.example", "Date: Sun, 1 Mar 2026 09:00:00 +0000", "MIME-Version: 1.0",
  "Content-Type: text/html; charset=utf-8", "", table].join("\r\n");
const [text, same, read] = [convert(table), convert(apart), (await simpleParser(mail)).text];
console.log("expected: the same text for both tables, with something between two cells and between two rows");
console.log("seen: html-to-text", version("html-to-text"), JSON.stringify(text), "and with blanks between the tags", JSON.stringify(same));
console.log("seen: mailparser", version("mailparser"), JSON.stringify(read));
const glued = "Order 471142 EUROrder 47127 EUR";
process.exit(text === glued && read === glued && same === "Order 4711 42 EUR Order 4712 7 EUR" ? 0 : 1);
JAVASCRIPT
node run.mjs
