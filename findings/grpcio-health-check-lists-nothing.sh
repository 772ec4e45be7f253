#!/usr/bin/env bash
# The health service of grpcio announces List, in its stub and by reflection; called, it is not implemented.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  grpcio==1.85.1 grpcio-health-checking==1.85.1 grpcio-reflection==1.85.1 protobuf==7.36.2
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from concurrent import futures
from importlib.metadata import version
import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

server = grpc.server(futures.ThreadPoolExecutor(2))
health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
reflection.enable_server_reflection((health.SERVICE_NAME, reflection.SERVICE_NAME), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
channel = grpc.insecure_channel(f"127.0.0.1:{port}")
stub = health_pb2_grpc.HealthStub(channel)
announced = DescriptorPool(ProtoReflectionDescriptorDatabase(channel)).FindServiceByName(health.SERVICE_NAME)
methods = [method.name for method in announced.methods]
check = health_pb2.HealthCheckResponse.ServingStatus.Name(stub.Check(health_pb2.HealthCheckRequest()).status)
try:
    seen = str(stub.List(health_pb2.HealthListRequest(), timeout=10))
except grpc.RpcError as error:
    seen = f"{error.code().name} {error.details()}"
server.stop(None)
print("grpcio-health-checking", version("grpcio-health-checking"), "- announced:", *methods)
print("expected: List answers with the one service that Check knows, which is", check)
print("seen: List answers", seen)
sys.exit(0 if "List" in methods and check == "SERVING" and seen.startswith("UNIMPLEMENTED") else 1)
PYTHON
