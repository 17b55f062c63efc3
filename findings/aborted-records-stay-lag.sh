#!/usr/bin/env bash
# Rolled back records stay lag for groups of sarama and franz-go
#
# Versions: github.com/IBM/sarama v1.61.1, github.com/twmb/franz-go v1.22.3, Apache Kafka 4.4.0, confluent-kafka 2.16.1
#   (librdkafka) to compare.
# Behaviour: a transaction of two records is committed, one of 500 is aborted. Consumers with read_committed get the
#   two records, poll three more seconds, commit and close. The group of librdkafka is then at 504 of 504. Those
#   of the other two are at 2, a lag of 502, and stay there until a record comes that is not rolled back.
# Why it matters: nothing is left to read, but alerts on lag fire and autoscalers (by lag, down to zero) never stop the
#   consumer. Which of the groups of one topic shows it depends on the language of its members; the Java
#   client, too, commits its position, which goes on behind what it hides.
# Source: both commit the offset of the last record that the program was given, plus one: sarama's MarkMessage
#   (consumer_group.go), franz-go's updateUncommitted (pkg/kgo/consumer_group.go, "final.Offset + 1").
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

mkdir "$tmp/groups"
cat > "$tmp/groups/main.go" <<'GO'
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
)

const after = 3 * time.Second // how long to poll when the second record has come

type member struct{ seen chan string }

func (member) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (member) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (m member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		session.MarkMessage(message, "")
		m.seen <- string(message.Value)
	}
	return nil
}

func withSarama(ctx context.Context, servers []string) error {
	config := sarama.NewConfig()
	config.Version = sarama.V3_6_0_0
	config.Consumer.IsolationLevel = sarama.ReadCommitted
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	group, err := sarama.NewConsumerGroup(servers, "sarama", config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	seen, done := make(chan string, 1000), make(chan error, 1)
	go func() { done <- group.Consume(ctx, []string{"payments"}, member{seen}) }()
	for range 2 {
		select {
		case value := <-seen:
			fmt.Println("sarama read", value)
		case err := <-done:
			return fmt.Errorf("the session ended: %w", err)
		}
	}
	time.Sleep(after)
	cancel()
	<-done
	close(seen)
	for value := range seen {
		fmt.Println("sarama read", value)
	}
	return group.Close()
}

func withFranz(ctx context.Context, servers []string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(servers...), kgo.ConsumerGroup("franz-go"), kgo.ConsumeTopics("payments"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	read := func(ctx context.Context) (count int) {
		client.PollFetches(ctx).EachRecord(func(record *kgo.Record) {
			fmt.Println("franz-go read", string(record.Value))
			count++
		})
		return
	}
	for count := 0; count < 2 && ctx.Err() == nil; {
		count += read(ctx)
	}
	more, cancel := context.WithTimeout(ctx, after)
	defer cancel()
	for more.Err() == nil {
		read(more)
	}
	return client.CommitUncommittedOffsets(ctx)
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	servers := []string{os.Args[1]}
	for _, run := range []func(context.Context, []string) error{withSarama, withFranz} {
		if err := run(ctx, servers); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
GO
(cd "$tmp/groups" && go mod init groups && go get github.com/IBM/sarama@v1.61.1 github.com/twmb/franz-go@v1.22.3 \
  && go mod tidy && go build -o "$tmp/go-groups" .) > "$tmp/go.log" 2>&1 || unrunnable "the Go clients did not build"

"$python" - "$servers" <<'PYTHON' || unrunnable "the records could not be written"
import sys
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
servers = {"bootstrap.servers": sys.argv[1], "log_level": 0}
admin = AdminClient(servers)
admin.create_topics([NewTopic("payments", 1, 1)])["payments"].result(30)
till = Producer({**servers, "transactional.id": "till"})
till.init_transactions(60)
till.begin_transaction()
for value in ("coffee", "tea"):
    till.produce("payments", value)
till.commit_transaction(60)
till.begin_transaction()
for _ in range(500):
    till.produce("payments", "rolled back")
till.flush(60)
till.abort_transaction(60)
PYTHON
timeout 120 "$tmp/go-groups" "$servers" > "$tmp/read" 2> "$tmp/groups.log" \
  || unrunnable "the Go clients did not end: $(tail -1 "$tmp/groups.log")"
"$python" - "$servers" "$tmp/read" > "$tmp/seen" <<'PYTHON' || unrunnable "librdkafka did not read the topic"
import sys, time
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient
servers = {"bootstrap.servers": sys.argv[1], "log_level": 0}
with open(sys.argv[2], "a") as read:
    consumer = Consumer({**servers, "group.id": "librdkafka", "isolation.level": "read_committed",
                         "auto.offset.reset": "earliest"})
    consumer.subscribe(["payments"])
    end, count = time.monotonic() + 90, 0
    while time.monotonic() < end:
        message = consumer.poll(0.5)
        if message is not None and not message.error():
            print("librdkafka read", message.value().decode(), file=read)
            count += 1
            if count == 2:
                end = time.monotonic() + 3
    _, last = consumer.get_watermark_offsets(TopicPartition("payments", 0), 30)
    consumer.close()
admin = AdminClient(servers)
for group in ("librdkafka", "sarama", "franz-go"):
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
    (committed,) = asked[group].result(30).topic_partitions
    print(f"{group}: at {committed.offset} of {last}, lag {last - committed.offset}")
PYTHON
[ "$(sort "$tmp/read" | paste -sd,)" = 'franz-go read coffee,franz-go read tea,librdkafka read coffee,librdkafka read tea,sarama read coffee,sarama read tea' ] \
  || unrunnable "the clients did not read the two records: $(paste -sd, "$tmp/read")"

echo "Apache Kafka $kafka: two committed and 500 aborted records; each group read the two, committed and closed"
sed 's/^/  /' "$tmp/seen"
grep -qx 'librdkafka: at 504 of 504, lag 0' "$tmp/seen" || unrunnable "the reference client commits otherwise"
grep -qx 'sarama: at 2 of 504, lag 502' "$tmp/seen" || changed "sarama commits what is behind the last record now"
grep -qx 'franz-go: at 2 of 504, lag 502' "$tmp/seen" || changed "franz-go commits what is behind the last record now"
echo "as described: records that nobody is to read count as lag"
