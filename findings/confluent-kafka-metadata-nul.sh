#!/usr/bin/env bash
# confluent-kafka (Python) commits offset metadata with a NUL character behind it
#
# Versions: confluent-kafka 2.16.1 (librdkafka 2.16.0), Apache Kafka 4.4.0 (broker, and the Java client that reads).
# Behaviour: commit(offsets=[TopicPartition(..., metadata="shard-7")]), and the admin client's alter_consumer_group_offsets
#   likewise, store eight characters: the last one is U+0000. Python's committed() gives back seven, so it
#   does not show; the Java client, asked for the same offset, gives eight. 4096 characters, the longest that
#   offset.metadata.max.bytes allows, are refused with OFFSET_METADATA_TOO_LARGE, 4095 are taken.
# Why it matters: metadata is where a consumer leaves notes for the next owner of a partition: a position inside a record,
#   a checksum, JSON. The next owner in another language compares and differs, or its JSON parser fails at the
#   last character; a test within Python passes. Text databases refuse the NUL where a tool copies it.
# Source: src/confluent_kafka.c, py_to_c_parts: metadata_size is strlen(...) + 1, and librdkafka sends metadata_size
#   bytes. The way back makes a string up to the first NUL.
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
PROPERTIES
java -Xmx128m -cp "$tmp/jars/*" kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg \
  -c "$tmp/broker.properties" > "$tmp/format.log" 2>&1 || unrunnable "kafka-storage format failed"
java -Xmx256m -cp "$tmp/jars/*" kafka.Kafka "$tmp/broker.properties" > "$tmp/broker.log" 2>&1 &
pids+=($!)

cat > "$tmp/commit.py" <<'PYTHON'
import sys, time
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

servers = {"bootstrap.servers": sys.argv[1], "log_level": 0}
admin = AdminClient(servers)
for _ in range(60):
    try:
        if admin.list_topics(timeout=2).brokers:
            break
    except KafkaException:
        time.sleep(0.5)
admin.create_topics([NewTopic("orders", 1, 1)])["orders"].result(30)


def retried(ask):  # while the coordinator is being made
    for _ in range(60):
        try:
            return ask()
        except KafkaException as error:
            if not error.args[0].retriable():
                return error.args[0].name()
            time.sleep(0.5)
    sys.exit("no coordinator")


consumer = Consumer({**servers, "group.id": "consumer"})
noted = TopicPartition("orders", 0, 0, metadata="shard-7")
retried(lambda: consumer.commit(offsets=[noted], asynchronous=False))
(committed,) = retried(lambda: consumer.committed([TopicPartition("orders", 0)], timeout=30))
print("python", len(committed.metadata))
for length in (4095, 4096):
    partition = TopicPartition("orders", 0, 0, metadata="x" * length)
    asked = admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions("longest", [partition])])
    (answer,) = asked["longest"].result(30).topic_partitions
    print(length, answer.error.name() if answer.error else "taken")
asked = admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions("admin", [noted])])
asked["admin"].result(30)
consumer.close()
PYTHON
"$python" "$tmp/commit.py" "$servers" > "$tmp/seen" 2> "$tmp/python.log" \
  || unrunnable "confluent-kafka did not commit: $(tail -1 "$tmp/python.log")"

cat > "$tmp/Committed.java" <<'JAVA'
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

public class Committed {
    public static void main(String[] arguments) {
        TopicPartition partition = new TopicPartition("orders", 0);
        for (String group : new String[] {"consumer", "admin"}) {
            Map<String, Object> settings = Map.of("bootstrap.servers", arguments[0], "group.id", group);
            try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
                String metadata = consumer.committed(Set.of(partition)).get(partition).metadata();
                System.out.printf("java, committed by the %s: %d, the last is U+%04X%n", group, metadata.length(),
                    (int) metadata.charAt(metadata.length() - 1));
            }
        }
    }
}
JAVA
java -Xmx128m -cp "$tmp/jars/*" "$tmp/Committed.java" "$servers" >> "$tmp/seen" 2> "$tmp/java.log" \
  || unrunnable "the Java client did not read the offsets: $(tail -1 "$tmp/java.log")"

echo "confluent-kafka 2.16.1 committed the metadata \"shard-7\", of seven characters; how long it is:"
sed 's/^/  /' "$tmp/seen"
cat > "$tmp/described" <<'TEXT'
python 7
4095 taken
4096 OFFSET_METADATA_TOO_LARGE
java, committed by the consumer: 8, the last is U+0000
java, committed by the admin: 8, the last is U+0000
TEXT
cmp -s "$tmp/seen" "$tmp/described" || changed "the metadata is stored otherwise now"
echo "as described: what Python does not show is there"
