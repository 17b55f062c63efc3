#!/usr/bin/env bash
# Protobuf by way of a schema registry: a record of one library is no record for the other
#
# Versions: @kafkajs/confluent-schema-registry 3.9.0 (Node), confluent-kafka 2.16.1 (Python).
# Behaviour: of a schema with the messages Order and Refund,
#   an Order of Python is read by Node;
#   a Refund of Python, the second message of the file, is an error in Node;
#   an Order of Python whose fields all have their defaults is an error in Node;
#   an Order of Node is an error in Python.
# Why it matters: registry and schema are right in all four, and tests with the first message of a file and
#   some text in it pass. The fourth shows itself with the first consumer in another language.
# Source: Confluent's format has, between the schema's id and the message, the path to the message's type within its
#   file (a count and indexes as zigzag varints, one byte 0 for the first). Node's library writes none
#   (dist/ProtoSchema.js, toBuffer) and reads by cutting off all leading zero bytes (trimStart), then decodes the first
#   type of the file, or the one that its options name; where nothing but the 0 is there it keeps it.
set -euo pipefail
tmp=$(mktemp -d)
pids=()
finish() {
  for pid in ${pids[@]+"${pids[@]}"}; do kill "$pid" 2>/dev/null || true; done
  for pid in ${pids[@]+"${pids[@]}"}; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$tmp"
}
trap finish EXIT
unrunnable() { echo "COULD NOT BE RUN: $*" >&2; exit 2; }
changed() { echo "CHANGED: $*" >&2; exit 1; }

python3 -m venv "$tmp/venv" \
  && "$tmp/venv/bin/pip" -q install 'confluent-kafka[schemaregistry,protobuf]==2.16.1' protobuf==7.36.2 \
    > "$tmp/pip.log" 2>&1 || unrunnable "pip did not install confluent-kafka"
(cd "$tmp" && npm init -y && npm install --no-audit --no-fund @kafkajs/confluent-schema-registry@3.9.0) \
  > "$tmp/npm.log" 2>&1 || unrunnable "npm did not install @kafkajs/confluent-schema-registry"

# A registry that knows one schema, under the id 1, whatever it is asked.
cat > "$tmp/registry.py" <<'PYTHON'
import http.server, json, sys
SCHEMA = 'syntax = "proto3"; package shop; message Order { string name = 1; } message Refund { int32 cents = 1; }'
class Registry(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        # As a registry that knows nothing of associations.
        known = "associations" not in self.path
        body = json.dumps({"id": 1, "version": 1, "subject": "orders-value", "schemaType": "PROTOBUF",
                           "schema": SCHEMA} if known else {"error_code": 404, "message": "Not Found"}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST = answer
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
print(server.server_address[1], flush=True)
server.serve_forever()
PYTHON
python3 "$tmp/registry.py" > "$tmp/port" &
pids+=("$!")
for _ in $(seq 100); do [ -s "$tmp/port" ] && break; sleep 0.1; done
[ -s "$tmp/port" ] || unrunnable "the registry did not start"
export REGISTRY=http://127.0.0.1:$(cat "$tmp/port")

cat > "$tmp/python_side.py" <<'PYTHON'
import os, sys
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
file = descriptor_pb2.FileDescriptorProto(name="shop.proto", package="shop", syntax="proto3")
for name, field, kind in (("Order", "name", 9), ("Refund", "cents", 5)):
    file.message_type.add(name=name).field.add(name=field, number=1, type=kind, label=1)
pool = descriptor_pool.DescriptorPool()
pool.Add(file)
types = {name: message_factory.GetMessageClass(pool.FindMessageTypeByName("shop." + name))
         for name in ("Order", "Refund")}
context = SerializationContext("orders", MessageField.VALUE)
client = SchemaRegistryClient({"url": os.environ["REGISTRY"]})
if sys.argv[1] == "write":
    for name, fields in (("Order", {"name": "amy"}), ("Refund", {"cents": 1290}), ("Order", {})):
        serializer = ProtobufSerializer(types[name], client, {"use.deprecated.format": False})
        print(serializer(types[name](**fields), context).hex())
else:
    try:
        read = ProtobufDeserializer(types["Order"], {"use.deprecated.format": False}, client)
        print("read", repr(str(read(bytes.fromhex(sys.argv[2]), context)).strip()))
    except Exception as error:
        print("error", type(error).__name__)
PYTHON
cat > "$tmp/node_side.js" <<'JS'
const { SchemaRegistry } = require('@kafkajs/confluent-schema-registry')
const registry = new SchemaRegistry({ host: process.env.REGISTRY })
const main = async () => {
  for (const hex of process.argv.slice(2)) {
    try {
      console.log('read', JSON.stringify(await registry.decode(Buffer.from(hex, 'hex'))))
    } catch (error) {
      console.log('error', error.message)
    }
  }
  if (process.argv.length === 2) console.log((await registry.encode(1, { name: 'amy' })).toString('hex'))
}
main()
JS
mapfile -t written < <("$tmp/venv/bin/python" "$tmp/python_side.py" write 2>"$tmp/python.err")
[ "${#written[@]}" -eq 3 ] || unrunnable "Python wrote nothing: $(tail -1 "$tmp/python.err")"
mapfile -t read < <(cd "$tmp" && node node_side.js "${written[@]}")
of_node=$(cd "$tmp" && node node_side.js)
read_of_node=$("$tmp/venv/bin/python" "$tmp/python_side.py" read "$of_node")
echo "Python writes an Order   ${written[0]}   Node: ${read[0]}"
echo "Python writes a Refund   ${written[1]}   Node: ${read[1]}"
echo "Python, all defaults     ${written[2]}   Node: ${read[2]}"
echo "Node writes an Order     $of_node   Python: $read_of_node"
[ "${read[0]}" = 'read {"name":"amy"}' ] || changed "Node does not read an Order of Python"
[[ "${read[1]}" != *1290* ]] || changed "Node reads a Refund of Python"
[[ "${read[2]}" == error* ]] || changed "Node reads an Order whose fields have their defaults"
[ "$of_node" = 00000000010a03616d79 ] || changed "Node writes other bytes"
[[ "$read_of_node" == error* ]] || changed "Python reads an Order of Node"
