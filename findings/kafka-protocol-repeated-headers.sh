#!/usr/bin/env bash
# kafka-protocol (Rust) keeps one of several record headers that have the same key
#
# Versions: crate kafka-protocol 0.18.0, kafka-python 2.2.15 to write the batch and to compare.
# Behaviour: a record with the headers via=gateway, via=shop, trace=7 is decoded to via=shop, trace=7: the first
#   `via` is gone, without an error. kafka-python gives back all three.
# Why it matters: Kafka's headers are a list, keys may repeat and their order counts; who decodes a batch and
#   encodes it again (a proxy, a mirror, a converter) loses headers, and nothing tells.
# Source: Record::headers in src/records.rs is an IndexMap from key to value.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unrunnable() { echo "COULD NOT BE RUN: $*" >&2; exit 2; }
changed() { echo "CHANGED: $*" >&2; exit 1; }

python3 -m venv "$tmp/venv" && "$tmp/venv/bin/pip" -q install kafka-python==2.2.15 > "$tmp/pip.log" 2>&1 \
  || unrunnable "pip did not install kafka-python"
"$tmp/venv/bin/python" - "$tmp/batch" > "$tmp/python" <<'PYTHON' || unrunnable "kafka-python did not write the batch"
import sys
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 65536)
builder.append(0, 1_700_000_000_000, b"amy", b"coffee", [("via", b"gateway"), ("via", b"shop"), ("trace", b"7")])
batch = bytes(builder.build())
open(sys.argv[1], "wb").write(batch)
for record in DefaultRecordBatch(batch):
    print(" ".join(f"{key}={value.decode()}" for key, value in record.headers))
PYTHON

mkdir -p "$tmp/reader/src"
cat > "$tmp/reader/Cargo.toml" <<'TOML'
[package]
name = "reader"
version = "0.1.0"
edition = "2021"

[dependencies]
bytes = "1"
kafka-protocol = { version = "=0.18.0", default-features = false, features = ["client", "broker"] }
TOML
cat > "$tmp/reader/src/main.rs" <<'RUST'
use kafka_protocol::records::RecordBatchDecoder;

fn main() {
    let path = std::env::args().nth(1).expect("a file");
    let mut bytes = bytes::Bytes::from(std::fs::read(path).expect("readable"));
    let set = RecordBatchDecoder::decode(&mut bytes).expect("a batch");
    for record in set.records {
        let headers = record.headers.iter().map(|(key, value)| {
            let value = value.as_ref().map(|value| String::from_utf8_lossy(value).into_owned());
            format!("{}={}", key.as_str(), value.unwrap_or_default())
        });
        println!("{}", headers.collect::<Vec<_>>().join(" "));
    }
}
RUST
CARGO_TARGET_DIR="$tmp/target" cargo build -q --manifest-path "$tmp/reader/Cargo.toml" > "$tmp/cargo.log" 2>&1 \
  || unrunnable "cargo did not build the reader: $(tail -3 "$tmp/cargo.log")"
"$tmp/target/debug/reader" "$tmp/batch" > "$tmp/rust" || unrunnable "the batch was not decoded"

echo "headers of one record:"
echo "  kafka-python 2.2.15:    $(cat "$tmp/python")"
echo "  kafka-protocol 0.18.0:  $(cat "$tmp/rust")"
[ "$(cat "$tmp/python")" = 'via=gateway via=shop trace=7' ] || unrunnable "the reference reads otherwise"
[ "$(cat "$tmp/rust")" = 'via=shop trace=7' ] || changed "kafka-protocol gives other headers now"
echo "as described: of two headers with one key the last is left"
