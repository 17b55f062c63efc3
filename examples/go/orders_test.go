package orders

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestAnAcknowledgedRecordOutlivesItsLeader(t *testing.T) {
	cluster := startCluster(t, "orders:3:3")
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	producer, err := kgo.NewClient(
		kgo.SeedBrokers(cluster.brokers...),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	sent := &kgo.Record{Topic: "orders", Partition: 0, Key: []byte("amy"), Value: []byte("coffee")}
	if err := producer.ProduceSync(ctx, sent).FirstErr(); err != nil {
		t.Fatal(err)
	}

	cluster.exec("kill leader of orders p0")
	cluster.wait("leader orders p0 any and isr orders p0 2")

	consumer, err := kgo.NewClient(
		kgo.SeedBrokers(cluster.brokers...),
		kgo.ConsumerGroup("test"),
		kgo.ConsumeTopics("orders"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	for ctx.Err() == nil {
		for _, record := range consumer.PollFetches(ctx).Records() {
			if string(record.Key) != "amy" || string(record.Value) != "coffee" {
				t.Fatalf("another record: %s", record.Value)
			}
			return
		}
	}
	t.Fatal("the record did not come")
}
