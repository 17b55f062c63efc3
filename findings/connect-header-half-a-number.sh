#!/usr/bin/env bash
# Kafka Connect's default header converter keeps 12 of 12:30, and of a date before 1970 nothing
#
# Versions: Apache Kafka 4.4.0 (connect-api, SimpleHeaderConverter), Java 17.
# Behaviour: a header is bytes, and the converter guesses what they mean. Where a colon or a comma follows a number it
#   keeps the number and drops the rest: "12:30" is 12, "3,50" is 3, "10,20,30" is 10. The dates 1969-07-20 and
#   1958-03-09 are read rightly and both written as "00:00:00.000Z". The commit 5e18372 is the number 5E+18372, the
#   version 1.10 is 1.1, the code 007 is 7. None gives an error; "at-12:30", "1970-01-02" and "1.10.0" stay as they are.
# Why it matters: few set header.converter, and every worker without it has this one. A sink stores the half, and what
#   goes on to a topic is another text. Prices, lists of ids, times of day and birthdays are changed, and of
#   random commits of seven digits one in fifty; a test with words and whole numbers sees nothing.
# Source: org/apache/kafka/connect/data/Values.java. A text is cut at , : [ ] { } and quotes; for true, false and null
#   it is asked whether anything follows, for numbers it is not (KAFKA-20892, open). dateFormatFor takes every moment
#   that is less than a day after the beginning of 1970 for a time of day, thus all that lie before it.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unrunnable() { echo "COULD NOT BE RUN: $*" >&2; exit 2; }
changed() { echo "CHANGED: $*" >&2; exit 1; }

kafka=4.4.0
cat > "$tmp/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>findings</groupId><artifactId>headers</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>connect-api</artifactId><version>$kafka</version></dependency>
</dependencies></project>
POM
mvn -q -B -f "$tmp/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$tmp/jars" \
  > "$tmp/mvn.log" 2>&1 || unrunnable "Maven did not bring connect-api $kafka"

cat > "$tmp/Headers.java" <<'JAVA'
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.storage.SimpleHeaderConverter;

public class Headers {
    static final SimpleHeaderConverter CONVERTER = new SimpleHeaderConverter();

    public static void main(String[] headers) {
        CONVERTER.configure(Map.of());
        for (String header : headers) {
            SchemaAndValue given = CONVERTER.toConnectHeader("topic", "header", header.getBytes(StandardCharsets.UTF_8));
            System.out.println(header + " " + given.schema().type() + " " + written(given));
        }
        Random random = new Random(1);
        int changed = 0;
        for (int i = 0; i < 20_000; i++) {
            String commit = String.format("%07x", random.nextInt() & 0xfffffff);
            SchemaAndValue given = CONVERTER.toConnectHeader("topic", "commit", commit.getBytes(StandardCharsets.UTF_8));
            if (!written(given).equals(commit)) {
                changed++;
            }
        }
        System.out.println("of 20000 random commits " + changed + " are written otherwise");
    }

    static String written(SchemaAndValue given) {
        return new String(CONVERTER.fromConnectHeader("topic", "header", given.schema(), given.value()), StandardCharsets.UTF_8);
    }
}
JAVA
headers=(12:30 3,50 10,20,30 1969-07-20 1958-03-09 5e18372 1.10 007 at-12:30 1970-01-02 1.10.0)
TZ=UTC java -Xmx128m -cp "$tmp/jars/*" "$tmp/Headers.java" "${headers[@]}" > "$tmp/seen" 2> "$tmp/java.log" \
  || unrunnable "the converter did not run: $(tail -1 "$tmp/java.log")"

echo "SimpleHeaderConverter of Kafka $kafka: the header, what a connector is given, what is written again"
sed 's/^/  /' "$tmp/seen"
cat > "$tmp/described" <<'TEXT'
12:30 INT8 12
3,50 INT8 3
10,20,30 INT8 10
1969-07-20 INT32 00:00:00.000Z
1958-03-09 INT32 00:00:00.000Z
5e18372 BYTES 5E+18372
1.10 FLOAT32 1.1
007 INT8 7
at-12:30 STRING at-12:30
1970-01-02 INT32 1970-01-02
1.10.0 STRING 1.10.0
TEXT
head -n "${#headers[@]}" "$tmp/seen" | cmp -s - "$tmp/described" || changed "headers are read or written otherwise now"
commits=$(sed -n 's/^of 20000 random commits \([0-9]*\) .*/\1/p' "$tmp/seen")
[ "$commits" -gt 200 ] || changed "of 20000 random commits only $commits are written otherwise"
echo "as described: half a number, and no date, without an error"
