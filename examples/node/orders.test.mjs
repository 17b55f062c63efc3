import assert from "node:assert/strict";
import { test } from "node:test";
import kafkajs from "kafkajs";
import { startCluster } from "./cluster.mjs";

test("an acknowledged record outlives its leader", async () => {
  const cluster = await startCluster(`node-${process.pid}`, "orders:3:3");
  const kafka = new kafkajs.Kafka({ brokers: cluster.brokers, logLevel: kafkajs.logLevel.NOTHING });
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  const consumer = kafka.consumer({ groupId: "test" });
  try {
    await producer.connect();
    await producer.send({
      topic: "orders",
      acks: -1,
      messages: [{ key: "amy", value: "coffee", partition: 0 }],
    });

    cluster.exec("kill leader of orders p0");
    cluster.wait("leader orders p0 any and isr orders p0 2");

    await consumer.connect();
    await consumer.subscribe({ topic: "orders", fromBeginning: true });
    const [key, value] = await new Promise((resolve, reject) => {
      const eachMessage = async ({ message }) => resolve([String(message.key), String(message.value)]);
      consumer.run({ eachMessage }).catch(reject);
    });
    assert.deepEqual([key, value], ["amy", "coffee"]);
  } finally {
    await Promise.allSettled([consumer.disconnect(), producer.disconnect()]);
    await cluster.close();
  }
});
