//! What processes cost: `/proc` knows.

#![expect(
    clippy::cast_precision_loss,
    reason = "figures are printed with three digits"
)]

use std::fs;

use anyhow::{Context, Result};

/// User and system time of these processes since they started.
pub fn cpu_seconds(pids: &[u32]) -> Result<f64> {
    let ticks_per_second = procfs::ticks_per_second() as f64;
    pids.iter()
        .map(|pid| {
            let stat = procfs::process::Process::new(i32::try_from(*pid)?)?.stat()?;
            Ok((stat.utime + stat.stime) as f64 / ticks_per_second)
        })
        .sum()
}

/// Proportional set size in MiB: shared pages are divided among the processes that share them.
pub fn memory_mib(pids: &[u32]) -> Result<f64> {
    let mut kib = 0_u64;
    for pid in pids {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        kib += text
            .lines()
            .find_map(|line| {
                let number = line.strip_prefix("Pss:")?;
                number.split_whitespace().next()?.parse::<u64>().ok()
            })
            .with_context(|| format!("no Pss of process {pid}"))?;
    }
    Ok(kib as f64 / 1024.0)
}
