//! `produce` and `consume` by the lines of `kafka-console-producer.sh` and `kafka-console-consumer.sh`; what is
//! expected is what the tools of Kafka 3.9 printed for the same lines.

use std::fmt::Write as _;

use crate::cluster::Cluster;
use crate::{refused, words};

/// Produces these lines; the exit code and what was said on stderr. A busy machine may take longer than the second after
/// which the command says that it waits.
fn produced(cluster: &Cluster, line: &str, input: &str) -> (Option<i32>, String) {
    let command = cluster.command(&words(line));
    let assert = assert_cmd::Command::from_std(command)
        .write_stdin(input.to_owned())
        .assert();
    let output = assert.get_output();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let said = said
        .split_inclusive('\n')
        .filter(|line| !line.ends_with(" acknowledgement: trying on\n"));
    (output.status.code(), said.collect())
}

/// What is printed of the first three records, and said on stderr.
fn consumed(cluster: &Cluster, options: &str) -> (String, String) {
    let line = format!("consume --topic q --from-beginning --max-messages 3 {options}");
    let (code, printed, said) = cluster.tried(&words(&line));
    assert_eq!(code, Some(0), "{line}: {said}");
    (printed, said)
}

/// Three records: with headers, with nothing, with a header that has no value.
fn cluster() -> Cluster {
    let cluster = Cluster::start(1, &[]);
    cluster.create_topic("q", 1, 1);
    let line = "produce --topic q --property parse.key=true --property key.separator=@ --property \
                parse.headers=true --property null.marker=NULL";
    let input = "h1:a,h2:b\tk1@v1\nNULL\tNULL@NULL\nh:NULL\tk2@v@2\n";
    assert_eq!(produced(&cluster, line, input), (Some(0), String::new()));
    cluster
}

#[test]
fn records_are_printed_by_the_properties_of_kafkas_formatter() {
    let cluster = cluster();
    let (printed, said) = consumed(&cluster, "");
    assert_eq!(printed, "v1\nnull\nv@2\n");
    assert_eq!(said, "Processed a total of 3 messages\n");
    let (printed, _) = consumed(
        &cluster,
        "--property print.key=TRUE --formatter-property key.separator=-- --property line.separator=; \
         --property null.literal=nil --property print.headers=true --property headers.separator=|",
    );
    assert_eq!(
        printed,
        "h1:a|h2:b--k1--v1;NO_HEADERS--nil--nil;h:nil--k2--v@2;"
    );
    let (printed, _) = consumed(
        &cluster,
        "--property print.timestamp=true --property print.key=true --property print.offset=true --property \
         print.partition=true",
    );
    let mut meant = String::new();
    for (offset, (line, record)) in printed
        .lines()
        .zip(["k1\tv1", "null\tnull", "k2\tv@2"])
        .enumerate()
    {
        let (time, _) = line.split_once('\t').expect("parts");
        assert!(
            time.strip_prefix("CreateTime:")
                .is_some_and(|ms| ms.parse::<i64>().is_ok()),
            "{line}"
        );
        let _ = writeln!(meant, "{time}\tPartition:0\tOffset:{offset}\t{record}");
    }
    assert_eq!(printed, meant);
    let (printed, _) = consumed(
        &cluster,
        "--property print.value=false --property print.headers=true",
    );
    assert_eq!(printed, "h1:a,h2:b\nNO_HEADERS\nh:null\n");
    assert_eq!(consumed(&cluster, "--property print.value=false").0, "");
}

#[test]
fn a_partition_is_read_from_an_offset_and_wrong_lines_are_told_so_in_kafkas_words() {
    let cluster = cluster();
    let from = |line: &str| cluster.run(&words(&format!("consume --topic q --partition 0 {line}")));
    assert_eq!(from("--offset 2 --max-messages 1"), "v@2\n");
    assert_eq!(from("--offset earliest --max-messages 1"), "v1\n");
    assert_eq!(from("--offset latest --timeout-ms 500"), "");
    let all = cluster.run(&words(
        "consume --include q|r --from-beginning --max-messages 3",
    ));
    assert_eq!(all, "v1\nnull\nv@2\n");
    let shared =
        "consume --topic q --from-beginning --max-messages 3 --consumer-property group.id=g";
    assert_eq!(cluster.run(&words(shared)), "v1\nnull\nv@2\n");
    assert_eq!(cluster.run(&["groups", "--list"]), "g\n");
    for (line, said) in [
        ("", "Exactly one of --include/--topic is required."),
        (
            "--topic q --include r",
            "Exactly one of --include/--topic is required.",
        ),
        (
            "--topic q --offset 1",
            "The partition is required when offset is specified.",
        ),
        (
            "--topic q --partition 0 --offset x",
            "The provided offset value 'x' is incorrect. Valid values are 'earliest', 'latest', or a non-negative long.",
        ),
        (
            "--topic q --partition 0 --offset -5",
            "The provided offset value '-5' is incorrect.",
        ),
        (
            "--topic q --partition 0 --offset 1 --from-beginning",
            "Options from-beginning and offset cannot be specified together.",
        ),
        (
            "--topic q --partition 0 --group g",
            "Options group and partition cannot be specified together.",
        ),
        (
            "--topic q --partition 7 --from-beginning",
            "there is no partition 7",
        ),
        (
            "--topic q --group g --command-property group.id=h",
            "Detected group ids: 'g', 'h'",
        ),
        (
            "--topic q --from-beginning --consumer-property auto.offset.reset=latest",
            "Can't simultaneously specify --from-beginning and 'auto.offset.reset=latest', please remove one option",
        ),
        (
            "--topic q --property print.key=true,key.separator=-",
            "print.key=true,key.separator=-: true or false expected",
        ),
        (
            "--topic q --partition 0 --offset 0 --value-deserializer \
             org.apache.kafka.common.serialization.LongDeserializer",
            "q-0 @0: Size of data received by LongDeserializer is not 8",
        ),
    ] {
        let refusal = refused(&cluster, &format!("consume {line}"));
        assert!(refusal.contains(said), "{line}: {refusal}");
    }
}

#[test]
fn lines_are_read_and_sent_by_the_flags_of_kafkas_producer() {
    let cluster = Cluster::start(1, &[]);
    cluster.create_topic("t", 1, 1);
    for (line, input) in [
        ("--property parse.key=false", "a:1\n"),
        (
            "--reader-property parse.key=true --property ignore.error=true",
            "b:2\n",
        ),
        (
            "--request-required-acks -1 --sync --compression-codec",
            "k:c\n",
        ),
        (
            "--request-required-acks 1 --compression-codec zstd --batch-size 100 --timeout 5",
            "k:d\n",
        ),
        (
            "--producer-property acks=0 --message-send-max-retries 0 --retry-backoff-ms 10",
            "k:e\n",
        ),
        (
            "--request-timeout-ms 1000 --max-memory-bytes 1000000 --socket-buffer-size 65536",
            "k:f\n",
        ),
        (
            "--metadata-expiry-ms 1000 --command-property linger.ms=1 --key-separator ;",
            "k;g\n",
        ),
    ] {
        let (code, said) = produced(&cluster, &format!("produce --topic t {line}"), input);
        assert_eq!((code, said.as_str()), (Some(0), ""), "{line}");
    }
    let read = cluster.run(&words(
        "consume --topic t --from-beginning --max-messages 7",
    ));
    assert_eq!(read, "a:1\nb:2\nc\nd\ne\nf\ng\n");
    for (line, said) in [
        (
            "--property parse.key=true",
            "No key separator found on line number 1: 'abc'",
        ),
        (
            "--property parse.headers=true",
            "No headers delimiter found on line number 1: 'abc'",
        ),
        (
            "--property null.marker=: --property parse.key=true --property key.separator=:",
            "null.marker and key.separator may not be equal",
        ),
        ("--producer-property nonsense=1", "nonsense"),
        (
            "--line-reader com.example.Mine",
            "classes of Java are not loaded here",
        ),
    ] {
        let (code, refusal) = produced(&cluster, &format!("produce --topic t {line}"), "abc\n");
        assert_eq!(code, Some(1), "{line}: {refusal}");
        assert!(refusal.contains(said), "{line}: {refusal}");
    }
    let (_, remark) = produced(
        &cluster,
        "produce --topic t --producer-property client.dns.lookup=use_all_dns_ips --acks all",
        "h\n",
    );
    assert_eq!(remark, "kafkarium: client.dns.lookup has no effect here\n");

    let (code, said) = produced(&cluster, "produce --topic nowhere", "a\n");
    assert_eq!(code, Some(1), "{said}");
    let sentence = "UNKNOWN_TOPIC_OR_PARTITION: there is no topic nowhere. kafkarium topics --create --topic nowhere makes it";
    assert!(said.contains(sentence), "{said}");
}

#[test]
fn settings_are_read_from_files_and_the_line_counts_more() {
    let cluster = cluster();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("consumer.properties");
    std::fs::write(
        &file,
        "group.id=of.file\nmax.poll.records=1\nauto.offset.reset=latest\n",
    )
    .expect("written");
    let line = format!(
        "consume --topic q --max-messages 3 --consumer.config {} --consumer-property auto.offset.reset=earliest",
        file.display()
    );
    let (code, printed, said) = cluster.tried(&words(&line));
    assert_eq!(
        (code, printed.as_str()),
        (Some(0), "v1\nnull\nv@2\n"),
        "{said}"
    );
    assert!(
        said.contains("max.poll.records has no effect here"),
        "{said}"
    );
    assert_eq!(cluster.run(&["groups", "--list"]), "of.file\n");
    let format = folder.path().join("format.properties");
    std::fs::write(&format, "print.key=true\nkey.separator==\n").expect("written");
    let (printed, _) = consumed(
        &cluster,
        &format!("--formatter-config {}", format.display()),
    );
    assert_eq!(printed, "k1=v1\nnull=null\nk2=v@2\n");
}

#[test]
fn old_spellings_say_what_to_write_today() {
    let cluster = Cluster::start(1, &[]);
    for (line, said) in [
        (
            "topics --create --zookeeper localhost:2181 --topic t",
            "write --bootstrap-server HOST:PORT",
        ),
        (
            "consume --zookeeper localhost:2181 -topic t",
            "write --bootstrap-server HOST:PORT",
        ),
        (
            "produce --broker-list localhost:9092 --topic t",
            "--broker-list is called --bootstrap-server today",
        ),
        (
            "produce -topic t",
            "-topic is written with two dashes today: --topic",
        ),
    ] {
        let refusal = refused(&cluster, line);
        assert!(
            refusal.contains(said) && refusal.lines().count() == 1,
            "{line}: {refusal}"
        );
    }
}
