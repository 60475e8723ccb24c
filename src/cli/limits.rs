//! The memory still available to this process: free memory, and the limits of the system, the shell or a container.

use std::{fs, path::Path};

/// Available memory, and the limit that determines it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) bytes: usize,
    /// Words that follow the number of bytes in a sentence: `of memory are free`.
    pub(crate) what: String,
}

/// The tightest of all limits; `None` if the system reports none.
pub(crate) fn room() -> Option<Room> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let free = kibibytes(&read("/proc/meminfo"), "MemAvailable:");
    let free = free.map(|bytes| Room { bytes, what: "of memory are free".to_owned() });
    let process = of_process(&read("/proc/self/limits"), &read("/proc/self/status"));
    let container = of_container(&read("/proc/self/cgroup"), Path::new("/sys/fs/cgroup"));
    free.into_iter().chain(process).chain(container).min_by_key(|room| room.bytes)
}

/// The value of a line such as `MemAvailable:   1024 kB`, in bytes.
fn kibibytes(text: &str, name: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<usize>().ok()?.checked_mul(1024)
}

/// Memory left by the resource limits of the process.
fn of_process(limits: &str, status: &str) -> Vec<Room> {
    let kinds = [
        ("Max address space", "VmSize:", "of address space are left to this process (ulimit -v)"),
        ("Max data size", "VmData:", "of data are left to this process (ulimit -d)"),
    ];
    let room = |(limit, taken, what): (&str, &str, &str)| {
        let limit = limits.lines().find_map(|line| line.strip_prefix(limit))?;
        let limit: usize = limit.split_whitespace().next()?.parse().ok()?; // or the word "unlimited"
        let taken = kibibytes(status, taken).unwrap_or(0);
        Some(Room { bytes: limit.saturating_sub(taken), what: what.to_owned() })
    };
    kinds.into_iter().filter_map(room).collect()
}

/// Memory left by the control groups of the process, from its own up to the root. `groups` is the content of
/// `/proc/self/cgroup`, and `root` is where the groups are mounted.
fn of_container(groups: &str, root: &Path) -> Vec<Room> {
    let mut rooms = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let (mounts, limit, taken) = match controllers {
            "" => (["", "unified"], "memory.max", "memory.current"),
            _ if controllers.split(',').any(|controller| controller == "memory") => {
                (["memory", "."], "memory.limit_in_bytes", "memory.usage_in_bytes")
            }
            _ => continue,
        };
        for mount in mounts {
            let mount = root.join(mount);
            // In a container, the path may be that of the host, of which only the end is mounted.
            let path = Path::new(path.trim_start_matches('/'));
            rooms.extend(path.ancestors().filter_map(|group| of_group(&mount.join(group), limit, taken)));
        }
    }
    rooms
}

/// Memory left by the control group in `folder`. File caches that the system can drop do not count as used.
fn of_group(folder: &Path, limit: &str, taken: &str) -> Option<Room> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let number = |name: &str| read(name)?.trim().parse::<usize>().ok();
    let limit = number(limit)?; // or the word "max"
    let stat = read("memory.stat").unwrap_or_default();
    let value = |name: &str| {
        stat.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse::<usize>().ok())
    };
    let copies = value("total_inactive_file").or_else(|| value("inactive_file")).unwrap_or(0);
    let taken = number(taken).unwrap_or(0).saturating_sub(copies);
    let what = format!("of memory are left to this container or control group ({})", folder.display());
    Some(Room { bytes: limit.saturating_sub(taken), what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_the_process_count_beyond_what_it_has() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\n\
                      Max data size             unlimited            unlimited            bytes\n\
                      Max address space         307200000            unlimited            bytes\n";
        let rooms = of_process(limits, "VmSize:\t  100000 kB\nVmData:\t 5 kB\n");
        assert_eq!(rooms.len(), 1);
        assert_eq!(rooms[0].bytes, 307_200_000 - 102_400_000);
        assert_eq!(kibibytes("MemFree: 1 kB\nMemAvailable:    2048 kB\n", "MemAvailable:"), Some(2 << 20));
    }

    #[test]
    fn limits_of_containers_count_at_every_level() {
        let root = tempfile::tempdir().unwrap();
        let write = |group: &str, name: &str, text: &str| {
            fs::create_dir_all(root.path().join(group)).unwrap();
            fs::write(root.path().join(group).join(name), text).unwrap();
        };
        write("a", "memory.max", "1000\n");
        write("a", "memory.current", "700\n");
        write("a", "memory.stat", "anon 1\ninactive_file 300\n");
        write("a/b", "memory.max", "max\n");
        write("memory/c", "memory.limit_in_bytes", "500\n");
        write("memory/c", "memory.usage_in_bytes", "900\n");
        let bytes =
            |groups: &str| -> Vec<usize> { of_container(groups, root.path()).iter().map(|room| room.bytes).collect() };
        assert_eq!(bytes("0::/a/b\n"), [600]);
        assert_eq!(bytes("4:cpu,memory:/c\n0::/\n"), [0]);
        assert_eq!(bytes("0::/elsewhere\n1:name=systemd:/\n"), [0; 0]);
    }
}
