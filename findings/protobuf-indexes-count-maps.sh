#!/usr/bin/env bash
# Protobuf by way of a schema registry: behind a map field two libraries of Confluent take nested messages for others
#
# Versions: confluent-kafka 2.16.1 (Python), @confluentinc/schemaregistry 1.10.1 (Node).
# Behaviour: of a message Order with a map field and the nested messages Discount and Surcharge,
#   a Discount of Python is a Surcharge for Node, without an error: 5 off becomes 5 on top;
#   a Surcharge of Python is an error in Node (message index 2 out of range);
#   the same schema without the map is read rightly, both messages.
# Why it matters: registry, schema and both libraries are the official ones, and a map that is added to a message (a
#   compatible change) turns what stands behind it into something else.
# Source: before a message stands the path to its type, by indexes among its parent's nested messages. The compiler makes
#   a hidden nested message of each map field, in front of those declared. Python counts in nested_types, which has it
#   (schema_registry/common/protobuf.py, _create_index_array); Node in nestedMessages of protobuf-es, which leaves it
#   out (dist/serde/protobuf.js, toIndex and toNestedMessageDesc).
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
(cd "$tmp" && npm init -y && npm install --no-audit --no-fund --ignore-scripts @confluentinc/schemaregistry@1.10.1) \
  > "$tmp/npm.log" 2>&1 || unrunnable "npm did not install @confluentinc/schemaregistry"

# The file, with and without the map: as protoc writes its descriptor.
cat > "$tmp/shop.py" <<'PYTHON'
from google.protobuf import descriptor_pb2
def shop(with_map):
    file = descriptor_pb2.FileDescriptorProto(name="shop.proto", package="shop", syntax="proto3")
    order = file.message_type.add(name="Order")
    if with_map:
        order.field.add(name="items", number=1, type=11, label=3, type_name=".shop.Order.ItemsEntry")
        entry = order.nested_type.add(name="ItemsEntry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, type=9, label=1)
        entry.field.add(name="value", number=2, type=5, label=1)
    for name in ("Discount", "Surcharge"):
        order.nested_type.add(name=name).field.add(name="euros", number=1, type=5, label=1)
    return file
PYTHON
# A registry that knows two schemas, whatever else it is asked: with the map under the id 1, without it under 2.
cat > "$tmp/registry.py" <<'PYTHON'
import base64, http.server, json
from shop import shop
class Registry(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        known = "associations" not in self.path
        number = 2 if "plain" in self.path or "/ids/2" in self.path else 1
        schema = base64.b64encode(shop(number == 1).SerializeToString()).decode()
        body = json.dumps({"id": number, "version": 1, "subject": "s", "schemaType": "PROTOBUF", "schema": schema}
                          if known else {"error_code": 404, "message": "Not Found"}).encode()
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
"$tmp/venv/bin/python" "$tmp/registry.py" > "$tmp/port" &
pids+=("$!")
for _ in $(seq 100); do [ -s "$tmp/port" ] && break; sleep 0.1; done
[ -s "$tmp/port" ] || unrunnable "the registry did not start"
export REGISTRY=http://127.0.0.1:$(cat "$tmp/port")

cat > "$tmp/write.py" <<'PYTHON'
import os
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pool, message_factory
from shop import shop
client = SchemaRegistryClient({"url": os.environ["REGISTRY"]})
for topic, with_map in (("mapped", True), ("plain", False)):
    pool = descriptor_pool.DescriptorPool()
    pool.Add(shop(with_map))
    for name in ("Discount", "Surcharge"):
        kind = message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Order." + name))
        serializer = ProtobufSerializer(kind, client, {"use.deprecated.format": False})
        print(serializer(kind(euros=5), SerializationContext(topic, MessageField.VALUE)).hex())
PYTHON
cat > "$tmp/read.js" <<'JS'
const { SchemaRegistryClient, SerdeType, ProtobufDeserializer } = require('@confluentinc/schemaregistry')
const main = async () => {
  for (const hex of process.argv.slice(2)) {
    const client = new SchemaRegistryClient({ baseURLs: [process.env.REGISTRY] })
    const deserializer = new ProtobufDeserializer(client, SerdeType.VALUE, {})
    try {
      const read = await deserializer.deserialize('orders', Buffer.from(hex, 'hex'))
      console.log(`${read.$typeName} ${read.euros}`)
    } catch (error) {
      console.log('error', error.message)
    }
  }
}
main()
JS
mapfile -t written < <("$tmp/venv/bin/python" "$tmp/write.py" 2>"$tmp/python.err")
[ "${#written[@]}" -eq 4 ] || unrunnable "Python wrote nothing: $(tail -1 "$tmp/python.err")"
mapfile -t read < <(cd "$tmp" && node read.js "${written[@]}")
echo "with a map:    Python writes a Discount   ${written[0]}   Node: ${read[0]}"
echo "with a map:    Python writes a Surcharge  ${written[1]}   Node: ${read[1]}"
echo "without a map: Python writes a Discount   ${written[2]}   Node: ${read[2]}"
echo "without a map: Python writes a Surcharge  ${written[3]}   Node: ${read[3]}"
[ "${read[2]}" = "shop.Order.Discount 5" ] && [ "${read[3]}" = "shop.Order.Surcharge 5" ] \
  || unrunnable "without a map Node does not read what Python wrote"
[ "${read[0]}" = "shop.Order.Surcharge 5" ] || changed "Node does not read a Discount as a Surcharge"
[[ "${read[1]}" == error* ]] || changed "Node reads a Surcharge behind a map"
