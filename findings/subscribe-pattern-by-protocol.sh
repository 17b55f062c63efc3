#!/usr/bin/env bash
# A topic pattern of librdkafka means another thing under group.protocol=consumer
#
# Versions: confluent-kafka 2.16.1 (librdkafka), Apache Kafka 4.4.0.
# Behaviour: of the topics orders, orders.dlq and reorders, "^ord" reads orders and orders.dlq with
#   group.protocol=classic and nothing with group.protocol=consumer; "^.*orders" reads all three, then two.
#   Neither gives an error: the group is stable, its member has no partition.
# Why it matters: moving to the new group protocol (KIP-848) is one setting. Consumers by prefix, the common
#   pattern, go silent with it, and lag does not show it: a group without partitions has none.
# Source: classic, librdkafka looks for the expression anywhere in a name (rd_kafka_pattern_match, regexec);
#   in the new protocol the broker decides, and its TopicRegexResolver asks RE2/J's matches(): the whole name.
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

cat > "$tmp/subscribe.py" <<'PYTHON'
import sys, time
from confluent_kafka import Consumer, KafkaError
from confluent_kafka.admin import AdminClient, NewTopic
servers = {"bootstrap.servers": sys.argv[1], "log_level": 0}
admin = AdminClient(servers)
for created in admin.create_topics(
        [NewTopic(name, 1, 1) for name in ["orders", "orders.dlq", "reorders"]]).values():
    created.result(30)
for number, pattern in enumerate(["^orders.*", "^orders$", "^ord", "^.*orders"]):
    for protocol in ["classic", "consumer"]:
        consumer = Consumer({**servers, "group.id": f"{protocol}-{number}", "group.protocol": protocol})
        told, assigned = [], set()
        consumer.subscribe([pattern], on_assign=lambda _, partitions: assigned.update(p.topic for p in partitions))
        # As soon as there is an assignment the topics are known; where none comes it is waited for in vain.
        end = time.monotonic() + 12
        while time.monotonic() < end and not assigned:
            if (message := consumer.poll(0.2)) is not None and message.error():
                told.append(message.error().name())
        consumer.close()
        print(pattern, protocol, ",".join(sorted(assigned)) or "nothing", ",".join(told) or "no-error", flush=True)
PYTHON
"$python" "$tmp/subscribe.py" "$servers" > "$tmp/seen" || unrunnable "the consumers did not run"

echo "Apache Kafka $kafka, librdkafka, topics orders, orders.dlq, reorders; subscribed to a pattern:"
sed 's/^/  /' "$tmp/seen"
cat > "$tmp/described" <<'TEXT'
^orders.* classic orders,orders.dlq no-error
^orders.* consumer orders,orders.dlq no-error
^orders$ classic orders no-error
^orders$ consumer orders no-error
^ord classic orders,orders.dlq no-error
^ord consumer nothing no-error
^.*orders classic orders,orders.dlq,reorders no-error
^.*orders consumer orders,reorders no-error
TEXT
cmp -s "$tmp/seen" "$tmp/described" || changed "a pattern subscribes to other topics now"
echo "as described: a prefix finds topics under one protocol and none under the other"
