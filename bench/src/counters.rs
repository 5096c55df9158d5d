//! What callgrind and strace counted, read from what they print.

/// The system calls in the table that `strace -c -U name,calls` writes.
pub fn strace(text: &str) -> Option<u64> {
    text.lines().find_map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
        ["total", calls] => calls.parse().ok(),
        _ => None,
    })
}

/// The instructions in a dump of callgrind's.
pub fn callgrind(text: &str) -> Option<u64> {
    let line = |start: &str| text.lines().rev().find_map(|line| line.strip_prefix(start));
    line("totals:").or_else(|| line("summary:"))?.trim().split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strace_has_a_total() {
        let table = "syscall calls\n------- -----\nwritev 8000\nepoll_pwait 12600\n------- -----\ntotal 20600\n";
        assert_eq!(strace(table), Some(20_600));
        let table = "syscall calls\n------ ----\nepoll_wait 10\nread 5\n------ ----\ntotal 15\n";
        assert_eq!(strace(table), Some(15));
        assert_eq!(strace(""), None);
    }

    #[test]
    fn callgrind_has_a_total() {
        assert_eq!(callgrind("events: Ir\nfn=(1) main\n1 7\ntotals: 4711\n"), Some(4_711));
        assert_eq!(callgrind("events: Ir\nfn=a\n1 2\ntotals: 123456\n"), Some(123_456));
        assert_eq!(callgrind("events: Ir\nsummary: 42\n"), Some(42));
        assert_eq!(callgrind("fn=a\n"), None);
    }
}
