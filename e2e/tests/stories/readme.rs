//! The README's first steps, run as they are printed.

use e2e::System;
use tokio::process::Command;

#[tokio::test]
async fn the_first_steps_work_as_printed() {
    let system = System::start().await;
    let readme = include_str!("../../../README.md");
    let steps =
        readme.split("<!-- first steps -->").nth(1).expect("the README marks its first steps");
    let (_, script) = steps.split_once("```sh\n").expect("a block of shell");
    let (script, _) = script.split_once("```").expect("an end of the block");
    assert!(script.contains("http://127.0.0.1:8080"), "the README speaks to the default address");
    let script = script.replace("http://127.0.0.1:8080", &system.address());

    let ran =
        Command::new("bash").args(["-euo", "pipefail", "-c", &script]).output().await.unwrap();
    let output = String::from_utf8_lossy(&ran.stdout).into_owned();
    let errors = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.success(), "{output}\n{errors}");
    assert!(output.contains(r#""email":"anna@example.com""#), "{output}\n{errors}");
    assert!(output.contains("accessToken"), "{output}\n{errors}");
    assert!(output.contains(r#""total":89.97"#), "{output}\n{errors}");
    assert!(output.contains(r#""status":"cancelled""#), "{output}\n{errors}");
    assert!(!output.contains("requestId"), "something was refused: {output}\n{errors}");
}
