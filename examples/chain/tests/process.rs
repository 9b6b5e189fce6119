//! The binary: one application as a process, ended by a signal.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

fn start(args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chain"));
    command.args(["--name", "c-v1", "--service", "c", "--version", "v1", "--listen", "127.0.0.1:0"]);
    command.args(args).stderr(Stdio::piped()).spawn().unwrap()
}

/// The address that the process names in its first line.
fn address(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    line.trim().strip_prefix("c-v1 listens on ").unwrap().to_owned()
}

#[test]
fn it_serves_until_a_signal_ends_it() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut child = start(&[]);
        let mut stream = TcpStream::connect(address(&mut child)).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: c\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("x-hops: c-v1"), "{answer}");
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn a_next_hop_without_a_port_is_refused() {
    for next in ["https://127.0.0.1:1", "http://127.0.0.1"] {
        let output = start(&["--next", next]).wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains(next));
    }
}
