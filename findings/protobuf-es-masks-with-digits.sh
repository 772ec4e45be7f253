#!/usr/bin/env bash
# A field whose name ends in a digit after an underscore, as line_1, is legal and has no place in the JSON form of a FieldMask.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" @bufbuild/protobuf@2.17.0
cat > run.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import { create, fromJsonString, toBinary, toJsonString } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";

const { version } = JSON.parse(readFileSync("node_modules/@bufbuild/protobuf/package.json", "utf8"));
const mask = (path) => create(FieldMaskSchema, { paths: [path] });
const json = (path) => {
  try { return toJsonString(FieldMaskSchema, mask(path)); } catch (error) { return `refused: ${error.message}`; }
};
const [plain, digit, back] = [json("display_name"), json("line_1"), fromJsonString(FieldMaskSchema, "\"line1\"").paths[0]];
console.log("@bufbuild/protobuf", version, "- binary form of line_1:", toBinary(FieldMaskSchema, mask("line_1")).length, "bytes");
console.log("expected: a mask that can be written as binary can be written as JSON too");
console.log("seen: display_name", plain, "line_1", digit, "line1 is read as", back);
process.exit(plain === "\"displayName\"" && digit.startsWith("refused") && back === "line1" ? 0 : 1);
JAVASCRIPT
node run.mjs
