//! The rings are what they were asked to be; tasks, timers and panics behave.
#![expect(unsafe_code, reason = "asks the kernel about a ring")]

use super::*;
use std::cell::Cell;

/// The number of completions the kernel has posted to a ring, as it tells itself.
fn posted(ring: i32) -> u64 {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{ring}")).unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix("CqTail:"));
    line.unwrap().trim().parse().unwrap()
}

/// Makes an operation complete while the task runs on, making system calls. Says whether the
/// kernel posted the completion before the ring was entered.
fn completes_behind_our_back(runtime: &Runtime) -> bool {
    let ring = runtime.as_raw_fd();
    runtime.block_on(async {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let reading = compio::runtime::spawn(async move {
            let op = compio::driver::op::Read::new(reader, Vec::with_capacity(8));
            compio::runtime::submit(op).await.0.unwrap()
        });
        // Entered a few times, the ring has surely armed the read.
        for _ in 0..3 {
            yield_now().await;
            runtime_nop().await;
        }
        let before = posted(ring);
        rustix::io::write(&writer, b"x").unwrap();
        for _ in 0..100 {
            rustix::thread::sched_yield();
        }
        let after = posted(ring);
        assert_eq!(reading.await.unwrap(), 1);
        after > before
    })
}

/// An operation that makes the ring wait for a completion.
async fn runtime_nop() {
    let zero = std::fs::File::open("/dev/zero").unwrap();
    let op = compio::driver::op::Read::new(zero, Vec::with_capacity(1));
    compio::runtime::submit(op).await.0.unwrap();
}

/// `IORING_SETUP_DEFER_TASKRUN`: completions come only when the ring is entered for them. A ring
/// of the default kind, which posts them after any system call, shows that this test can tell.
#[test]
fn the_kernel_defers_completions() {
    assert!(!completes_behind_our_back(&build().unwrap()));
    assert!(completes_behind_our_back(&Runtime::new().unwrap()));
}

/// `IORING_SETUP_SINGLE_ISSUER`: another thread that enters the ring is refused.
#[test]
fn the_kernel_keeps_other_threads_off_the_ring() {
    let enter_elsewhere = |runtime: &Runtime| {
        let ring = runtime.as_raw_fd();
        let entering = std::thread::spawn(move || {
            // SAFETY: the queue is empty, so this submits nothing; it waits for nothing and no memory is
            // passed.
            let result = unsafe { libc::syscall(libc::SYS_io_uring_enter, ring, 1, 0, 0, 0, 0) };
            (result == -1).then(|| io::Error::last_os_error().raw_os_error().unwrap())
        });
        entering.join().unwrap()
    };
    assert_eq!(enter_elsewhere(&build().unwrap()), Some(libc::EEXIST));
    assert_eq!(enter_elsewhere(&Runtime::new().unwrap()), None);
}

#[test]
fn pinned_threads_stay() {
    let cpu = cpus()[0];
    std::thread::spawn(move || {
        run_on_core(cpu, async {
            assert_eq!(cpus(), [cpu]);
        })
        .unwrap();
        assert!(matches!(pin(1 << 20), Err(RuntimeError::Pin { .. })));
    })
    .join()
    .unwrap();
}

#[test]
fn sleeps_are_never_short() {
    run(async {
        let start = Instant::now();
        let sleeps = [30u64, 5, 100, 0, 1, 70].map(|ms| async move {
            sleep(Duration::from_millis(ms)).await;
            assert!(start.elapsed() >= Duration::from_millis(ms));
        });
        futures_util::future::join_all(sleeps).await;
    })
    .unwrap();
}

#[test]
fn a_sleep_can_be_moved_both_ways() {
    run(async {
        let start = Instant::now();
        let mut later = sleep(Duration::from_millis(10));
        assert!((&mut later).now_or_never().is_none());
        later.reset(Duration::from_millis(60));
        later.await;
        assert!(start.elapsed() >= Duration::from_millis(60));

        let start = Instant::now();
        let mut sooner = sleep(Duration::from_secs(600));
        assert!((&mut sooner).now_or_never().is_none());
        sooner.reset(Duration::from_millis(10));
        sooner.await;
        assert!(start.elapsed() < Duration::from_secs(300));
    })
    .unwrap();
}

#[test]
fn timeouts_cut_off_or_let_through() {
    run(async {
        let forever = timeout(Duration::from_millis(5), std::future::pending::<()>()).await;
        assert_eq!(forever, Err(Elapsed));
        let quick = timeout(Duration::from_secs(60), async {
            yield_now().await;
            3
        });
        assert_eq!(quick.await, Ok(3));
    })
    .unwrap();
}

#[test]
fn a_panic_ends_one_task_only() {
    run(async {
        let survived = Rc::new(Cell::new(false));
        let other = survived.clone();
        spawn(async { panic!("as the test wants it") });
        spawn(async move {
            yield_now().await;
            other.set(true);
        });
        while !survived.get() {
            yield_now().await;
        }
    })
    .unwrap();
}

#[test]
fn a_panic_of_the_root_comes_out() {
    let result = catch_unwind(|| run(async { panic!("as the test wants it") }));
    assert!(result.is_err());
    assert_eq!(run(async { 5 }).unwrap(), 5);
}

/// What is left at the end is dropped, so that files and sockets close.
#[test]
fn tasks_left_are_dropped() {
    let token = Arc::new(());
    let held = token.clone();
    run(async {
        spawn(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        yield_now().await;
    })
    .unwrap();
    assert_eq!(Arc::strong_count(&token), 1);
}

/// A task that is always ready must not keep completions and timers from being seen.
#[test]
fn a_busy_task_starves_nobody() {
    run(async {
        spawn(async {
            loop {
                yield_now().await;
            }
        });
        for _ in 0..10 {
            runtime_nop().await;
            sleep(Duration::from_millis(1)).await;
        }
    })
    .unwrap();
}
