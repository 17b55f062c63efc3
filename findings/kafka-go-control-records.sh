#!/usr/bin/env bash
# segmentio/kafka-go hands transaction markers and aborted records to the application
#
# Versions: github.com/segmentio/kafka-go v0.4.51, Apache Kafka 4.4.0, confluent-kafka 2.16.1 to compare.
# Behaviour: with IsolationLevel: ReadCommitted a Reader delivers the record of an aborted transaction, and
#   for every transaction one more message that nobody produced: the broker's own marker, whose key is its
#   version and its kind (0 abort, 1 commit). librdkafka delivers only the committed record and "last".
# Why it matters: control records and aborted data are in every fetch of a transactional topic, and hiding
#   them is the client's work. Besides rolled-back data, a program meets six-byte values it cannot parse.
# Source: read.go reads the list of aborted transactions into a variable that nothing reads; the attribute
#   bit for control batches in message_reader.go is not looked at. Reported as segmentio/kafka-go #1332.
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

client=v0.4.51
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
		IsolationLevel: kafka.ReadCommitted, MaxWait: 200 * time.Millisecond,
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
(cd "$tmp/reader" && go mod init reader && go get "github.com/segmentio/kafka-go@$client" && go mod tidy \
  && go build -o "$tmp/kafka-go-reader" .) > "$tmp/go.log" 2>&1 || unrunnable "kafka-go did not build"

"$python" - "$servers" > "$tmp/librdkafka" <<'PYTHON' || unrunnable "the records could not be written"
import sys
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
servers = {"bootstrap.servers": sys.argv[1], "log_level": 0}
admin = AdminClient(servers)
admin.create_topics([NewTopic("payments", 1, 1)])["payments"].result(30)
till = Producer({**servers, "transactional.id": "till"})
till.init_transactions(60)
for value in ["rolled back", "committed"]:
    till.begin_transaction()
    till.produce("payments", value)
    till.flush(30)
    till.commit_transaction(30) if value == "committed" else till.abort_transaction(30)
plain = Producer(servers)
plain.produce("payments", "last")
plain.flush(30)
consumer = Consumer({**servers, "group.id": "compare", "isolation.level": "read_committed",
                     "enable.partition.eof": True})
consumer.assign([TopicPartition("payments", 0, 0)])
while (message := consumer.poll(30)) is not None and not message.error():
    print(message.offset(), f'"{message.value().decode()}"')
consumer.close()
PYTHON
"$tmp/kafka-go-reader" "$servers" payments > "$tmp/kafka-go" 2> "$tmp/read.log" \
  || unrunnable "kafka-go did not read to the end: $(tail -1 "$tmp/read.log")"

echo "Apache Kafka $kafka, segmentio/kafka-go $client: an aborted, a committed and a plain record"
echo "librdkafka, read_committed (offset, value), as expected:"
sed 's/^/  /' "$tmp/librdkafka"
echo "kafka-go, ReadCommitted (offset, key in hexadecimal, value):"
cut -d' ' -f1,3- "$tmp/kafka-go" | sed 's/^/  /'
[ "$(cut -d' ' -f1 "$tmp/librdkafka" | paste -sd' ')" = '2 4' ] || unrunnable "the reference client read otherwise"
[ "$(cut -d' ' -f1,3 "$tmp/kafka-go" | paste -sd',')" = '0 ,1 00000000,2 ,3 00000001,4 ' ] \
  || changed "kafka-go delivers other records now"
echo "as described: the aborted record at 0 and the markers at 1 and 3 are delivered"
