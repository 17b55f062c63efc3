//! Types that are kept mirror types of the program, field by field: the compiler names a field that has no mirror.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::state::Timestamp;
use wire::{
    BrokerId, GroupState, LeaderEpoch, Offset, TopicPartition, TransactionState, report::ReportLine,
};

/// A type that keeps what a `T` holds.
pub(in crate::recording) trait Mirror<T>: Sized {
    /// How this is kept.
    fn of(it: T) -> Self;
    /// What was kept.
    fn back(self) -> T;
}

/// Types that are kept as they are: plain values, and nouns of the wire.
macro_rules! kept_as_they_are {
    ($($type:ty),* $(,)?) => {$(
        impl Mirror<$type> for $type {
            fn of(it: $type) -> Self {
                it
            }
            fn back(self) -> $type {
                self
            }
        }
    )*};
}

kept_as_they_are!(
    bool,
    char,
    i16,
    i32,
    i64,
    u8,
    u16,
    u32,
    u64,
    usize,
    String,
    Duration,
    Timestamp,
    BrokerId,
    GroupState,
    LeaderEpoch,
    Offset,
    TopicPartition,
    TransactionState,
    ReportLine,
);

impl<T, S: Mirror<T>> Mirror<Option<T>> for Option<S> {
    fn of(it: Option<T>) -> Self {
        it.map(S::of)
    }
    fn back(self) -> Option<T> {
        self.map(S::back)
    }
}

impl<T, S: Mirror<T>> Mirror<Box<T>> for Box<S> {
    fn of(it: Box<T>) -> Self {
        Self::new(S::of(*it))
    }
    fn back(self) -> Box<T> {
        Box::new((*self).back())
    }
}

impl<T, S: Mirror<T>> Mirror<Vec<T>> for Vec<S> {
    fn of(it: Vec<T>) -> Self {
        it.into_iter().map(S::of).collect()
    }
    fn back(self) -> Vec<T> {
        self.into_iter().map(S::back).collect()
    }
}

impl<T: Ord, S: Mirror<T> + Ord> Mirror<BTreeSet<T>> for BTreeSet<S> {
    fn of(it: BTreeSet<T>) -> Self {
        it.into_iter().map(S::of).collect()
    }
    fn back(self) -> BTreeSet<T> {
        self.into_iter().map(S::back).collect()
    }
}

impl<K: Ord, V, S: Mirror<K> + Ord, R: Mirror<V>> Mirror<BTreeMap<K, V>> for BTreeMap<S, R> {
    fn of(it: BTreeMap<K, V>) -> Self {
        it.into_iter().map(Mirror::of).collect()
    }
    fn back(self) -> BTreeMap<K, V> {
        self.into_iter().map(Mirror::back).collect()
    }
}

impl<T, U, S: Mirror<T>, R: Mirror<U>> Mirror<(T, U)> for (S, R) {
    fn of((first, second): (T, U)) -> Self {
        (S::of(first), R::of(second))
    }
    fn back(self) -> (T, U) {
        (self.0.back(), self.1.back())
    }
}

/// `Stored of Original { field: Type, ... }`: all fields of the original.
macro_rules! stored_struct {
    ($(#[$meta:meta])* $name:ident of $of:ident {
        $($(#[$attribute:meta])* $field:ident : $type:ty),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, ::serde::Serialize, ::serde::Deserialize)]
        pub(in crate::recording) struct $name {
            $($(#[$attribute])* $field: $type),*
        }

        impl $crate::recording::format::mirror::Mirror<$of> for $name {
            fn of(it: $of) -> Self {
                let $of { $($field),* } = it;
                Self {
                    $($field: $crate::recording::format::mirror::Mirror::of($field)),*
                }
            }
            fn back(self) -> $of {
                let Self { $($field),* } = self;
                $of {
                    $($field: $crate::recording::format::mirror::Mirror::back($field)),*
                }
            }
        }
    };
}

/// `Stored of Original { Variant, Variant(name: Type), Variant { field: Type, ... }, ... }`: all variants.
macro_rules! stored_enum {
    ($(#[$meta:meta])* $name:ident of $of:ident {
        $($variant:ident
            $({ $($(#[$attribute:meta])* $field:ident : $type:ty),* $(,)? })?
            $(( $inner:ident : $inner_type:ty ))?
        ),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, ::serde::Serialize, ::serde::Deserialize)]
        pub(in crate::recording) enum $name {
            $($variant $({ $($(#[$attribute])* $field: $type),* })? $(($inner_type))?),*
        }

        impl $crate::recording::format::mirror::Mirror<$of> for $name {
            fn of(it: $of) -> Self {
                match it {
                    $($of::$variant $({ $($field),* })? $(($inner))? => Self::$variant
                        $({ $($field: $crate::recording::format::mirror::Mirror::of($field)),* })?
                        $(($crate::recording::format::mirror::Mirror::of($inner)))?),*
                }
            }
            fn back(self) -> $of {
                match self {
                    $(Self::$variant $({ $($field),* })? $(($inner))? => $of::$variant
                        $({ $($field: $crate::recording::format::mirror::Mirror::back($field)),* })?
                        $(($crate::recording::format::mirror::Mirror::back($inner)))?),*
                }
            }
        }
    };
}

pub(super) use {stored_enum, stored_struct};
