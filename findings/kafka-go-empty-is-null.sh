#!/usr/bin/env bash
# segmentio/kafka-go reads an empty value as null: a copied record deletes its key
#
# Versions: github.com/segmentio/kafka-go v0.4.51, Apache Kafka 4.4.0, confluent-kafka 2.16.1 to compare.
# Behaviour: a Reader gives nil for keys, values and headers that have no bytes, as it does for those that are null. Read with
#   kafka-go and written with kafka-go, the record amy="" is amy=null, and header trace="" is trace=null. Its
#   Writer, given an empty slice, writes an empty value: the difference is lost by reading alone.
# Why it matters: null is Kafka's tombstone. A mirror or a filter between compacted topics deletes keys that the source
#   still has, with their offsets, counts and lags all equal. Whoever tests the usual "value == nil" to
#   remove a row removes it for an empty value too.
# Source: read.go, readNewBytes: the slice is made "if n > 0" only, and stays nil for the lengths 0 and -1.
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

client=v0.4.51
mkdir "$tmp/mirror"
cat > "$tmp/mirror/main.go" <<'GO'
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/segmentio/kafka-go"
)

// Copies one topic to another up to the record whose key is "end", which it writes with an empty slice of its own.
func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{os.Args[1]}, Topic: "source", Partition: 0, MaxWait: 200 * time.Millisecond,
	})
	writer := &kafka.Writer{Addr: kafka.TCP(os.Args[1]), Topic: "copy", BatchTimeout: 10 * time.Millisecond}
	for {
		message, err := reader.ReadMessage(ctx)
		if err == nil {
			copied := kafka.Message{Key: message.Key, Value: message.Value, Headers: message.Headers}
			if string(message.Key) == "end" {
				copied.Value = []byte{}
			}
			err = writer.WriteMessages(ctx, copied)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if string(message.Key) == "end" {
			return
		}
	}
}
GO
(cd "$tmp/mirror" && go mod init mirror && go get "github.com/segmentio/kafka-go@$client" && go mod tidy \
  && go build -o "$tmp/kafka-go-mirror" .) > "$tmp/go.log" 2>&1 || unrunnable "kafka-go did not build"

"$python" - "$servers" <<'PYTHON' || unrunnable "the records could not be written"
import sys
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
servers = {"bootstrap.servers": sys.argv[1], "log_level": 0}
topics = [NewTopic(name, 1, 1, config={"cleanup.policy": "compact"}) for name in ("source", "copy")]
admin = AdminClient(servers)
for created in admin.create_topics(topics).values():
    created.result(30)
producer = Producer(servers)
for key, value, trace in (("amy", "", "7"), ("ben", "coffee", ""), ("carl", None, None), ("end", "", "7")):
    producer.produce("source", key=key, value=value, headers=[("trace", trace)])
producer.flush(30)
PYTHON
"$tmp/kafka-go-mirror" "$servers" 2> "$tmp/mirror.log" || unrunnable "kafka-go did not copy: $(tail -1 "$tmp/mirror.log")"
"$python" - "$servers" > "$tmp/seen" <<'PYTHON' || unrunnable "the topics could not be read"
import sys
from confluent_kafka import Consumer, TopicPartition
consumer = Consumer({"bootstrap.servers": sys.argv[1], "log_level": 0, "group.id": "compare", "enable.partition.eof": True})
def shown(text):
    return "null" if text is None else '"%s"' % text.decode()
for topic in ("source", "copy"):
    consumer.assign([TopicPartition(topic, 0, 0)])
    while (message := consumer.poll(30)) is not None and not message.error():
        print(topic, message.key().decode(), shown(message.value()), f"trace={shown(message.headers()[0][1])}")
consumer.close()
PYTHON

echo "Apache Kafka $kafka, a topic and its copy by kafka-go $client, read with librdkafka (key, value, header):"
sed 's/^/  /' "$tmp/seen"
cat > "$tmp/described" <<'TEXT'
source amy "" trace="7"
source ben "coffee" trace=""
source carl null trace=null
source end "" trace="7"
copy amy null trace="7"
copy ben "coffee" trace=null
copy carl null trace=null
copy end "" trace="7"
TEXT
cmp -s "$tmp/seen" "$tmp/described" || changed "kafka-go copies empty values otherwise now"
echo "as described: in the copy, amy has a tombstone"
