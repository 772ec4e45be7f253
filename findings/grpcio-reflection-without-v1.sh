#!/usr/bin/env bash
# The reflection of grpcio answers as grpc.reflection.v1alpha alone; a client that asks for grpc.reflection.v1 is told that there is none.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check grpcio==1.85.1 grpcio-reflection==1.85.1 protobuf==7.36.2
npm install --silent --no-audit --no-fund --prefix "$folder" @grpc/grpc-js@1.14.7 @grpc/proto-loader@0.8.1 @grpc/reflection@1.0.4
cat > empty.proto <<'PROTO'
syntax = "proto3";
package empty;
message Nothing {}
service Store {
  rpc Get(Nothing) returns (Nothing);
}
PROTO
cat > ask.py <<'PYTHON'
import sys
import grpc
from grpc_reflection.v1alpha import reflection_pb2 as pb2

def ask(port, version):
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.stream_stream(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            pb2.ServerReflectionRequest.SerializeToString, pb2.ServerReflectionResponse.FromString)
        try:
            answer = next(call(iter([pb2.ServerReflectionRequest(list_services="")]), timeout=20))
            return "answers" if answer.list_services_response.service else "lists nothing"
        except grpc.RpcError as error:
            return error.code().name

if __name__ == "__main__":
    print(ask(sys.argv[1], "v1"), ask(sys.argv[1], "v1alpha"))
PYTHON
cat > serve.py <<'PYTHON'
from concurrent import futures
import grpc
from grpc_reflection.v1alpha import reflection
from ask import ask

server = grpc.server(futures.ThreadPoolExecutor(2))
reflection.enable_server_reflection((reflection.SERVICE_NAME,), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(ask(port, "v1"), ask(port, "v1alpha"))
server.stop(None)
PYTHON
cat > serve.mjs <<'JAVASCRIPT'
import { execFile } from "node:child_process";
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";

const server = new grpc.Server();
new ReflectionService(loadSync("empty.proto")).addToServer(server);
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  execFile("venv/bin/python", ["ask.py", port], (failure, output) => {
    process.stdout.write(output);
    server.forceShutdown();
  });
});
JAVASCRIPT
python=$(venv/bin/python serve.py)
javascript=$(node serve.mjs)
echo "asked: the list of services by grpc.reflection.v1 and by grpc.reflection.v1alpha"
echo "expected: answers answers"
echo "seen: grpcio-reflection 1.85.1 (PyPI) $python"
echo "beside it: @grpc/reflection 1.0.4 (npm) $javascript"
[[ $python == "UNIMPLEMENTED answers" && $javascript == "answers answers" ]]
