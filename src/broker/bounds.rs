//! What a broker holds at most for its clients: connections, requests being read or handled, and answers that wait
//! for slow readers.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{Settings, configs::BrokerLayers, image::ClusterImage};
use wire::BrokerId;

/// Bytes of answers that wait for readers, from which on a fetch is answered with one batch: two of the largest
/// answers (`fetch.max.bytes` is 55 MiB). Kafka has no such bound, because it sends records from the page cache;
/// a broker here has them in memory.
const ANSWERS_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Bytes of requests in memory, `queued.max.request.bytes`: while they are used up, nothing is read from connections.
#[derive(Debug)]
pub(crate) struct RequestBytes {
    /// `None`: no bound.
    left: Option<Arc<Semaphore>>,
    /// Of all requests together.
    max: u32,
}

/// The bytes of one request, until it is dropped.
#[derive(Debug)]
pub(crate) struct HeldBytes {
    _permit: Option<OwnedSemaphorePermit>,
}

impl RequestBytes {
    pub(crate) fn new(queued_max_request_bytes: i64) -> Self {
        // What is more than a semaphore can count is more than a process can hold.
        let bytes = u64::try_from(queued_max_request_bytes).ok();
        let max = bytes.map_or(0, |bytes| u32::try_from(bytes).unwrap_or(u32::MAX));
        let permits = usize::try_from(max)
            .unwrap_or(usize::MAX)
            .min(Semaphore::MAX_PERMITS);
        Self {
            left: (max > 0).then(|| Arc::new(Semaphore::new(permits))),
            max,
        }
    }

    /// Waits until there is room for a request of so many bytes, in the order of those who ask.
    pub(crate) async fn hold(&self, bytes: usize) -> HeldBytes {
        let Some(left) = &self.left else {
            return HeldBytes { _permit: None };
        };
        // A request larger than all room, which the checks of the settings rule out, has all of it.
        let bytes = u32::try_from(bytes).unwrap_or(self.max).min(self.max);
        // The semaphore is never closed.
        let permit = Arc::clone(left).acquire_many_owned(bytes).await.ok();
        HeldBytes { _permit: permit }
    }
}

/// Bytes of answers that are ready and not yet taken by who asked for them.
#[derive(Debug, Default)]
pub(crate) struct AnswerBytes(AtomicUsize);

/// The bytes of one answer, until it is dropped.
#[derive(Debug)]
pub(crate) struct CountedAnswer<'a> {
    all: &'a AnswerBytes,
    bytes: usize,
}

impl AnswerBytes {
    /// How large a further answer may be beyond its first batch, which is always sent: whoever asks gets on.
    pub(crate) fn room(&self) -> usize {
        ANSWERS_BYTES_MAX.saturating_sub(self.0.load(Ordering::Relaxed))
    }

    /// Counts an answer that waits for its reader.
    pub(crate) fn count(&self, bytes: usize) -> CountedAnswer<'_> {
        self.0.fetch_add(bytes, Ordering::Relaxed);
        CountedAnswer { all: self, bytes }
    }
}

impl Drop for CountedAnswer<'_> {
    fn drop(&mut self) {
        self.all.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// How many connections a broker may have, as its configs say it now.
#[derive(Debug)]
pub(crate) struct ConnectionLimits {
    broker: BrokerId,
    started_with: Settings,
    images: watch::Receiver<Arc<ClusterImage>>,
    /// The image whose configs the numbers below are made of.
    read_from: Arc<ClusterImage>,
    all: usize,
    per_ip: usize,
    per_ip_overrides: BTreeMap<IpAddr, usize>,
}

impl ConnectionLimits {
    /// Those of now; [`Self::changed`] keeps up with the images.
    pub(crate) fn new(
        broker: BrokerId,
        started_with: Settings,
        images: watch::Receiver<Arc<ClusterImage>>,
    ) -> Self {
        let mut limits = Self {
            broker,
            started_with,
            images,
            read_from: Arc::default(),
            all: 0,
            per_ip: 0,
            per_ip_overrides: BTreeMap::new(),
        };
        let image = Arc::clone(&limits.images.borrow_and_update());
        limits.read(image);
        limits
    }

    /// Waits until broker configs are others, and takes them over. Dropped while it waits, it has changed nothing.
    pub(crate) async fn changed(&mut self) {
        loop {
            if self.images.changed().await.is_err() {
                // No more images come: the broker is about to end.
                return std::future::pending().await;
            }
            let image = Arc::clone(&self.images.borrow_and_update());
            let is_other = image.broker_configs != self.read_from.broker_configs;
            if is_other {
                return self.read(image);
            }
        }
    }

    fn read(&mut self, image: Arc<ClusterImage>) {
        let layers = BrokerLayers::of(&self.started_with, &image, self.broker);
        let settings = layers.effective();
        self.all = count(settings.max_connections);
        self.per_ip = count(settings.max_connections_per_ip);
        self.per_ip_overrides = overrides(&settings.max_connections_per_ip_overrides);
        self.read_from = image;
    }

    /// From all addresses together: `max.connections`.
    pub(crate) fn all(&self) -> usize {
        self.all
    }

    /// From one address: `max.connections.per.ip`, or what its overrides say of this one.
    fn of_address(&self, ip: IpAddr) -> usize {
        let own = self.per_ip_overrides.get(&ip);
        own.copied().unwrap_or(self.per_ip)
    }
}

/// Connections by where they come from.
#[derive(Debug, Default)]
pub(crate) struct ConnectionCounts {
    open: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

/// One connection's place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    from: IpAddr,
    open: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

impl ConnectionCounts {
    /// A place for a connection from there.
    ///
    /// # Errors
    /// So many are open already.
    pub(crate) fn enter(&self, from: IpAddr, limits: &ConnectionLimits) -> Result<Place, usize> {
        let max = limits.of_address(from);
        // A panic ends the process; a poisoned lock is never seen.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let here = open.get(&from).copied().unwrap_or(0);
        if here >= max {
            return Err(max);
        }
        open.insert(from, here + 1);
        Ok(Place {
            from,
            open: Arc::clone(&self.open),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&self.from) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                open.remove(&self.from);
            }
        }
    }
}

/// Connections that a setting allows.
fn count(number: i32) -> usize {
    usize::try_from(number).unwrap_or_default()
}

/// `127.0.0.1:200,::1:5`: addresses, each with a count behind its last colon.
fn overrides(text: &str) -> BTreeMap<IpAddr, usize> {
    let entries = text.split(',').filter(|entry| !entry.trim().is_empty());
    entries
        .filter_map(|entry| {
            let (address, count) = entry.trim().rsplit_once(':')?;
            let of = address.trim().trim_matches(['[', ']']).parse().ok().zip(count.trim().parse().ok());
            if of.is_none() {
                tracing::warn!(
                    "max.connections.per.ip.overrides: {} is not used: an address and a count expected, as in 127.0.0.1:200",
                    entry.trim()
                );
            }
            of
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::{
        net::{IpAddr, Ipv4Addr},
        sync::Arc,
    };

    use futures::FutureExt;
    use tokio::sync::watch;

    use super::{ANSWERS_BYTES_MAX, AnswerBytes, ConnectionCounts, ConnectionLimits, RequestBytes};
    use crate::{Settings, image::ClusterImage};
    use wire::BrokerId;

    #[test]
    fn requests_wait_while_their_bytes_are_used_up_and_go_on_in_turn() {
        let requests = RequestBytes::new(100);
        let first = requests.hold(60).now_or_never().expect("there is room");
        let mut large = Box::pin(requests.hold(80));
        assert!((&mut large).now_or_never().is_none(), "60 are held");
        let mut small = Box::pin(requests.hold(10));
        assert!(
            (&mut small).now_or_never().is_none(),
            "small ones do not overtake"
        );
        drop(first);
        let large = large.now_or_never().expect("there is room");
        let _small = small.now_or_never().expect("there is room");
        assert!(requests.hold(11).now_or_never().is_none(), "90 are held");
        drop(large);
        assert!(requests.hold(90).now_or_never().is_some());
        assert!(
            RequestBytes::new(-1)
                .hold(usize::MAX)
                .now_or_never()
                .is_some()
        );
    }

    #[test]
    fn a_request_that_is_not_waited_for_any_more_takes_no_room() {
        let requests = RequestBytes::new(100);
        let first = requests.hold(100).now_or_never();
        let mut gone = Box::pin(requests.hold(50));
        assert!((&mut gone).now_or_never().is_none());
        drop(gone);
        drop(first);
        assert!(requests.hold(100).now_or_never().is_some());
    }

    #[test]
    fn slow_readers_leave_less_room_for_the_next_answers() {
        let answers = AnswerBytes::default();
        let first = answers.count(ANSWERS_BYTES_MAX / 4);
        assert_eq!(answers.room(), ANSWERS_BYTES_MAX / 4 * 3);
        let second = answers.count(ANSWERS_BYTES_MAX);
        assert_eq!(answers.room(), 0);
        drop(first);
        drop(second);
        assert_eq!(answers.room(), ANSWERS_BYTES_MAX);
    }

    #[test]
    fn each_address_has_so_many_connections_or_those_it_is_given() {
        let mut settings = Settings::default();
        settings
            .set("max.connections.per.ip", "1")
            .expect("a number");
        settings
            .set("max.connections.per.ip.overrides", "127.0.0.2:2, ::1:0")
            .expect("a list");
        let (_images, watched) = watch::channel(Arc::default());
        let limits = ConnectionLimits::new(BrokerId(1), settings, watched);
        let counts = ConnectionCounts::default();
        let of = |last| IpAddr::from(Ipv4Addr::new(127, 0, 0, last));
        let place = counts.enter(of(1), &limits).expect("the first");
        assert_eq!(counts.enter(of(1), &limits).expect_err("the second"), 1);
        let _others =
            [counts.enter(of(2), &limits), counts.enter(of(2), &limits)].map(|it| it.expect("two"));
        assert_eq!(counts.enter(of(2), &limits).expect_err("the third"), 2);
        let ipv6 = "::1".parse().expect("an address");
        assert_eq!(counts.enter(ipv6, &limits).expect_err("none"), 0);
        drop(place);
        counts
            .enter(of(1), &limits)
            .expect("its place is free again");
    }

    #[test]
    fn limits_are_read_when_broker_configs_change_and_not_at_other_changes() {
        let own = BrokerId(1);
        let mut image = ClusterImage::default();
        let (images, watched) = watch::channel(Arc::new(image.clone()));
        let mut limits = ConnectionLimits::new(own, Settings::default(), watched);
        assert_eq!(limits.all(), 2_147_483_647);
        let config = |name: &str, value: &str| (name.to_owned(), value.to_owned());

        image.controller_epoch = 7;
        images.send_replace(Arc::new(image.clone()));
        assert!(limits.changed().now_or_never().is_none(), "no configs");

        let every = [
            config("max.connections", "9"),
            config("max.connections.per.ip", "3"),
        ];
        image.broker_configs.insert(None, every.into());
        images.send_replace(Arc::new(image.clone()));
        assert!(limits.changed().now_or_never().is_some());
        let at = |last| IpAddr::from(Ipv4Addr::new(127, 0, 0, last));
        assert_eq!((limits.all(), limits.of_address(at(2))), (9, 3));
        assert!(limits.changed().now_or_never().is_none(), "read already");

        let own_overrides = [config("max.connections.per.ip.overrides", "127.0.0.2:5")];
        image.broker_configs.insert(Some(own), own_overrides.into());
        images.send_replace(Arc::new(image));
        assert!(limits.changed().now_or_never().is_some());
        assert_eq!(limits.of_address(at(2)), 5);
        assert_eq!(limits.of_address(at(3)), 3);
        drop(images);
        assert!(limits.changed().now_or_never().is_none(), "it ends");
    }
}
