#!/usr/bin/env bash
# librdkafka dies of aborting a transaction right behind a commit, because it ends one that never began
#
# Versions: confluent-kafka 2.16.1 (librdkafka 2.16.0), Apache Kafka 4.4.0 as broker and as Java client.
# Behaviour: a librdkafka producer commits a transaction, begins the next one, produces a record and aborts. About
#   every other time abort_transaction raises a *fatal* INVALID_TXN_STATE, after which only a new producer helps. A
#   Java producer does the same fifty times on the same broker and goes on.
# Why it matters: "produce, something is wrong, abort" right behind a commit is what consume-transform-produce loops
#   do on a bad record. The broker is right: it told the producer CONCURRENT_TRANSACTIONS, nothing was added, so
#   there is nothing to end. It happens where markers are slow, not on a quiet developer's machine with one partition.
# Source: rdkafka_txnmgr.c, rd_kafka_txn_handle_AddPartitionsToTxn: every error that it does not know by name, also
#   CONCURRENT_TRANSACTIONS, counts as "may have been received" (txn_req_cnt), and so abort sends EndTxn;
#   rd_kafka_txn_handle_EndTxn takes INVALID_TXN_STATE for fatal. The symptom is librdkafka's open issue 4849.
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
from confluent_kafka.admin import AdminClient, NewTopic
admin = AdminClient({"bootstrap.servers": sys.argv[1], "log_level": 0})
for _ in range(60):
    try:
        if admin.list_topics(timeout=2).brokers:
            admin.create_topics([NewTopic("orders", 20, 1)])["orders"].result(30)
            sys.exit(0)
    except Exception:
        time.sleep(0.5)
sys.exit(1)
PYTHON

# Twenty partitions have markers to be written, so that the commit takes some milliseconds on any machine.
cat > "$tmp/abort.py" <<'PYTHON'
import sys
from confluent_kafka import KafkaException, Producer
fatal = set()
for number in range(50):
    producer = Producer({"bootstrap.servers": sys.argv[1], "transactional.id": f"librdkafka-{number}", "linger.ms": 0,
                         "log_level": 0})
    producer.init_transactions(30)
    producer.begin_transaction()
    for partition in range(20):
        producer.produce("orders", b"kept", partition=partition)
    producer.commit_transaction(30)
    producer.begin_transaction()
    producer.produce("orders", b"not kept", partition=0)
    producer.poll(0.005)
    try:
        producer.abort_transaction(30)
    except KafkaException as error:
        if error.args[0].fatal():
            fatal.add(error.args[0].name())
            break
print(*sorted(fatal) or ["none"])
PYTHON
cat > "$tmp/Abort.java" <<'JAVA'
import java.util.Properties;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.StringSerializer;

public class Abort {
    public static void main(String[] arguments) throws Exception {
        for (int number = 0; number < 50; number++) {
            Properties settings = new Properties();
            settings.put("bootstrap.servers", arguments[0]);
            settings.put("transactional.id", "java-" + number);
            settings.put("linger.ms", "0");
            try (Producer<String, String> producer =
                    new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
                producer.initTransactions();
                producer.beginTransaction();
                for (int partition = 0; partition < 20; partition++) {
                    producer.send(new ProducerRecord<>("orders", partition, null, "kept"));
                }
                producer.commitTransaction();
                producer.beginTransaction();
                producer.send(new ProducerRecord<>("orders", 0, null, "not kept"));
                Thread.sleep(5);
                producer.abortTransaction();
                producer.beginTransaction();
                producer.send(new ProducerRecord<>("orders", 0, null, "kept"));
                producer.commitTransaction();
            }
        }
        System.out.println("none");
    }
}
JAVA
java_said=$(java -Xmx128m -cp "$tmp/jars/*" "$tmp/Abort.java" "$servers" 2> "$tmp/java.log" | tail -1) \
  || unrunnable "the Java producer did not run: $(tail -1 "$tmp/java.log")"
python_said=$("$python" "$tmp/abort.py" "$servers" 2> "$tmp/python.log") \
  || unrunnable "the librdkafka producer did not run: $(tail -1 "$tmp/python.log")"
echo "abort right behind a commit, fatal errors: Java $java_said, librdkafka $python_said"
[ "$java_said" = none ] || changed "the Java producer fails too"
[ "$python_said" = INVALID_TXN_STATE ] || changed "librdkafka aborted fifty times right behind a commit"
echo "as described: librdkafka cannot go on, Java does"
