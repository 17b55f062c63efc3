#!/usr/bin/env bash
# Tools of Apache Kafka print an error and exit with 0
#
# Versions: Apache Kafka 4.4.0 (tools and broker).
# Behaviour: four commands that did nothing of what they were told exit with 0: kafka-consumer-groups
#   --describe and --reset-offsets --execute on what does not exist, kafka-delete-records beyond the end, and
#   kafka-console-producer whose record no topic can take. kafka-consumer-groups --delete-offsets even begins
#   with "Request succeeded". kafka-topics --describe, to compare, exits with 1.
# Why it matters: "set -e", CI steps and "kafka-... && next" take the zero for done. A script has to read the
#   text, and the text differs from tool to tool.
# Source: ConsumerGroupCommand.run catches every Throwable and prints it (CommandLineUtils is left only for wrong
#   options); DeleteRecordsCommand prints each partition's error; the console producer's ErrorLoggingCallback logs.
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
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
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

tool() { java -Xmx96m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$tmp/jars/*" "org.apache.kafka.tools.$1" --bootstrap-server "$servers" "${@:2}"; }
tool TopicCommand --create --topic known --partitions 1 > /dev/null 2>&1 || unrunnable "no topic could be created"

# Each line: what is expected of the output, then the command.
seen=0
try() { # NAME EXPECTED-TEXT EXPECTED-STATUS COMMAND...
  local name=$1 text=$2 expected=$3 status=0
  "${@:4}" > "$tmp/said" 2>&1 < "$tmp/input" || status=$?
  printf '%-46s exit %d  %s\n' "$name" "$status" "$(grep -m1 -oE "$text" "$tmp/said" || echo '(said nothing of the kind)')"
  grep -qE "$text" "$tmp/said" && [ "$status" = "$expected" ] && seen=$((seen + 1)) || true
}
echo record > "$tmp/input"
echo '{"version":1,"partitions":[{"topic":"known","partition":0,"offset":99}]}' > "$tmp/delete.json"
echo "Apache Kafka $kafka: one would expect a status other than 0 of each"
try 'kafka-topics --describe (to compare)' "Topic 'unknown' does not exist" 1 \
  tool TopicCommand --describe --topic unknown
try 'kafka-consumer-groups --describe' 'Group unknown not found' 0 \
  tool consumer.group.ConsumerGroupCommand --describe --group unknown
try 'kafka-consumer-groups --reset-offsets --execute' 'Executing consumer group command failed' 0 \
  tool consumer.group.ConsumerGroupCommand --reset-offsets --execute --to-earliest --group some --topic unknown
tool consumer.group.ConsumerGroupCommand --reset-offsets --execute --to-earliest --group some --topic known > /dev/null 2>&1 \
  || unrunnable "no offset could be written"
try 'kafka-consumer-groups --delete-offsets' 'Request succeeded for deleting offsets' 0 \
  tool consumer.group.ConsumerGroupCommand --delete-offsets --group some --topic unknown
grep -q 'UnknownTopicOrPartitionException' "$tmp/said" || changed "--delete-offsets no longer says that it failed"
try 'kafka-delete-records' 'OffsetOutOfRangeException' 0 \
  tool DeleteRecordsCommand --offset-json-file "$tmp/delete.json"
try 'kafka-console-producer' 'InvalidTopicException' 0 \
  tool ConsoleProducer --topic 'not/a/topic'
[ "$seen" = 6 ] || changed "$((6 - seen)) of the 6 commands end otherwise now"
echo "as described: five failures with exit status 0"
