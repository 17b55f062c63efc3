#!/usr/bin/env bash
# One Avro schema has up to four fingerprints, by the library that computes it
#
# Versions: avro 1.12.2 (Java), fastavro 1.13.1 and avro 1.12.2 (Python), github.com/hamba/avro/v2 v2.31.0 and
#   github.com/linkedin/goavro/v2 v2.15.0 (Go).
# Behaviour: CRC-64-AVRO of the schema's parsing canonical form, in each library's own function. All agree on a record of
#   a long and a string. With a decimal in it there are four fingerprints: Java and fastavro agree, Apache's Python
#   library and the two of Go have one each. With a record in the record shop.Order goavro has its own. None gives
#   an error.
# Why it matters: the fingerprint is what a message carries instead of its schema (single-object encoding), and what schema
#   stores and caches use as the key. A schema is known and yet not found, or stored twice, from the day on which
#   somebody adds an amount or a time to it; the simple schemas of a first try agree.
# Source: the specification's canonical form keeps type, name, fields, symbols, items, values and size only, and writes
#   {"type":"bytes"} as "bytes", names in full. Python's keeps the braces where a logicalType was, hamba
#   the logicalType, precision and scale; goavro adds a name "bytes.decimal", and leaves "Item" without "shop.".
set -euo pipefail
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
unrunnable() { echo "COULD NOT BE RUN: $*" >&2; exit 2; }
changed() { echo "CHANGED: $*" >&2; exit 1; }

cat > "$tmp/simple" <<'JSON'
{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"long"},{"name":"item","type":"string"}]}
JSON
cat > "$tmp/decimal" <<'JSON'
{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"long"},
{"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}}]}
JSON
cat > "$tmp/nested" <<'JSON'
{"type":"record","name":"shop.Order","fields":[{"name":"id","type":"long"},
{"name":"item","type":{"type":"record","name":"Item","fields":[{"name":"name","type":"string"}]}}]}
JSON
schemas=("$tmp/simple" "$tmp/decimal" "$tmp/nested")

cat > "$tmp/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>findings</groupId><artifactId>fingerprints</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
<dependency><groupId>org.apache.avro</groupId><artifactId>avro</artifactId><version>1.12.2</version></dependency>
</dependencies></project>
POM
mvn -q -B -f "$tmp/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$tmp/jars" \
  > "$tmp/mvn.log" 2>&1 || unrunnable "Maven did not bring avro"
cat > "$tmp/Fingerprints.java" <<'JAVA'
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;

public class Fingerprints {
    public static void main(String[] files) throws Exception {
        for (String file : files) {
            Schema schema = new Schema.Parser().parse(Files.readString(Path.of(file)));
            System.out.printf("%016x%n", SchemaNormalization.parsingFingerprint64(schema));
        }
    }
}
JAVA
java -Xmx96m -cp "$tmp/jars/*" "$tmp/Fingerprints.java" "${schemas[@]}" > "$tmp/java" 2> "$tmp/java.log" \
  || unrunnable "the Java program did not run: $(tail -1 "$tmp/java.log")"

python3 -m venv "$tmp/venv" && "$tmp/venv/bin/pip" -q install fastavro==1.13.1 avro==1.12.2 > "$tmp/pip.log" 2>&1 \
  || unrunnable "pip did not install fastavro and avro"
cat > "$tmp/fingerprints.py" <<'PYTHON'
import json, sys
library, *files = sys.argv[1:]
for file in files:
    with open(file) as opened:
        text = opened.read()
    # Both give the bytes as a message carries them, the lowest first.
    if library == "fastavro":
        from fastavro.schema import fingerprint, to_parsing_canonical_form
        lowest_first = bytes.fromhex(fingerprint(to_parsing_canonical_form(json.loads(text)), "CRC-64-AVRO"))
    else:
        import avro.schema
        lowest_first = avro.schema.parse(text).fingerprint("CRC-64-AVRO")
    print(lowest_first[::-1].hex())
PYTHON
for library in fastavro avro; do
  "$tmp/venv/bin/python" "$tmp/fingerprints.py" "$library" "${schemas[@]}" > "$tmp/$library" 2> "$tmp/python.log" \
    || unrunnable "Python did not run: $(tail -1 "$tmp/python.log")"
done

mkdir "$tmp/go"
cat > "$tmp/go/main.go" <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/hamba/avro/v2"
	"github.com/linkedin/goavro/v2"
)

func fingerprint(library, text string) (any, error) {
	if library == "goavro" {
		codec, err := goavro.NewCodec(text)
		if err != nil {
			return nil, err
		}
		return codec.Rabin, nil
	}
	schema, err := avro.Parse(text)
	if err != nil {
		return nil, err
	}
	return schema.FingerprintUsing(avro.CRC64Avro)
}

func main() {
	for _, file := range os.Args[2:] {
		text, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		found, err := fingerprint(os.Args[1], string(text))
		if err != nil {
			panic(err)
		}
		fmt.Printf("%016x\n", found)
	}
}
GO
(cd "$tmp/go" && go mod init fingerprints && go get github.com/hamba/avro/v2@v2.31.0 github.com/linkedin/goavro/v2@v2.15.0 \
  && go mod tidy && go build -o "$tmp/go-fingerprints" .) > "$tmp/go.log" 2>&1 || unrunnable "the Go libraries did not build"
for library in hamba goavro; do
  "$tmp/go-fingerprints" "$library" "${schemas[@]}" > "$tmp/$library" 2> "$tmp/go.log" || unrunnable "the Go program did not run"
done

for library in java fastavro avro hamba goavro; do
  echo "$library $(paste -sd' ' "$tmp/$library")"
done > "$tmp/seen"
echo "library and its fingerprints of a simple schema, one with a decimal, one with a record in a record:"
sed 's/^/  /' "$tmp/seen"
cat > "$tmp/described" <<'TEXT'
java 01121a1befd643cb a4f143b5db84294b d986be1b21e3bfab
fastavro 01121a1befd643cb a4f143b5db84294b d986be1b21e3bfab
avro 01121a1befd643cb ba3333a08a272af4 d986be1b21e3bfab
hamba 01121a1befd643cb 32c1e5318fb21561 d986be1b21e3bfab
goavro 01121a1befd643cb e0977aa27f626768 a77ce80083b1474b
TEXT
cmp -s "$tmp/seen" "$tmp/described" || changed "a library computes another fingerprint now"
echo "as described: all five agree on the simple schema alone"
