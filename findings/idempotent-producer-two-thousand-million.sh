#!/usr/bin/env bash
# Idempotent producers of aiokafka and kafkajs are done for good after 2,147,483,648 records
#
# Versions: aiokafka 0.14.0, kafkajs 2.2.4, Apache Kafka 4.4.0, kafka-python 3.0.12 to compare.
# Behaviour: after the sequence number 2147483647, the largest, comes 0. aiokafka goes on with -2147483648. kafkajs
#   begins its next batch with 0, be it too early or, where a batch goes across the end, too low. The broker refuses
#   that batch, and every send to that partition after it fails as well, until the process makes a new producer.
# Why it matters: sequences count per producer and partition, and no test sends so many. At 1,000 records a second to
#   one partition it is the 25th day after a deployment, and all instances that were deployed together reach it
#   together. The errors name no number: OUT_OF_ORDER_SEQUENCE_NUMBER, and an UnknownError (aiokafka's table of
#   errors has no INVALID_RECORD).
# Source: aiokafka/producer/transaction_manager.py, increment_sequence_number ("seq -= 2**32", as an int of Java would
#   wrap); src/producer/eosManager/index.js, updateSequence ("sequence = 0", part of it in tulios/kafkajs #1790).
#   Kafka's DefaultRecordBatch.incrementSequence goes from 2147483647 to 0 and keeps the rest of the batch.
#   The script sets the client's own counter ahead instead of sending the records before.
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
python3 -m venv "$tmp/venv" && "$tmp/venv/bin/pip" -q install aiokafka==0.14.0 kafka-python==3.0.12 > "$tmp/pip.log" 2>&1 \
  || unrunnable "pip did not install aiokafka and kafka-python"
python="$tmp/venv/bin/python"
(cd "$tmp" && npm init -y && npm install --no-audit --no-fund kafkajs@2.2.4) > "$tmp/npm.log" 2>&1 \
  || unrunnable "npm did not install kafkajs"

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
PROPERTIES
java -Xmx128m -cp "$tmp/jars/*" kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg \
  -c "$tmp/broker.properties" > "$tmp/format.log" 2>&1 || unrunnable "kafka-storage format failed"
java -Xmx256m -cp "$tmp/jars/*" kafka.Kafka "$tmp/broker.properties" > "$tmp/broker.log" 2>&1 &
pids+=($!)
"$python" - "$servers" > "$tmp/topics.log" 2>&1 <<'PYTHON' || unrunnable "the broker did not start"
import sys, time
from kafka.admin import KafkaAdminClient
for _ in range(60):
    try:
        KafkaAdminClient(bootstrap_servers=sys.argv[1]).create_topics(
            {name: {"num_partitions": 1, "replication_factor": 1} for name in ("kafka-python", "aiokafka", "kafkajs")})
        sys.exit(0)
    except Exception as error:
        print(repr(error))
        time.sleep(0.5)
sys.exit(1)
PYTHON

# Each sends five batches of two records, the first with the sequence numbers 2147483645 and 2147483646, and prints
# for each batch the first offset or the error.
cat > "$tmp/with_kafka_python.py" <<'PYTHON'
import sys
from kafka import KafkaProducer, TopicPartition
producer = KafkaProducer(bootstrap_servers=sys.argv[1], enable_idempotence=True, linger_ms=300)
orders = TopicPartition("kafka-python", 0)
producer.partitions_for(orders.topic)
producer._transaction_manager._sequence_numbers[orders] = 2147483645
for _ in range(5):
    two = [producer.send(orders.topic, b"order", partition=0) for _ in range(2)]
    try:
        print(min(sent.get(30).offset for sent in two))
    except Exception as error:
        print(type(error).__name__)
producer.close(10)
PYTHON
cat > "$tmp/with_aiokafka.py" <<'PYTHON'
import asyncio, sys
from aiokafka import AIOKafkaProducer, TopicPartition
async def main():
    producer = AIOKafkaProducer(bootstrap_servers=sys.argv[1], enable_idempotence=True)
    await producer.start()
    orders = TopicPartition("aiokafka", 0)
    await producer.partitions_for(orders.topic)
    producer._txn_manager._sequence_numbers[orders] = 2147483645
    for _ in range(5):
        batch = producer.create_batch()
        for _ in range(2):
            batch.append(key=None, value=b"order", timestamp=None)
        try:
            print((await (await producer.send_batch(batch, orders.topic, partition=0))).offset)
        except Exception as error:
            print(type(error).__name__)
    await producer.stop()
asyncio.run(asyncio.wait_for(main(), 60))
PYTHON
cat > "$tmp/kafkajs.js" <<'JS'
const counting = require.resolve('kafkajs/src/producer/eosManager')
const original = require(counting)
require.cache[counting].exports = options => {
  const manager = original(options)
  const initialize = manager.initProducerId
  manager.initProducerId = async () => {
    await initialize()
    manager.updateSequence('kafkajs', 0, 2147483645)
  }
  return manager
}
const { Kafka, logLevel } = require('kafkajs')
const main = async () => {
  const kafka = new Kafka({ brokers: [process.argv[2]], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  for (let batch = 0; batch < 5; batch++) {
    const messages = [{ partition: 0, value: 'order' }, { partition: 0, value: 'order' }]
    await producer.send({ topic: 'kafkajs', messages }).then(([sent]) => console.log(sent.baseOffset), error => console.log(error.type))
  }
  await producer.disconnect()
}
main()
JS
run() { timeout 90 "$@" "$servers" 2> "$tmp/client.log" | paste -sd' ' || unrunnable "a client did not end: $(tail -1 "$tmp/client.log")"; }
of_kafka_python=$(run "$python" "$tmp/with_kafka_python.py")
of_aiokafka=$(run "$python" "$tmp/with_aiokafka.py")
of_kafkajs=$(cd "$tmp" && run node kafkajs.js)

echo "Apache Kafka $kafka: batches of two records, of which the second holds the sequence numbers 2147483647 and 0"
echo "(for each batch its first offset, or the error)"
echo "kafka-python 3.0.12, as expected: $of_kafka_python"
echo "aiokafka 0.14.0                 : $of_aiokafka"
echo "kafkajs 2.2.4                   : $of_kafkajs"
[ "$of_kafka_python" = '0 2 4 6 8' ] || unrunnable "the reference client behaves otherwise"
[ "$of_aiokafka" = '0 2 UnknownError UnknownError UnknownError' ] || changed "aiokafka wraps its sequence numbers otherwise now"
out_of_order=OUT_OF_ORDER_SEQUENCE_NUMBER
[ "$of_kafkajs" = "0 $out_of_order $out_of_order $out_of_order $out_of_order" ] \
  || changed "kafkajs wraps its sequence numbers otherwise now"
echo "as described: neither gets a record into the partition any more"
