#!/usr/bin/env bash
# Kafka Connect's JsonConverter reads what it wrote as NaN, and numbers in quotes, as 0
#
# Versions: Apache Kafka 4.4.0 (connect-json, connect-api), Java 17.
# Behaviour: no error in any of these.
#   Its own output: the double NaN is written as the text "NaN" and read back as 0.0, infinity likewise.
#   With a schema, what the field declares wins over what is there: "42" for an int32 is 0, "true" for a boolean is
#   false, 3000000000 for an int32 is -1294967296, and 42 for a required string is null: for a sink, a tombstone.
#   Without a schema 18446744073709551615 is -1.
# Why it matters: it is the converter that ships with Connect. A sink stores zeroes that nobody measured, an upsert sink
#   deletes the row; errors.tolerance and a dead letter queue see nothing, as nothing failed. A number in quotes
#   is what JavaScript programs send for a 64-bit id. Of a struct, a required string alone is refused.
# Source: JsonConverter's TO_CONNECT_CONVERTERS ask Jackson's node for intValue(), doubleValue(), booleanValue() and
#   textValue(), which answer 0, false and null for a node of another kind, and cut to the low bits what is too wide.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unrunnable() { echo "COULD NOT BE RUN: $*" >&2; exit 2; }
changed() { echo "CHANGED: $*" >&2; exit 1; }

kafka=4.4.0
cat > "$tmp/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>findings</groupId><artifactId>converter</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>connect-json</artifactId><version>$kafka</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>connect-api</artifactId><version>$kafka</version></dependency>
</dependencies></project>
POM
mvn -q -B -f "$tmp/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$tmp/jars" \
  > "$tmp/mvn.log" 2>&1 || unrunnable "Maven did not bring connect-json $kafka"

cat > "$tmp/Reading.java" <<'JAVA'
import java.util.Map;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.json.JsonConverter;

public class Reading {
    static JsonConverter converter(boolean schemas) {
        JsonConverter converter = new JsonConverter();
        converter.configure(Map.of("schemas.enable", schemas), false);
        return converter;
    }

    static void read(boolean schemas, String what, String json) {
        String value;
        try {
            value = String.valueOf(converter(schemas).toConnectData("orders", json.getBytes()).value());
        } catch (DataException refusal) {
            value = "refused";
        }
        System.out.println(what + " -> " + value);
    }

    static void declared(String type, String payload) {
        read(true, type + " " + payload, "{\"schema\":{\"type\":\"" + type + "\"},\"payload\":" + payload + "}");
    }

    public static void main(String[] nothing) {
        for (double number : new double[] {1.5, Double.NaN, Double.POSITIVE_INFINITY}) {
            byte[] written = converter(true).fromConnectData("orders", Schema.FLOAT64_SCHEMA, number);
            read(true, "written by itself: double " + number, new String(written));
        }
        declared("int32", "42");
        declared("int32", "\"42\"");
        declared("int64", "\"1700000000000\"");
        declared("double", "\"1.5\"");
        declared("boolean", "\"true\"");
        declared("int8", "300");
        declared("int32", "3000000000");
        declared("string", "42");
        read(true, "struct with a required string 42",
            "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"field\":\"id\",\"type\":\"string\"}]},\"payload\":{\"id\":42}}");
        read(false, "no schema 18446744073709551615", "18446744073709551615");
    }
}
JAVA
java -Xmx96m -cp "$tmp/jars/*" "$tmp/Reading.java" > "$tmp/seen" 2> "$tmp/java.log" \
  || unrunnable "the Java program did not run: $(tail -1 "$tmp/java.log")"

echo "JsonConverter of Apache Kafka $kafka, declared type and JSON -> what Connect gets:"
sed 's/^/  /' "$tmp/seen"
cat > "$tmp/described" <<'TEXT'
written by itself: double 1.5 -> 1.5
written by itself: double NaN -> 0.0
written by itself: double Infinity -> 0.0
int32 42 -> 42
int32 "42" -> 0
int64 "1700000000000" -> 0
double "1.5" -> 0.0
boolean "true" -> false
int8 300 -> 44
int32 3000000000 -> -1294967296
string 42 -> null
struct with a required string 42 -> refused
no schema 18446744073709551615 -> -1
TEXT
cmp -s "$tmp/seen" "$tmp/described" || changed "the converter reads a value otherwise now"
echo "as described: other values, and an error for one of them only"
