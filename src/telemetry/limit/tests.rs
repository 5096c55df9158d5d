use super::super::cgroup::root_with;
use super::*;

#[test]
fn the_task_limit_comes_first_then_the_quota_then_the_cores() {
    let chosen = |task, quota, cores| {
        let limit = choose(task, quota, cores);
        (limit.cores(), limit.source())
    };
    assert_eq!(chosen(Some(0.25), Some(2.0), 2), (0.25, LimitSource::EcsTask));
    assert_eq!(chosen(None, Some(0.5), 1), (0.5, LimitSource::Cgroup));
    assert_eq!(chosen(None, Some(2.5), 2), (2.5, LimitSource::Cgroup));
    assert_eq!(chosen(None, None, 8), (8.0, LimitSource::Machine));
    // A quota above what the affinity mask or the machine gives is no limit.
    assert_eq!(chosen(None, Some(16.0), 4), (4.0, LimitSource::Machine));
    // What is no limit is passed over.
    assert_eq!(chosen(Some(0.0), Some(1.5), 1), (1.5, LimitSource::Cgroup));
    assert_eq!(chosen(Some(f64::NAN), None, 0), (1.0, LimitSource::Machine));
}

#[test]
fn threads_are_the_cores_rounded_up() {
    let threads = |cores| CpuLimit::new(cores, LimitSource::EcsTask).expect("a limit").threads();
    assert_eq!([0.25, 1.0, 1.5, 16.0].map(threads), [1, 1, 2, 16]);
}

#[test]
fn a_limit_says_where_it_is_from() {
    assert_eq!(choose(Some(0.5), None, 2).to_string(), "0.5 cores (ECS task)");
}

#[test]
fn a_quota_is_read_from_cpu_max() {
    assert_eq!(cpu_max("150000 100000\n"), Some(1.5));
    for text in ["max 100000\n", "", "150000", "x 100000", "150000 0", "-1 100000", "0 100000", "1 2 3"] {
        assert_eq!(cpu_max(text), None, "{text:?}");
    }
}

#[test]
fn the_first_version_says_minus_one_for_no_quota() {
    assert_eq!(ratio("50000\n", "100000\n"), Some(0.5));
    assert_eq!(ratio("-1\n", "100000\n"), None);
}

#[test]
fn the_smallest_quota_around_us_counts() {
    let root = root_with(&[
        ("a/b/cpu.max", "400000 100000"),
        ("a/cpu.max", "200000 100000"),
        ("other/cpu.max", "10000 100000"),
    ]);
    assert_eq!(cgroup_quota(root.path(), "0::/a/b\n"), Some(2.0));
    assert_eq!(cgroup_quota(root.path(), "0::/elsewhere\n"), None);
}

#[test]
fn in_a_container_the_root_is_our_group() {
    let root = root_with(&[("cpu.max", "50000 100000")]);
    assert_eq!(cgroup_quota(root.path(), "0::/\n"), Some(0.5));
    assert_eq!(cgroup_quota(root.path(), "0::/docker/of-the-host\n"), Some(0.5));
}

#[test]
fn the_first_version_is_found_by_its_controller() {
    let root = root_with(&[("cpu,cpuacct/cpu.cfs_quota_us", "25000"), ("cpu,cpuacct/cpu.cfs_period_us", "100000")]);
    let groups = "9:memory:/x\n4:cpu,cpuacct:/docker/x\n1:name=systemd:/x\n0::/x\n";
    assert_eq!(cgroup_quota(root.path(), groups), Some(0.25));
}

#[test]
fn what_is_no_cgroup_file_is_no_quota() {
    let root = root_with(&[]);
    for text in ["", "0", "0:", "0::", "::::", "0::relative", "\u{0}"] {
        assert_eq!(cgroup_quota(root.path(), text), None, "{text:?}");
    }
}
