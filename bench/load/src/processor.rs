//! CPU time of a server, from /proc.

use std::fs;
use std::io;

/// What a process and its descendants have used so far, user and system, in seconds.
///
/// To the nanosecond where they have one thread each (nginx); to the hundredth of a second elsewhere.
pub fn seconds(root: u32) -> io::Result<f64> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // Some end while they are looked at.
        let Ok(stat) = fs::read_to_string(format!("/proc/{number}/stat")) else { continue };
        if let Some(process) = Process::parse(number, &stat) {
            processes.push(process);
        }
    }

    let mut family = vec![root];
    let mut at = 0;
    while let Some(&parent) = family.get(at) {
        family.extend(processes.iter().filter(|process| process.parent == parent).map(|process| process.number));
        at += 1;
    }
    let members = processes.iter().filter(|process| family.contains(&process.number));
    Ok(members.map(Process::seconds).sum())
}

struct Process {
    number: u32,
    parent: u32,
    threads: u32,
    /// User and system time, its own and of children that have ended.
    ticks: u64,
}

impl Process {
    fn parse(number: u32, stat: &str) -> Option<Self> {
        // The name, in parentheses, may contain anything.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            number,
            parent: field(4)? as u32,
            threads: field(20)? as u32,
            ticks: field(14)? + field(15)? + field(16)? + field(17)?,
        })
    }

    fn seconds(&self) -> f64 {
        let exact = || {
            let schedstat = fs::read_to_string(format!("/proc/{}/schedstat", self.number)).ok()?;
            Some(schedstat.split_whitespace().next()?.parse::<f64>().ok()? / 1e9)
        };
        // Linux counts in hundredths for user space, whatever it counts in itself.
        (self.threads == 1).then(exact).flatten().unwrap_or(self.ticks as f64 / 100.0)
    }
}
