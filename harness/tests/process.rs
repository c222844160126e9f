//! Child processes: logged, watched, and never left behind.

#![cfg(test)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use harness::leftovers;
use harness::process::Process;
use harness::spec::Spec;
use harness::supervisor::Supervised;
use tokio::sync::mpsc;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);

fn shell(dir: &Path, script: &str) -> Spec {
    let log = dir.join("log");
    Spec::new("sample", "sh", dir, dir.join("pids")).args(["-c", script]).log(log)
}

/// Waits until the log of [`shell`] holds as many lines, and answers with them.
async fn lines(dir: &Path, count: usize) -> Vec<String> {
    let read = async {
        loop {
            let log = fs::read_to_string(dir.join("log")).unwrap_or_default();
            if log.lines().count() >= count {
                return log.lines().map(str::to_owned).collect();
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, read).await.unwrap()
}

fn runs(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

async fn gone(pid: &str) {
    let ends = async {
        while runs(pid) {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, ends).await.unwrap();
}

#[tokio::test]
async fn stopping_takes_what_a_process_started_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let spec = shell(dir.path(), "sleep 1000 & echo $!; trap 'echo bye; exit 7' TERM; wait");
    let process = Process::start(&spec).unwrap();
    let grandchild = &lines(dir.path(), 1).await[0];
    assert!(runs(grandchild));
    let status = process.stop(SOON).await.unwrap();
    assert_eq!(status.code(), Some(7));
    assert_eq!(lines(dir.path(), 2).await[1], "bye");
    gone(grandchild).await;
}

#[tokio::test]
async fn what_does_not_end_when_asked_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let spec = shell(dir.path(), "trap '' TERM; echo ready; while :; do sleep 1000; done");
    let process = Process::start(&spec).unwrap();
    lines(dir.path(), 1).await;
    let status = process.stop(Duration::from_millis(100)).await.unwrap();
    assert!(!status.success());
    gone(&process.pid().to_string()).await;
}

#[tokio::test]
async fn a_process_that_was_left_behind_is_ended_by_its_record() {
    let dir = tempfile::tempdir().unwrap();
    let process = Process::start(&shell(dir.path(), "echo ready; exec sleep 1000")).unwrap();
    lines(dir.path(), 1).await;
    leftovers::end(&dir.path().join("pids")).await.unwrap();
    timeout(SOON, process.ended()).await.unwrap();
}

#[tokio::test]
async fn a_record_of_another_process_under_the_same_id_harms_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let process = Process::start(&shell(dir.path(), "echo ready; exec sleep 1000")).unwrap();
    lines(dir.path(), 1).await;
    let record = dir.path().join("pids/sample.pid");
    fs::write(&record, format!("{} 1", process.pid())).unwrap();
    leftovers::end(&dir.path().join("pids")).await.unwrap();
    assert!(!record.exists());
    assert_eq!(process.status(), None);
}

#[tokio::test]
async fn a_crashed_service_is_started_again_and_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let (said, mut hear) = mpsc::channel(4);
    let spec = shell(dir.path(), "echo $$; [ -e again ] && exec sleep 1000; touch again; exit 3");
    let service = Supervised::start(spec, move |text| said.try_send(text).unwrap()).unwrap();
    let text = timeout(SOON, hear.recv()).await.unwrap().unwrap();
    assert!(text.contains("sample") && text.contains('3'), "{text}");
    let pid = &lines(dir.path(), 2).await[1];
    assert!(runs(pid));
    service.stop().await;
    gone(pid).await;
}

#[tokio::test]
async fn a_program_that_is_not_there_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let spec = Spec::new("sample", "/nowhere/at/all", dir.path(), dir.path().join("pids"));
    let error = Process::start(&spec).unwrap_err();
    assert!(format!("{error:#}").contains("/nowhere/at/all"));
}
