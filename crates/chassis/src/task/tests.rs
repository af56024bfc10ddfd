//! Tasks that fail, panic, end, and do not want to end.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::mpsc;

use super::*;

/// Waits for `count` signs of life.
async fn hear(signs: &mut mpsc::UnboundedReceiver<usize>, count: usize) {
    for _ in 0..count {
        tokio::time::timeout(Duration::from_secs(10), signs.recv())
            .await
            .unwrap()
            .unwrap();
    }
}

#[tokio::test]
async fn a_task_that_fails_or_panics_begins_again_and_one_that_ends_does_not() {
    let (sign, mut signs) = mpsc::unbounded_channel();
    let tries = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&tries);
    let mut tasks = Tasks::new(Shutdown::new());
    tasks.spawn(Task::new("test.flaky", move |_| {
        let attempt = counter.fetch_add(1, Ordering::SeqCst);
        sign.send(attempt).unwrap();
        async move {
            match attempt {
                0 => Err(anyhow::anyhow!("no luck")),
                1 => panic!("worse luck"),
                _ => Ok(()),
            }
        }
    }));
    hear(&mut signs, 3).await;
    // The sender lives in the task: the channel closes when the task has ended for good.
    assert_eq!(signs.recv().await, None);
    assert_eq!((tries.load(Ordering::SeqCst), tasks.running()), (3, 0));
}

#[tokio::test]
async fn a_panic_before_the_first_await_is_a_failure_too() {
    let (sign, mut signs) = mpsc::unbounded_channel();
    let mut tasks = Tasks::new(Shutdown::new());
    tasks.spawn(Task::new("test.early", move |_| {
        sign.send(0).unwrap();
        assert!(sign.is_closed(), "not yet");
        async {}
    }));
    hear(&mut signs, 2).await;
}

#[tokio::test]
async fn a_job_runs_at_once_and_then_by_the_clock_whether_it_fails_or_not() {
    let (sign, mut signs) = mpsc::unbounded_channel();
    let mut tasks = Tasks::new(Shutdown::new());
    let mut run = 0;
    tasks.spawn(Task::every(
        "test.job",
        Duration::from_millis(5),
        move || {
            run += 1;
            sign.send(run).unwrap();
            async move {
                if run % 2 == 0 {
                    Err(anyhow::anyhow!("even"))
                } else {
                    Ok(())
                }
            }
        },
    ));
    hear(&mut signs, 4).await;
    assert_eq!(tasks.drain(Duration::from_secs(5)).await, 0);
    assert_eq!(tasks.running(), 0);
}

#[tokio::test]
async fn n_22_draining_waits_for_tasks_and_drops_the_stubborn() {
    let stop = Shutdown::new();
    let mut tasks = Tasks::new(stop.clone());
    let (sign, mut signs) = mpsc::unbounded_channel();
    let late = sign.clone();
    tasks.spawn(Task::new("test.polite", move |stop: Shutdown| {
        let sign = sign.clone();
        async move {
            stop.begun().await;
            // Work left to do after the wish is still done.
            tokio::task::yield_now().await;
            sign.send(1).unwrap();
        }
    }));
    tasks.spawn(Task::new("test.stubborn", move |_| {
        let _late = late.clone();
        std::future::pending::<()>()
    }));
    assert_eq!(tasks.running(), 2);
    assert_eq!(tasks.drain(Duration::from_millis(100)).await, 1);
    assert!(stop.is_begun());
    hear(&mut signs, 1).await;
    assert_eq!(tasks.running(), 0);
}

#[tokio::test]
async fn a_wish_to_stop_ends_waiting_and_droppable_work() {
    let stop = Shutdown::new();
    assert!(stop.sleep(Duration::from_millis(1)).await);
    assert_eq!(stop.run(async { 7 }).await, Some(7));
    stop.begin();
    assert!(!stop.sleep(Duration::from_secs(3600)).await);
    assert_eq!(stop.run(std::future::pending::<()>()).await, None);
}

#[tokio::test(start_paused = true)]
async fn jb_1_a_job_that_failed_does_not_wait_for_its_next_time() {
    let (sign, mut signs) = mpsc::unbounded_channel();
    let mut tasks = Tasks::new(Shutdown::new());
    let mut run = 0;
    tasks.spawn(Task::every(
        "test.hourly",
        Duration::from_secs(3_600),
        move || {
            run += 1;
            sign.send(run).unwrap();
            async move {
                if run < 3 {
                    Err(anyhow::anyhow!("nobody is there yet"))
                } else {
                    Ok(())
                }
            }
        },
    ));
    hear(&mut signs, 3).await;
    // Once it went well it does wait.
    let again = tokio::time::timeout(Duration::from_secs(3_000), signs.recv()).await;
    assert!(again.is_err());
    tasks.drain(Duration::from_secs(5)).await;
}
