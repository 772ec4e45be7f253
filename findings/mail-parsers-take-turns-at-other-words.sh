#!/usr/bin/env bash
# The text of a mail holds the machine's report of a bounce in one parser, and the words of a forwarded customer in the other.
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
const mail = (kind, ...parts) => ["From: ruth@shop.example", "Date: Sun, 1 Mar 2026 09:00:00 +0000", "MIME-Version: 1.0",
  `Content-Type: multipart/${kind}; boundary=part`, "", ...parts.flatMap((part) => ["--part", ...part]), "--part--", ""].join("\r\n");
const report = mail("report; report-type=delivery-status", ["Content-Type: text/plain", "", "Not delivered."],
  ["Content-Type: message/delivery-status", "", "Reporting-MTA: dns; mx.shop.example", "",
    "Final-Recipient: rfc822; ben@shop.example", "Action: failed", "Status: 5.1.1", ""]);
const forward = mail("mixed", ["Content-Type: text/plain", "", "See below."],
  ["Content-Type: message/rfc822", "", "From: ben@shop.example", "Date: Sun, 1 Mar 2026 08:00:00 +0000", "", "It is broken."]);
const texts = async (parse) => Promise.all([report, forward].map(async (source) => (await parse(source)).text.trim()));
const [mailparser, postal] = [await texts((source) => simpleParser(source)), await texts((source) => PostalMime.parse(source))];
console.log("expected: \"Not delivered.\" and \"See below.\", and the other parts among the attachments");
console.log("seen: mailparser", version("mailparser"), JSON.stringify(mailparser));
console.log("seen: postal-mime", version("postal-mime"), JSON.stringify(postal));
const same = mailparser[0].includes("Status: 5.1.1") && mailparser[1] === "See below."
  && postal[0] === "Not delivered." && postal[1].includes("It is broken.");
process.exit(same ? 0 : 1);
JAVASCRIPT
node run.mjs
