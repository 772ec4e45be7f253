#!/usr/bin/env bash
# A Date given for a Timestamp is sent as 1970 and an object given for a Struct as an empty one, without a word; a text is refused.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" @grpc/proto-loader@0.8.1 protobufjs@8.8.1
cat > message.proto <<'PROTO'
syntax = "proto3";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
message Message {
  google.protobuf.Timestamp create_time = 1;
  google.protobuf.Struct custom = 2;
}
service Store {
  rpc Put(Message) returns (Message);
}
PROTO
cat > run.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import { loadSync } from "@grpc/proto-loader";

const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version;
const { requestSerialize, requestDeserialize } = loadSync("message.proto", { longs: String }).Store.Put;
const sent = (message) => {
  try { return JSON.stringify(requestDeserialize(requestSerialize(message))); } catch (error) { return `refused: ${error.message}`; }
};
const time = "2026-03-01T09:00:00Z";
const times = [{ seconds: 1772355600 }, new Date(time), time].map((createTime) => ({ createTime }));
const seen = [...times, { custom: { tier: "gold" } }].map(sent);
console.log("@grpc/proto-loader", version("@grpc/proto-loader"), "with protobufjs", version("protobufjs"));
console.log("expected: the Date and the text are sent as the seconds are, or are both refused; and the Struct holds a tier, or is refused");
["seconds", "a Date", "a text", "a Struct"].forEach((what, index) => console.log("seen:", what, seen[index]));
const empty = seen[1] === "{\"createTime\":{}}" && seen[3] === "{\"custom\":{}}";
process.exit(empty && seen[0].includes("1772355600") && seen[2].startsWith("refused") ? 0 : 1);
JAVASCRIPT
node run.mjs
