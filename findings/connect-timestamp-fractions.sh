#!/usr/bin/env bash
# Kafka Connect's TimestampConverter makes two minutes of microseconds, and forgets the zone
#
# Versions: Apache Kafka 4.4.0 (connect-transforms), Java 17.
# Behaviour: TimestampConverter reads texts by a format. With "yyyy-MM-dd HH:mm:ss.SSS" 10:00:00.123 is right,
#   10:00:00.123456 is 10:02:03.456 and 10:00:00.5 is 10:00:00.005; six letters S change nothing. Nanoseconds move it by
#   days. With "yyyy-MM-dd'T'HH:mm:ss" the text 2024-01-01T10:00:00+02:00 is ten o'clock UTC. With "yyyyMMdd" the text
#   2024-01-01 is the first of December 2023. No error in any of them.
# Why it matters: PostgreSQL, Python and Go write six or nine digits, and leave out zeroes at the end; a source that
#   wrote milliseconds in the test writes microseconds in production. Every time then is wrong by another
#   amount, with six digits up to 16 minutes, with nothing in a dead letter queue.
# Source: TimestampConverter.java uses SimpleDateFormat.parse(text): S is a whole number of milliseconds with any count of
#   digits, numbers beyond a field's range carry over, and what follows the part that fits is not read.
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

cat > "$tmp/Timestamps.java" <<'JAVA'
import java.util.Map;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.transforms.TimestampConverter;

public class Timestamps {
    public static void main(String[] arguments) {
        for (int i = 0; i < arguments.length; i += 2) {
            try (TimestampConverter<SourceRecord> converter = new TimestampConverter.Value<>()) {
                converter.configure(Map.of("target.type", "Timestamp", "format", arguments[i]));
                SourceRecord record = new SourceRecord(null, null, "topic", 0, null, arguments[i + 1]);
                java.util.Date read = (java.util.Date) converter.apply(record).value();
                System.out.println(arguments[i + 1] + " -> " + read.toInstant());
            }
        }
    }
}
JAVA
plain='yyyy-MM-dd HH:mm:ss'
java -Xmx128m -cp "$tmp/jars/*" "$tmp/Timestamps.java" "$plain.SSS" '2024-01-01 10:00:00.123' \
  "$plain.SSS" '2024-01-01 10:00:00.123456' "$plain.SSSSSS" '2024-01-01 10:00:00.123456' \
  "$plain.SSS" '2024-01-01 10:00:00.5' "$plain.SSS" '2024-01-01 10:00:00.123456789' \
  "yyyy-MM-dd'T'HH:mm:ss" '2024-01-01T10:00:00+02:00' "yyyy-MM-dd'T'HH:mm:ssX" '2024-01-01T10:00:00+02:00' \
  yyyyMMdd 2024-01-01 > "$tmp/seen" 2> "$tmp/java.log" || unrunnable "the transform did not run: $(tail -1 "$tmp/java.log")"

echo "TimestampConverter of Kafka $kafka, the text and the moment that it is:"
sed 's/^/  /' "$tmp/seen"
cat > "$tmp/described" <<'TEXT'
2024-01-01 10:00:00.123 -> 2024-01-01T10:00:00.123Z
2024-01-01 10:00:00.123456 -> 2024-01-01T10:02:03.456Z
2024-01-01 10:00:00.123456 -> 2024-01-01T10:02:03.456Z
2024-01-01 10:00:00.5 -> 2024-01-01T10:00:00.005Z
2024-01-01 10:00:00.123456789 -> 2024-01-02T20:17:36.789Z
2024-01-01T10:00:00+02:00 -> 2024-01-01T10:00:00Z
2024-01-01T10:00:00+02:00 -> 2024-01-01T08:00:00Z
2024-01-01 -> 2023-12-01T00:00:00Z
TEXT
cmp -s "$tmp/seen" "$tmp/described" || changed "texts are read otherwise now"
echo "as described: only the first, and the one whose format names the zone, are right"
