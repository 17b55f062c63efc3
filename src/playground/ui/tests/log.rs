//! The Log at depth: what retention, compaction and transactions leave, and records in full.

use super::{
    assert_drawn, frame,
    session::{START_MS, Session, orders},
    text,
};
use crate::state::{
    Appearance, BatchSeen, BytesSeen, Glyphs, Key, Observation, PartitionOffsets, RecordKind,
    RecordSeen, Request,
};
use wire::{BrokerId, LeaderEpoch, Offset};

/// A record of an idempotent producer.
fn record(offset: i64, key: &str, value: &str) -> RecordSeen {
    RecordSeen {
        offset: Offset(offset),
        key: Some(key.into()),
        value: Some(value.into()),
        timestamp_ms: START_MS,
        size_bytes: u32::try_from(key.len() + value.len()).expect("short"),
        batch: BatchSeen {
            base_offset: Offset(offset - 2),
            last_offset: Offset(offset),
            size_bytes: 98,
            codec: "zstd".into(),
            producer_id: 1000,
            base_sequence: 12,
            leader_epoch: LeaderEpoch(4),
            ..BatchSeen::default()
        },
        ..RecordSeen::default()
    }
}

fn told(session: &mut Session, partition: i32, from: i64, upto: i64, records: Vec<RecordSeen>) {
    session.see(Observation::Records {
        partition: orders(partition),
        from: Offset(from),
        upto: Offset(upto),
        records,
    });
}

/// Retention took what lay before 38 of p0, compaction holes in p1, transactions in p2.
fn depth(size: (u16, u16), appearance: Appearance) -> Session {
    let mut session = Session::new(size, appearance);
    session.rebalancing();
    let offsets = |partition, start, high, stable: Option<i64>| PartitionOffsets {
        partition: orders(partition),
        log_start: Offset(start),
        high_watermark: Offset(high),
        last_stable: stable.map(Offset),
        ends: vec![(BrokerId(1), Offset(high)), (BrokerId(2), Offset(high))],
    };
    session.see(Observation::Offsets(vec![
        offsets(0, 38, 45, None),
        offsets(1, 0, 43, None),
        offsets(2, 0, 44, Some(42)),
    ]));
    let compacted = [34, 37, 38, 41].map(|offset| record(offset, "ben", "order"));
    told(&mut session, 1, 34, 43, compacted.to_vec());
    let transaction = [
        (34, "cleo", RecordKind::Data),
        (35, "fay", RecordKind::Data),
        (36, "", RecordKind::Commit),
        (37, "cleo", RecordKind::Data),
        (38, "cleo", RecordKind::Data),
        (39, "", RecordKind::Abort),
        (40, "cleo", RecordKind::Data),
        (41, "", RecordKind::Commit),
        (42, "fay", RecordKind::Data),
        (43, "fay", RecordKind::Data),
    ];
    let transaction = transaction
        .into_iter()
        .map(|(offset, key, kind)| {
            let mut record = record(offset, key, "order");
            record.kind = kind;
            record.batch.transactional = true;
            record
        })
        .collect();
    told(&mut session, 2, 34, 44, transaction);
    session
}

#[test]
fn retention_compaction_and_transactions_leave_their_signs() {
    let session = depth((120, 36), Appearance::default());
    assert_drawn("log_depth_120x36", &session.state);
    let session = depth((80, 24), Appearance::default());
    assert_drawn("log_depth_80x24", &session.state);
    let ascii = Appearance {
        glyphs: Glyphs::Ascii,
        ..Appearance::default()
    };
    let session = depth((200, 60), ascii);
    assert!(text(&frame(&session.state)).is_ascii());
    assert_drawn("log_depth_200x60_ascii", &session.state);
}

#[test]
fn an_opened_record_says_all_that_is_known_of_it() {
    let mut session = depth((120, 36), Appearance::default());
    let mut order = record(44, "amy", r#"{"order":7,"items":["tea","milk"]}"#);
    order.headers.push(("trace".into(), "7f3a".into()));
    told(&mut session, 0, 44, 45, vec![order]);
    session.key(Key::Tab);
    session.key(Key::Tab);
    session.key(Key::Enter);
    assert_drawn("opened_record_json_120x36", &session.state);
    session.press('i');
    session.press('i');
    assert_drawn("opened_record_hex_120x36", &session.state);
    session.key(Key::Left);
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains("Record @43"), "{drawn}");
}

#[test]
fn numbers_and_bytes_of_no_kind_say_what_they_are() {
    let mut session = depth((120, 36), Appearance::default());
    let mut order = record(44, "42", "0xffffffffffffffffffffffffffffffff");
    let bytes = |first: &[u8]| BytesSeen {
        first: first.to_vec(),
        count: u32::try_from(first.len()).expect("short"),
    };
    order.key_bytes = Some(bytes(&42_i64.to_be_bytes()));
    order.value_bytes = Some(bytes(&[0xff; 16]));
    told(&mut session, 0, 44, 45, vec![order]);
    session.key(Key::Tab);
    session.key(Key::Tab);
    session.key(Key::Enter);
    let drawn = text(&frame(&session.state));
    for said in [
        "key    42   long, big-endian, 8 B ",
        "value  hex, 16 B   i shows it another way ",
        "000000  ff ff ff",
    ] {
        assert!(drawn.contains(said), "{said}: {drawn}");
    }
    session.press('i');
    let drawn = text(&frame(&session.state));
    for said in [
        "value  text, what is none written out, 16 B",
        r"\xff\xff\xff",
    ] {
        assert!(drawn.contains(said), "{said}: {drawn}");
    }
}

#[test]
fn a_record_of_kafkajs_or_platformatic_without_a_key_is_read_whole_at_80_columns() {
    let mut session = depth((80, 24), Appearance::default());
    let mut order = record(44, "", "order");
    order.key = None;
    // Both number their batches without a producer id, and call its epoch 0.
    order.batch.producer_id = -1;
    told(&mut session, 0, 44, 45, vec![order]);
    session.key(Key::Tab);
    session.key(Key::Enter);
    let drawn = text(&frame(&session.state));
    for said in [
        "Java, librdkafka and franz-go ",
        "kafkajs and @platformatic/kafka take turns; ",
        "sarama, kafka-python and aiokafka pick at random ",
        "no producer id: its producer is not idempotent ",
    ] {
        assert!(drawn.contains(said), "{said}: {drawn}");
    }
}

#[test]
fn keys_of_any_script_and_of_none_leave_the_cells_where_they_are() {
    let mut session = depth((120, 36), Appearance::default());
    let keys = [
        "日本語",
        "🦀🦀🦀",
        "שלום",
        "e\u{301}e\u{301}",
        "\u{202e}rtl",
        "a\nb\tc",
    ];
    let mut records: Vec<RecordSeen> = (38..)
        .zip(keys)
        .map(|(offset, key)| record(offset, key, key))
        .collect();
    let mut binary = record(44, "0xff001b", "0xff001b");
    binary.key_bytes = Some(BytesSeen {
        first: vec![0xff, 0x00, 0x1b],
        count: 3,
    });
    records.push(binary);
    told(&mut session, 0, 38, 45, records);
    let drawn = frame(&session.state);
    let row = |y| -> Vec<String> {
        (0..120)
            .map(|x| drawn[(x, y)].symbol().to_owned())
            .collect()
    };
    let (offsets, records) = (row(8), row(9));
    for (x, sign) in offsets.iter().enumerate() {
        if ["│", "┃", "┊", "╞"].contains(&sign.as_str()) {
            assert_eq!(records.get(x), Some(sign), "column {x} of {records:?}");
        }
    }
    let all = text(&drawn);
    assert!(!all.contains('\u{202e}') && !all.contains('\t'), "{all}");
}

#[test]
fn who_looks_back_farther_than_the_tail_gets_the_records_read() {
    let mut session = depth((120, 36), Appearance::default());
    let end = 9000;
    session.offsets(0, end, &[(1, end), (2, end)]);
    let newest: Vec<RecordSeen> = (end - 200..end)
        .map(|offset| record(offset, "amy", "order"))
        .collect();
    told(&mut session, 0, end - 200, end, newest);
    session.key(Key::Tab);
    session.key(Key::Tab);
    let asked = session.press('g');
    let wanted = Request::ReadRecords {
        partition: orders(0),
        from: Offset(0),
        upto: Offset(200),
    };
    assert_eq!(asked, [wanted]);
    assert_eq!(session.press('l'), [], "the answer is on its way");
    let oldest: Vec<RecordSeen> = (0..200)
        .map(|offset| record(offset, "dan", "order"))
        .collect();
    told(&mut session, 0, 0, 200, oldest);
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains("│   0 │   1 │"), "{drawn}");
    assert!(drawn.contains("│ dan │ dan │"), "{drawn}");
    assert_eq!(session.press('l'), [], "all of it is known");
}
