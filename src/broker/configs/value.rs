//! How a config becomes a value of a Rust type.

use super::check::{boolean, double};

/// A Rust type that a config can have.
pub(super) trait Value: Sized {
    fn read(text: &str) -> Option<Self>;

    /// What Kafka's default means.
    fn of_default(text: Option<&str>) -> Option<Self> {
        Self::read(text?)
    }
}

macro_rules! values {
    ($($type:ty, $read:expr;)*) => {
        $(impl Value for $type {
            fn read(text: &str) -> Option<Self> {
                $read(text.trim())
            }
        })*
    };
}

values! {
    bool, boolean;
    i32, |text: &str| text.parse().ok();
    i16, |text: &str| text.parse().ok();
    i64, |text: &str| text.parse().ok();
    f64, double;
    String, |text: &str| Some(text.to_owned());
}

impl<T: Value> Value for Option<T> {
    fn read(text: &str) -> Option<Self> {
        T::read(text).map(Some)
    }

    fn of_default(text: Option<&str>) -> Option<Self> {
        Some(text.and_then(T::read))
    }
}
