#!/usr/bin/env bash
# A signature begins with two dashes and a space (RFC 3676, 4.3); two dashes alone end the mail too, and what follows is lost.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" email-reply-parser@2.3.7
cat > run.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import EmailReplyParser from "email-reply-parser";

const { version } = JSON.parse(readFileSync("node_modules/email-reply-parser/package.json", "utf8"));
const mail = "Total:\n--\n42 EUR";
const reply = new EmailReplyParser().parseReply(mail);
console.log("email-reply-parser", version);
console.log("expected:", JSON.stringify(mail));
console.log("seen:", JSON.stringify(reply));
process.exit(reply === "Total:" ? 0 : 1);
JAVASCRIPT
node run.mjs
