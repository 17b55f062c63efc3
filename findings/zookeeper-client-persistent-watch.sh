#!/usr/bin/env bash
# A persistent watch of the Rust crate zookeeper-client is silent after a reconnect
#
# Versions: zookeeper-client 0.11.2 (crates.io), Apache ZooKeeper 3.9.4 (server, and its Java client to compare).
# Behaviour: the connection is cut and comes back within the session. The crate's persistent watch, which
#   reported the change before, reports none afterwards; its one-time watch still does, and so does a
#   persistent watch of the Java client. No error is given, and the session says SyncConnected.
# Why it matters: a watch for life is what one uses to follow brokers or topics without asking again. A
#   server's restart turns such a cache stale for good, and only for the kind of watch made to last.
# Source: src/session/watch.rs, resend_watches: "index = index.max(index)" leaves the index at 0, so the three
#   lists of SetWatches are sent and never the five of SetWatches2, which hold the persistent watches.
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

crate=0.11.2
mkdir -p "$tmp/watch/src"
cat > "$tmp/watch/Cargo.toml" <<TOML
[package]
name = "watch"
version = "0.1.0"
edition = "2021"
[dependencies]
zookeeper-client = { version = "=$crate", features = ["tokio"] }
tokio = { version = "=1.44.2", features = ["rt", "time", "net", "io-util", "macros"] }
[workspace]
TOML
cat > "$tmp/watch/src/main.rs" <<'RUST'
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::{sleep, timeout};
use zookeeper_client::{Acls, AddWatchMode, Client, CreateMode, EventType, PersistentWatcher};

async fn changed(watcher: &mut PersistentWatcher) -> bool {
    let data = async {
        while watcher.changed().await.event_type != EventType::NodeDataChanged {}
    };
    timeout(Duration::from_secs(5), data).await.is_ok()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ports: Vec<String> = std::env::args().skip(1).map(|port| format!("127.0.0.1:{port}")).collect();
    let writer = Client::connect(&ports[0]).await?;
    let reader = Client::connector().with_session_timeout(Duration::from_secs(20)).connect(&ports[1]).await?;
    let options = CreateMode::Persistent.with_acls(Acls::anyone_all());
    writer.create("/lasting", b"0", &options).await?;
    writer.create("/once", b"0", &options).await?;
    let mut lasting = reader.watch("/lasting", AddWatchMode::Persistent).await?;
    let (_, _, once) = reader.get_and_watch_data("/once").await?;

    writer.set_data("/lasting", b"1", None).await?;
    println!("before {}", changed(&mut lasting).await);
    let mut cut = tokio::net::TcpStream::connect(&ports[2]).await?;
    cut.read_to_end(&mut Vec::new()).await?;
    while reader.get_data("/once").await.is_err() {
        sleep(Duration::from_millis(100)).await;
    }
    println!("session {:?}", reader.state());
    writer.set_data("/once", b"1", None).await?;
    println!("once {}", timeout(Duration::from_secs(5), once.changed()).await.is_ok());
    writer.set_data("/lasting", b"2", None).await?;
    println!("lasting {}", changed(&mut lasting).await);
    Ok(())
}
RUST
(cd "$tmp/watch" && cargo build --quiet) > "$tmp/cargo.log" 2>&1 || unrunnable "the crate did not build"

cat > "$tmp/Lasting.java" <<'JAVA'
import java.util.concurrent.*;
import org.apache.zookeeper.*;
import org.apache.zookeeper.Watcher.Event.EventType;

class Lasting {
  static boolean changed(Semaphore changes) throws Exception { return changes.tryAcquire(5, TimeUnit.SECONDS); }
  public static void main(String[] ports) throws Exception {
    var connected = new Semaphore(0);
    var changes = new Semaphore(0);
    var reader = new ZooKeeper("127.0.0.1:" + ports[1], 20000, event -> {
      if (event.getState() == Watcher.Event.KeeperState.SyncConnected && event.getType() == EventType.None) connected.release();
    });
    connected.acquire();
    var writer = new ZooKeeper("127.0.0.1:" + ports[0], 20000, event -> {});
    writer.create("/java", new byte[1], ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
    reader.addWatch("/java", event -> {
      if (event.getType() == EventType.NodeDataChanged) changes.release();
    }, AddWatchMode.PERSISTENT);
    writer.setData("/java", new byte[2], -1);
    System.out.println("before " + changed(changes));
    new java.net.Socket("127.0.0.1", Integer.parseInt(ports[2])).getInputStream().readAllBytes();
    connected.acquire();
    reader.exists("/java", false); // answered after the watches were set again
    writer.setData("/java", new byte[3], -1);
    System.out.println("lasting " + changed(changes));
    writer.close();
    reader.close();
  }
}
JAVA

# The reader's way to the server: whoever connects to the third port cuts the connections of the second.
cat > "$tmp/proxy.py" <<'PYTHON'
import socket, sys, threading
server, way, cut = (int(port) for port in sys.argv[1:])
lock, open_now = threading.Lock(), []
def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
def cutting(listener):
    while True:
        asker, _ = listener.accept()
        with lock:
            for end in open_now:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            open_now.clear()
        asker.close()
threading.Thread(target=cutting, args=(socket.create_server(("127.0.0.1", cut)),), daemon=True).start()
listener = socket.create_server(("127.0.0.1", way))
while True:
    client, _ = listener.accept()
    try:
        upstream = socket.create_connection(("127.0.0.1", server))
    except OSError:
        client.close()
        continue
    with lock:
        open_now += [client, upstream]
    threading.Thread(target=copy, args=(client, upstream), daemon=True).start()
    threading.Thread(target=copy, args=(upstream, client), daemon=True).start()
PYTHON
read -r server way cut < <(python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(s.getsockname()[1] for s in held))')
printf 'tickTime=2000\ndataDir=%s\nclientPort=%s\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n' \
  "$tmp/data" "$server" > "$tmp/zoo.cfg"
java -Xmx96m -cp "$tmp/jars/*" org.apache.zookeeper.server.ZooKeeperServerMain "$tmp/zoo.cfg" > "$tmp/server.log" 2>&1 &
pids+=($!)
python3 "$tmp/proxy.py" "$server" "$way" "$cut" > "$tmp/proxy.log" 2>&1 &
pids+=($!)
for port in "$server" "$way"; do
  for _ in $(seq 120); do (: < "/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue 2; sleep 0.5; done
  unrunnable "nothing listens on port $port"
done

timeout 90 java -Xmx96m -cp "$tmp/jars/*" "$tmp/Lasting.java" "$server" "$way" "$cut" > "$tmp/java" 2> "$tmp/java.log" \
  || unrunnable "the Java client did not end: $(tail -1 "$tmp/java.log")"
timeout 90 "$tmp/watch/target/debug/watch" "$server" "$way" "$cut" > "$tmp/rust" 2> "$tmp/rust.log" \
  || unrunnable "the Rust client did not end: $(tail -1 "$tmp/rust.log")"
java=$(paste -sd, "$tmp/java")
rust=$(paste -sd, "$tmp/rust")
echo "Apache ZooKeeper $zookeeper: is a change reported before and after the connection was cut and came back?"
echo "Java client, persistent watch, as expected    : $java"
echo "zookeeper-client $crate, both kinds of watch  : $rust"
[ "$java" = 'before true,lasting true' ] || unrunnable "the reference client behaves otherwise"
[ "$rust" = 'before true,session SyncConnected,once true,lasting false' ] || changed "the crate's watches behave otherwise now"
echo "as described: the one-time watch is restored, the persistent one is not"
