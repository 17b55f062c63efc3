from confluent_kafka import Consumer, Producer


def test_an_acknowledged_record_outlives_its_leader(cluster):
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "acks": "all"})
    acknowledged = []
    producer.produce(
        "orders",
        key="amy",
        value="coffee",
        partition=0,
        on_delivery=lambda error, message: acknowledged.append(error),
    )
    producer.flush()
    assert acknowledged == [None]

    cluster.exec("kill leader of orders p0")
    cluster.wait("leader orders p0 any and isr orders p0 2")

    consumer = Consumer(
        {
            "bootstrap.servers": cluster.bootstrap,
            "group.id": "test",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe(["orders"])
    message = consumer.poll(30)
    assert message is not None and message.error() is None
    assert (message.key(), message.value()) == (b"amy", b"coffee")
    consumer.close()
