//! The host calls of proxy-wasm ABI 0.2.1 that the filter makes: the only file with unsafe code.
//!
//! The SDK has bindings of its own, but they panic on a status that they do not expect and on a header value
//! that is not UTF-8, and a panic answers 503 and takes the worker's VM along. These return what the host
//! says; callers decide.

#![expect(unsafe_code, reason = "host calls take pointers, and the host returns buffers of our allocator")]

use std::ptr::{null, null_mut};

/// The status of a call that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(u32);

/// The kinds of metrics in use.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(crate) enum MetricKind {
    /// Only grows.
    Counter = 0,
    /// Is set.
    Gauge = 1,
}

/// The log levels in use.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(crate) enum LogLevel {
    /// Something was refused.
    Warn = 3,
    /// The VM is about to die.
    Critical = 5,
}

/// The header map of a request.
const REQUEST_HEADERS: u32 = 0;
/// The header map of a response.
const RESPONSE_HEADERS: u32 = 2;
/// The buffer that holds the configuration during `on_configure`.
const PLUGIN_CONFIGURATION: u32 = 7;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, text: *const u8, length: usize) -> u32;
    fn proxy_get_current_time_nanoseconds(to: *mut u64) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        most: usize,
        to: *mut *mut u8,
        length_to: *mut usize,
    ) -> u32;
    fn proxy_get_header_map_value(
        map: u32,
        name: *const u8,
        name_length: usize,
        to: *mut *mut u8,
        length_to: *mut usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(map: u32, to: *mut *mut u8, length_to: *mut usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_length: usize,
        value: *const u8,
        value_length: usize,
    ) -> u32;
    fn proxy_add_header_map_value(
        map: u32,
        name: *const u8,
        name_length: usize,
        value: *const u8,
        value_length: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_length: usize) -> u32;
    fn proxy_get_property(
        path: *const u8,
        path_length: usize,
        to: *mut *mut u8,
        length_to: *mut usize,
    ) -> u32;
    fn proxy_set_property(path: *const u8, path_length: usize, value: *const u8, value_length: usize) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_length: usize, to: *mut u32) -> u32;
    fn proxy_increment_metric(metric: u32, offset: i64) -> u32;
    fn proxy_record_metric(metric: u32, value: u64) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_length: usize,
        to: *mut *mut u8,
        length_to: *mut usize,
        cas_to: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(
        key: *const u8,
        key_length: usize,
        value: *const u8,
        value_length: usize,
        cas: u32,
    ) -> u32;
}

fn check(status: u32) -> Result<(), Status> {
    if status == 0 { Ok(()) } else { Err(Status(status)) }
}

/// Makes a call that returns bytes. Envoy hands out an empty value as a null pointer.
fn returned(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>, Status> {
    let mut data = null_mut();
    let mut length = 0;
    check(call(&raw mut data, &raw mut length))?;
    if data.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: the host obtained `data` from `proxy_on_memory_allocate` with this very length, which gives a
    // boxed slice out of the global allocator, and leaves it to us.
    Ok(unsafe { Vec::from_raw_parts(data, length, length) })
}

/// Writes a line to Envoy's log.
pub(crate) fn log(level: LogLevel, text: &str) {
    // SAFETY: the pointer and the length are those of a live string. There is nothing to do about a refusal.
    let _ = unsafe { proxy_log(level as u32, text.as_ptr(), text.len()) };
}

/// Time of Envoy's clock, nanoseconds since 1970.
pub(crate) fn now_ns() -> Result<u64, Status> {
    let mut now = 0;
    // SAFETY: the host writes eight bytes to a live variable of that size.
    check(unsafe { proxy_get_current_time_nanoseconds(&raw mut now) })?;
    Ok(now)
}

/// Sets how often `on_tick` of the current root context is called; 0 for never.
pub(crate) fn set_tick_period(period_ms: u32) -> Result<(), Status> {
    // SAFETY: the call takes a plain number.
    check(unsafe { proxy_set_tick_period_milliseconds(period_ms) })
}

/// The configuration of the plugin, `length` bytes long; only during `on_configure`.
pub(crate) fn plugin_configuration(length: usize) -> Result<Vec<u8>, Status> {
    // SAFETY: the host writes a pointer and a length to live variables of that size.
    returned(|to, length_to| unsafe {
        proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, length, to, length_to)
    })
}

/// The first line of request header `name`, lower case.
pub(crate) fn request_header(name: &str) -> Result<Vec<u8>, Status> {
    // SAFETY: `name` is live, and the host writes to live variables of the right size.
    returned(|to, length_to| unsafe {
        proxy_get_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len(), to, length_to)
    })
}

/// All lines of the request's headers in the form of the ABI; see `lines::Lines`.
pub(crate) fn request_headers() -> Result<Vec<u8>, Status> {
    // SAFETY: the host writes a pointer and a length to live variables of that size.
    returned(|to, length_to| unsafe { proxy_get_header_map_pairs(REQUEST_HEADERS, to, length_to) })
}

/// Replaces all lines of request header `name` by one, or adds it.
pub(crate) fn set_request_header(name: &str, value: &[u8]) -> Result<(), Status> {
    set_header(REQUEST_HEADERS, name, value)
}

/// Replaces all lines of response header `name` by one, or adds it.
pub(crate) fn set_response_header(name: &str, value: &[u8]) -> Result<(), Status> {
    set_header(RESPONSE_HEADERS, name, value)
}

fn set_header(map: u32, name: &str, value: &[u8]) -> Result<(), Status> {
    // SAFETY: both pointers and lengths are those of live slices.
    check(unsafe {
        proxy_replace_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

/// Adds a line of response header `name`.
pub(crate) fn add_response_header(name: &str, value: &[u8]) -> Result<(), Status> {
    // SAFETY: both pointers and lengths are those of live slices.
    check(unsafe {
        proxy_add_header_map_value(RESPONSE_HEADERS, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

/// Removes all lines of request header `name`.
pub(crate) fn remove_request_header(name: &str) -> Result<(), Status> {
    // SAFETY: the pointer and the length are those of a live string.
    check(unsafe { proxy_remove_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len()) })
}

/// The property at `path`, whose parts are separated by NUL.
pub(crate) fn property(path: &str) -> Result<Vec<u8>, Status> {
    // SAFETY: `path` is live, and the host writes to live variables of the right size.
    returned(|to, length_to| unsafe { proxy_get_property(path.as_ptr(), path.len(), to, length_to) })
}

/// Sets the property at `path`, which becomes the filter state `wasm.<path>` of the stream.
pub(crate) fn set_property(path: &str, value: &[u8]) -> Result<(), Status> {
    // SAFETY: both pointers and lengths are those of live slices.
    check(unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) })
}

/// Defines a metric, or finds the one of that name, and returns its number in this VM.
pub(crate) fn define_metric(kind: MetricKind, name: &str) -> Result<u32, Status> {
    let mut id = 0;
    // SAFETY: `name` is live, and the host writes four bytes to a live variable of that size.
    check(unsafe { proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(id)
}

/// Adds one to a counter.
pub(crate) fn increment_metric(metric: u32) -> Result<(), Status> {
    // SAFETY: the call takes plain numbers.
    check(unsafe { proxy_increment_metric(metric, 1) })
}

/// Sets a gauge.
pub(crate) fn record_metric(metric: u32, value: u64) -> Result<(), Status> {
    // SAFETY: the call takes plain numbers.
    check(unsafe { proxy_record_metric(metric, value) })
}

/// A value that all VMs with our `vm_id` share, and its version.
pub(crate) fn shared_data(key: &str) -> Result<(Vec<u8>, u32), Status> {
    let mut cas = 0;
    // SAFETY: `key` is live, and the host writes to live variables of the right size.
    let value = returned(|to, length_to| unsafe {
        proxy_get_shared_data(key.as_ptr(), key.len(), to, length_to, &raw mut cas)
    })?;
    Ok((value, cas))
}

/// Writes a shared value if its version is still `cas`.
pub(crate) fn set_shared_data(key: &str, value: &[u8], cas: u32) -> Result<(), Status> {
    let data = if value.is_empty() { null() } else { value.as_ptr() };
    // SAFETY: both pointers and lengths are those of live slices, or null with length 0.
    check(unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), data, value.len(), cas) })
}
