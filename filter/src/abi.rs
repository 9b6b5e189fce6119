//! Bindings to the host: the one file with `unsafe` code.
//!
//! proxy-wasm ABI 0.2.1, <https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1>. The SDK's own
//! wrappers of these calls panic on a status that they do not expect and on header values that are not
//! UTF-8, which would be a denial of service from outside; these return `None` instead.

#![expect(unsafe_code, reason = "calls into the host and takes over the memory that it fills")]

use crate::host::{Host, MetricKind};
use crate::lines::Lines;

const OK: i32 = 0;
const REQUEST_HEADERS: i32 = 0;
const PLUGIN_CONFIGURATION: i32 = 7;
const LOG_WARN: i32 = 3;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: i32, message: *const u8, size: usize) -> i32;
    fn proxy_get_buffer_bytes(
        kind: i32,
        start: usize,
        max_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> i32;
    fn proxy_get_header_map_value(
        map: i32,
        key: *const u8,
        key_size: usize,
        value: *mut *mut u8,
        size: *mut usize,
    ) -> i32;
    fn proxy_get_header_map_pairs(map: i32, data: *mut *mut u8, size: *mut usize) -> i32;
    fn proxy_replace_header_map_value(
        map: i32,
        key: *const u8,
        key_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> i32;
    fn proxy_remove_header_map_value(map: i32, key: *const u8, key_size: usize) -> i32;
    fn proxy_get_property(path: *const u8, path_size: usize, value: *mut *mut u8, size: *mut usize) -> i32;
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize) -> i32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> i32;
    fn proxy_increment_metric(id: u32, offset: i64) -> i32;
    fn proxy_record_metric(id: u32, value: u64) -> i32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        value: *mut *mut u8,
        size: *mut usize,
        cas: *mut u32,
    ) -> i32;
    fn proxy_set_shared_data(
        key: *const u8,
        key_size: usize,
        value: *const u8,
        value_size: usize,
        cas: u32,
    ) -> i32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> i32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> i32;
}

/// The host in whose VM this module runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Envoy;

/// Runs a call that fills a buffer, and takes the buffer over.
fn filled(call: impl FnOnce(*mut *mut u8, *mut usize) -> i32) -> Option<Vec<u8>> {
    let mut data: *mut u8 = std::ptr::null_mut();
    let mut size: usize = 0;
    if call(&raw mut data, &raw mut size) != OK {
        return None;
    }
    if data.is_null() {
        return Some(Vec::new());
    }
    // SAFETY: the host obtained the memory from `proxy_on_memory_allocate`, which leaks a boxed slice of
    // exactly this size from our allocator, filled it, and gives it away.
    Some(unsafe { Vec::from_raw_parts(data, size, size) })
}

impl Envoy {
    /// The configuration of the plugin that is being configured.
    pub(crate) fn configuration(self) -> Option<Vec<u8>> {
        // SAFETY: the pointers are valid for writing during the call.
        filled(|data, size| unsafe {
            proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, usize::MAX, data, size)
        })
    }

    /// Asks for ticks of the current root context.
    pub(crate) fn tick_every(self, period_ms: u32) {
        // SAFETY: no pointers.
        unsafe { proxy_set_tick_period_milliseconds(period_ms) };
    }
}

impl Host for Envoy {
    fn header(&self, name: &str) -> Option<Vec<u8>> {
        // SAFETY: `name` outlives the call; the out pointers are valid for writing.
        filled(|data, size| unsafe {
            proxy_get_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len(), data, size)
        })
    }

    fn lines(&self) -> Lines {
        // SAFETY: the out pointers are valid for writing.
        let encoded = filled(|data, size| unsafe { proxy_get_header_map_pairs(REQUEST_HEADERS, data, size) });
        Lines::new(encoded.unwrap_or_default())
    }

    fn set_header(&self, name: &str, value: &[u8]) {
        // SAFETY: both slices outlive the call.
        unsafe {
            proxy_replace_header_map_value(
                REQUEST_HEADERS,
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len(),
            )
        };
    }

    fn remove_header(&self, name: &str) {
        // SAFETY: `name` outlives the call.
        unsafe { proxy_remove_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len()) };
    }

    fn property(&self, path: &[&str]) -> Option<Vec<u8>> {
        let path = path.join("\0");
        // SAFETY: `path` outlives the call; the out pointers are valid for writing.
        filled(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) })
    }

    fn set_property(&self, name: &str, value: &[u8]) {
        // SAFETY: both slices outlive the call.
        unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
    }

    fn define_metric(&self, kind: MetricKind, name: &str) -> Option<u32> {
        let mut id = 0;
        // SAFETY: `name` outlives the call; `id` is valid for writing.
        let status = unsafe { proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut id) };
        (status == OK).then_some(id)
    }

    fn increment(&self, metric: u32) {
        // SAFETY: no pointers.
        unsafe { proxy_increment_metric(metric, 1) };
    }

    fn record(&self, metric: u32, value: u64) {
        // SAFETY: no pointers.
        unsafe { proxy_record_metric(metric, value) };
    }

    fn shared(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        let mut version = 0;
        // SAFETY: `key` outlives the call; the out pointers are valid for writing.
        let value = filled(|data, size| unsafe {
            proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &raw mut version)
        })?;
        Some((value, version))
    }

    fn set_shared(&self, key: &str, value: &[u8], version: u32) -> bool {
        // SAFETY: both slices outlive the call.
        let status =
            unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), version) };
        status == OK
    }

    fn now_nanos(&self) -> u64 {
        let mut time = 0;
        // SAFETY: `time` is valid for writing.
        unsafe { proxy_get_current_time_nanoseconds(&raw mut time) };
        time
    }

    fn warn(&self, message: &str) {
        // SAFETY: `message` outlives the call.
        unsafe { proxy_log(LOG_WARN, message.as_ptr(), message.len()) };
    }
}
