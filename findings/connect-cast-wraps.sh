#!/usr/bin/env bash
# Kafka Connect's Cast refuses the text 200 as an int8, and makes -56 of the number
#
# Versions: Apache Kafka 4.4.0 (connect-transforms), Java 17.
# Behaviour: as an int8 "200" is an error, 200 is -56; as an int16 70000 is 4464. As an int32 3000000000 is -1294967296 where
#   it is a long, and 2147483647 where it is a double; NaN is 0 and 3.99 is 3, while "3.99" is an error. As a boolean 2 and
#   "true" are true, "1", "yes" and "t" are false. Flatten, given {"a": {"b": 1}, "a.b": 2}, keeps one of them.
# Why it matters: Cast is put in front of a sink whose column is narrow. A test with small numbers, or with text that is
#   too large, shows values or errors; production stores other numbers, and the dead letter queue stays empty.
#   Whether too large is an error, the lowest bits or the largest number depends on the source's type.
# Source: Cast.java, castToInt8 and its like: Number.byteValue(), intValue() and so on for numbers, which cut integers and
#   saturate doubles, Byte.parseByte() for text; castToBoolean: Boolean.parseBoolean. Flatten.java puts by name.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unrunnable() { echo "COULD NOT BE RUN: $*" >&2; exit 2; }
changed() { echo "CHANGED: $*" >&2; exit 1; }

kafka=4.4.0
cat > "$tmp/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>findings</groupId><artifactId>transforms</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>connect-transforms</artifactId><version>$kafka</version></dependency>
</dependencies></project>
POM
mvn -q -B -f "$tmp/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$tmp/jars" \
  > "$tmp/mvn.log" 2>&1 || unrunnable "Maven did not bring connect-transforms $kafka"

cat > "$tmp/Casts.java" <<'JAVA'
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.transforms.Cast;
import org.apache.kafka.connect.transforms.Flatten;

public class Casts {
    public static void main(String[] arguments) {
        cast("int8", "200", 200);
        cast("int16", 70000);
        cast("int32", 3_000_000_000L, 3e9, Double.NaN, 3.99, "3.99");
        cast("boolean", 2, "true", "1", "yes", "t");
        Map<String, Object> nested = new LinkedHashMap<>();
        nested.put("a", Map.of("b", 1));
        nested.put("a.b", 2);
        try (Flatten<SourceRecord> flatten = new Flatten.Value<>()) {
            flatten.configure(Map.of());
            System.out.println("flattened " + flatten.apply(record(nested)).value());
        }
    }

    static void cast(String type, Object... values) {
        for (Object value : values) {
            String kind = value.getClass().getSimpleName();
            try (Cast<SourceRecord> cast = new Cast.Value<>()) {
                cast.configure(Map.of("spec", type));
                System.out.println(type + " of " + kind + " " + value + ": " + cast.apply(record(value)).value());
            } catch (DataException error) {
                System.out.println(type + " of " + kind + " " + value + ": an error");
            }
        }
    }

    static SourceRecord record(Object value) {
        return new SourceRecord(null, null, "topic", 0, null, value);
    }
}
JAVA
java -Xmx128m -cp "$tmp/jars/*" "$tmp/Casts.java" > "$tmp/seen" 2> "$tmp/java.log" \
  || unrunnable "the transforms did not run: $(tail -1 "$tmp/java.log")"

echo "Cast and Flatten of Kafka $kafka:"
sed 's/^/  /' "$tmp/seen"
cat > "$tmp/described" <<'TEXT'
int8 of String 200: an error
int8 of Integer 200: -56
int16 of Integer 70000: 4464
int32 of Long 3000000000: -1294967296
int32 of Double 3.0E9: 2147483647
int32 of Double NaN: 0
int32 of Double 3.99: 3
int32 of String 3.99: an error
boolean of Integer 2: true
boolean of String true: true
boolean of String 1: false
boolean of String yes: false
boolean of String t: false
flattened {a.b=2}
TEXT
cmp -s "$tmp/seen" "$tmp/described" || changed "values are cast or flattened otherwise now"
echo "as described: text that does not fit is an error, a number is another number"
