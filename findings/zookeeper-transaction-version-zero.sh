#!/usr/bin/env bash
# A transaction of node-zookeeper-client that expects version 0 expects any version
#
# Versions: node-zookeeper-client 1.1.3 (npm), Apache ZooKeeper 3.9.4, kazoo 2.11.0 (Python) to compare.
# Behaviour: a node is at version 2. transaction().check, .setData and .remove with the version 0 all succeed on it, the
#   last one deletes it. With the version 1 they fail with BAD_VERSION, and so does setData with the version 0 outside
#   of a transaction. kazoo's transaction fails with BadVersionError.
# Why it matters: 0 is the version of every node that nobody has written since it was created, thus what a first writer
#   has read. Of two that compete for it both win and one write is lost; a transaction is chosen because the
#   comparison matters, and it works in a test whose node had been written once.
# Source: lib/Transaction.js, "version = version || -1" in all three; index.js counts arguments instead.
set -euo pipefail
tmp=$(mktemp -d)
pids=()
finish() {
  for pid in ${pids[@]+"${pids[@]}"}; do kill "$pid" 2>/dev/null || true; done
  for pid in ${pids[@]+"${pids[@]}"}; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$tmp"
}
trap finish EXIT
unrunnable() { echo "COULD NOT BE RUN: $*" >&2; exit 2; }
changed() { echo "CHANGED: $*" >&2; exit 1; }

zookeeper=3.9.4
cat > "$tmp/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>findings</groupId><artifactId>zookeeper</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
<dependency><groupId>org.apache.zookeeper</groupId><artifactId>zookeeper</artifactId><version>$zookeeper</version></dependency>
<dependency><groupId>io.dropwizard.metrics</groupId><artifactId>metrics-core</artifactId><version>4.1.12.1</version></dependency>
<dependency><groupId>org.xerial.snappy</groupId><artifactId>snappy-java</artifactId><version>1.1.10.5</version></dependency>
</dependencies></project>
POM
mvn -q -B -f "$tmp/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$tmp/jars" \
  > "$tmp/mvn.log" 2>&1 || unrunnable "Maven did not bring Apache ZooKeeper $zookeeper"
client=1.1.3
(cd "$tmp" && npm init -y && npm install --no-audit --no-fund "node-zookeeper-client@$client") > "$tmp/npm.log" 2>&1 \
  || unrunnable "npm did not install node-zookeeper-client"
python3 -m venv "$tmp/venv" && "$tmp/venv/bin/pip" -q install kazoo==2.11.0 > "$tmp/pip.log" 2>&1 \
  || unrunnable "pip did not install kazoo"

port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
printf 'tickTime=2000\ndataDir=%s\nclientPort=%s\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n' \
  "$tmp/data" "$port" > "$tmp/zoo.cfg"
java -Xmx96m -cp "$tmp/jars/*" org.apache.zookeeper.server.ZooKeeperServerMain "$tmp/zoo.cfg" > "$tmp/server.log" 2>&1 &
pids+=($!)
listens() { for _ in $(seq 120); do (: < "/dev/tcp/127.0.0.1/$port") 2>/dev/null && return; sleep 0.5; done; return 1; }
listens || unrunnable "ZooKeeper does not listen on port $port"

# Each makes a node, writes it twice and asks for what only another version allows.
cat > "$tmp/transactions.js" <<'JS'
const zookeeper = require('node-zookeeper-client')
const client = zookeeper.createClient(process.argv[2])
const call = (object, method, ...given) => new Promise(resolve =>
  object[method](...given, error => resolve(error ? error.getName() : 'succeeds')))
const transaction = (method, ...given) => call(client.transaction()[method]('/node', ...given), 'commit')
client.once('connected', async () => {
  const data = Buffer.from('data')
  await call(client, 'create', '/node', data)
  await call(client, 'setData', '/node', data)
  await call(client, 'setData', '/node', data)
  console.log('setData, version 0, no transaction:', await call(client, 'setData', '/node', data, 0))
  for (const version of [1, 0]) {
    console.log(`transaction, check version ${version}:`, await transaction('check', version))
    console.log(`transaction, setData version ${version}:`, await transaction('setData', data, version))
    console.log(`transaction, remove version ${version}:`, await transaction('remove', version))
  }
  client.close()
})
client.connect()
JS
cat > "$tmp/transactions.py" <<'PYTHON'
import sys
from kazoo.client import KazooClient
client = KazooClient(hosts=sys.argv[1])
client.start(timeout=30)
client.create("/other", b"data")
client.set("/other", b"data")
client.set("/other", b"data")
for name, given in (("check", (0,)), ("set_data", (b"data", 0)), ("delete", (0,))):
    transaction = client.transaction()
    getattr(transaction, name)("/other", *given)
    print(f"transaction, {name} version 0:", type(transaction.commit()[0]).__name__)
client.stop()
PYTHON
timeout 60 "$tmp/venv/bin/python" "$tmp/transactions.py" "127.0.0.1:$port" > "$tmp/kazoo" 2> "$tmp/python.log" \
  || unrunnable "kazoo did not end: $(tail -1 "$tmp/python.log")"
(cd "$tmp" && timeout 60 node transactions.js "127.0.0.1:$port") > "$tmp/node" 2> "$tmp/node.log" \
  || unrunnable "node-zookeeper-client did not end: $(tail -1 "$tmp/node.log")"

echo "Apache ZooKeeper $zookeeper, a node at version 2; kazoo 2.11.0, as expected:"
sed 's/^/  /' "$tmp/kazoo"
echo "node-zookeeper-client $client:"
sed 's/^/  /' "$tmp/node"
[ "$(grep -c BadVersionError "$tmp/kazoo")" = 3 ] || unrunnable "the reference client behaves otherwise"
cat > "$tmp/described" <<'TEXT'
setData, version 0, no transaction: BAD_VERSION
transaction, check version 1: BAD_VERSION
transaction, setData version 1: BAD_VERSION
transaction, remove version 1: BAD_VERSION
transaction, check version 0: succeeds
transaction, setData version 0: succeeds
transaction, remove version 0: succeeds
TEXT
cmp -s "$tmp/node" "$tmp/described" || changed "a transaction compares versions otherwise now"
echo "as described: in a transaction, version 0 is taken for no version"
