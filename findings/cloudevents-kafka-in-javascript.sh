#!/usr/bin/env bash
# CloudEvents' library for JavaScript makes Kafka messages that no client sends, and reads none that a client delivers
#
# Versions: cloudevents 10.0.0 (npm, the official SDK), kafkajs 2.2.4, cloudevents 2.2.0 (Python, the official SDK).
# Behaviour: Kafka.binary(event) gives a message whose value is the JavaScript object, not its JSON; kafkajs, given it, fails.
#   Kafka.toEvent() on a message as kafkajs delivers it, whose headers are Buffers, is "startsWith is not a function"; where
#   no content-type is set, as Python's SDK leaves it out for JSON, there is no error and each attribute is
#   a Buffer, so type === "order.paid" is never true. A structured event without a time, which is optional, is "Invalid time
#   value". toEvent() reads what binary() made, and headers that were made strings before.
# Why it matters: a unit test goes from binary() to toEvent() and passes: the value is still the same object. Between
#   them, in production, stands Kafka, which knows bytes only. isEvent() says true all the same.
# Source: dist/message/kafka/index.js: binary() takes event.data as the value as it is, and toEvent() takes headers for
#   strings (contentType.startsWith), while Kafka's clients give Buffers.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unrunnable() { echo "COULD NOT BE RUN: $*" >&2; exit 2; }
changed() { echo "CHANGED: $*" >&2; exit 1; }

(cd "$tmp" && npm init -y > /dev/null && npm install --silent --no-audit --no-fund --ignore-scripts \
  cloudevents@10.0.0 kafkajs@2.2.4) > "$tmp/npm.log" 2>&1 || unrunnable "npm did not install cloudevents"
python3 -m venv "$tmp/venv" && "$tmp/venv/bin/pip" -q install cloudevents==2.2.0 > "$tmp/pip.log" 2>&1 \
  || unrunnable "pip did not install cloudevents"

# Two messages of the SDK for Python, in bytes, as hexadecimal.
"$tmp/venv/bin/python" - > "$tmp/messages.json" 2> "$tmp/python.log" <<'PYTHON' || unrunnable "Python did not make the messages"
import json
from cloudevents.core.bindings.kafka import to_binary_event
from cloudevents.core.v1.event import CloudEvent

messages = []
for more in ({}, {"datacontenttype": "application/json"}):
    attributes = {"specversion": "1.0", "type": "order.paid", "source": "/shop", "id": "1", **more}
    message = to_binary_event(CloudEvent(attributes, {"order": 4711}))
    messages.append({"value": message.value.hex(), "headers": {k: v.hex() for k, v in message.headers.items()}})
print(json.dumps(messages))
PYTHON

cat > "$tmp/events.mjs" <<'JS'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import { CloudEvent, Kafka } from 'cloudevents'

const order = { type: 'order.paid', source: '/shop', id: '1', data: { order: 4711 } }
const made = Kafka.binary(new CloudEvent(order))
console.log('the value that binary() made:', Object.prototype.toString.call(made.value))

// What kafkajs does with a value before it is sent: its own encoder of records.
const record = createRequire(import.meta.url)('kafkajs/src/protocol/recordBatch/record/v0')
const encoded = value => {
  try {
    return record({ offsetDelta: 0, timestampDelta: 0, key: null, value, headers: {} }).size() > 0 ? 'encoded' : 'empty'
  } catch (error) {
    return error.constructor.name
  }
}
console.log('kafkajs, given it:', encoded(made.value) + '; given its JSON:', encoded(JSON.stringify(made.value)))

const read = (what, message) => {
  let said
  try {
    const { type, data } = Kafka.toEvent(message)
    said = `type is a ${type.constructor.name}, data is a ${data.constructor.name}`
  } catch (error) {
    said = error.message.replace(/^.*\.startsWith/, '... startsWith')
  }
  console.log(`${what}: isEvent ${Kafka.isEvent(message)}; ${said}`)
}
read('of binary() itself', made)
const bytes = text => Buffer.from(text, 'hex')
const mapped = (object, change) => Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]))
const [plain, typed] = JSON.parse(fs.readFileSync('messages.json', 'utf8'))
read('of Python, as delivered', { value: bytes(plain.value), headers: mapped(plain.headers, bytes) })
read('of Python with content-type', { value: bytes(typed.value), headers: mapped(typed.headers, bytes) })
read('the same with strings', { value: bytes(typed.value), headers: mapped(typed.headers, value => bytes(value).toString()) })
const structured = more => ({
  headers: { 'content-type': 'application/cloudevents+json' },
  value: JSON.stringify({ specversion: '1.0', ...order, ...more })
})
read('structured, with a time', structured({ time: '2024-01-01T00:00:00Z' }))
read('structured, without', structured({}))
JS
(cd "$tmp" && node events.mjs) > "$tmp/seen" 2> "$tmp/node.log" || unrunnable "Node did not run: $(tail -3 "$tmp/node.log")"
sed 's/^/  /' "$tmp/seen"
cat > "$tmp/described" <<'TEXT'
the value that binary() made: [object Object]
kafkajs, given it: TypeError; given its JSON: encoded
of binary() itself: isEvent true; type is a String, data is a Object
of Python, as delivered: isEvent true; type is a Buffer, data is a Buffer
of Python with content-type: isEvent true; ... startsWith is not a function
the same with strings: isEvent true; type is a String, data is a Object
structured, with a time: isEvent true; type is a String, data is a Object
structured, without: isEvent true; Invalid time value
TEXT
cmp -s "$tmp/seen" "$tmp/described" || changed "events are made or read otherwise now"
echo "as described: what is made is no bytes, and bytes are not read"
