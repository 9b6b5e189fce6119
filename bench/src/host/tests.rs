//! Tests of the host with a filter written by hand.

use super::*;

fn module() -> Module {
    Module::new(include_bytes!("../../testdata/echo.wat")).unwrap()
}

fn configured() -> Instance {
    let mut instance = module().instance().unwrap();
    assert!(instance.configure(b"{}").unwrap());
    instance
}

fn lines(lines: &[(&str, &str)]) -> Vec<Header> {
    lines.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

#[test]
fn a_request_is_edited_counted_and_named() {
    let mut instance = configured();
    let outcome = instance.request(lines(&[("x-gray", "one"), ("x-lane", "forged")])).unwrap();
    assert_eq!(outcome.headers, lines(&[("x-gray", "one"), ("x-lane", "one")]));
    assert_eq!(outcome.action, Action::Continue);
    assert_eq!(outcome.properties, BTreeMap::from([("lane".to_owned(), b"one".to_vec())]));
    assert_eq!(outcome.metrics, BTreeMap::from([("requests".to_owned(), 1)]));
    let calls = ["increment_metric", "get_header_map_value", "replace_header_map_value", "set_property"];
    assert_eq!(outcome.host_calls, calls);
    assert_eq!(outcome.allocations, 1);
}

#[test]
fn nothing_is_left_of_the_former_request() {
    let mut instance = configured();
    instance.request(lines(&[("x-gray", "one")])).unwrap();
    let outcome = instance.request(lines(&[("a", "b")])).unwrap();
    assert_eq!(outcome.headers, lines(&[("a", "b")]));
    assert!(outcome.properties.is_empty());
    assert_eq!(outcome.metrics["requests"], 1);
    assert_eq!(outcome.allocations, 0);
}

#[test]
fn instructions_are_counted_alike_every_time() {
    let mut instance = configured();
    let mut fuel = |headers: &[(&str, &str)]| instance.request(lines(headers)).unwrap().fuel;
    let without = fuel(&[]);
    assert_eq!(fuel(&[]), without);
    assert!(fuel(&[("x-gray", "one")]) > without);
}

#[test]
fn a_refused_configuration_leaves_the_former_in_force() {
    let mut instance = configured();
    assert!(!instance.configure(b"!").unwrap());
    instance.request(lines(&[])).unwrap();
    assert_eq!(instance.take_log().len(), 2);
}

#[test]
fn a_host_call_that_is_not_there_is_named_with_what_was_said() {
    let mut instance = module().instance().unwrap();
    let error = instance.configure(b"?").unwrap_err().to_string();
    assert!(error.contains("proxy_resolve_shared_queue"), "{error}");
    assert!(error.contains("hello"), "{error}");
}

#[test]
fn a_request_needs_a_configuration() {
    let error = module().instance().unwrap().request(Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "the plugin has no configuration");
}

#[test]
fn the_clock_stands_where_it_was_set() {
    let mut instance = configured();
    instance.set_time(42);
    instance.tick().unwrap();
    assert_eq!(instance.metrics()["requests"], 42);
    assert_eq!(instance.memory_pages(), 1);
}
