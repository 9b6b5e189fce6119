//! Checks that a module asks of its host only what Envoy has: one import too many and the module does not
//! load, which in a running proxy shows only in its log.

use anyhow::{Context, Result, bail};
use walrus::Module;

/// The host calls of ABI 0.2.1, without the prefix `proxy_`.
///
/// `clear_route_cache`, `get_configuration` and `continue_request` belong to older ABIs: Envoy does not
/// link them to a module of this one.
const PROXY_CALLS: &[&str] = &[
    "add_header_map_value",
    "call_foreign_function",
    "close_stream",
    "continue_stream",
    "define_metric",
    "dequeue_shared_queue",
    "done",
    "enqueue_shared_queue",
    "get_buffer_bytes",
    "get_buffer_status",
    "get_current_time_nanoseconds",
    "get_header_map_pairs",
    "get_header_map_size",
    "get_header_map_value",
    "get_log_level",
    "get_metric",
    "get_property",
    "get_shared_data",
    "get_status",
    "grpc_call",
    "grpc_cancel",
    "grpc_close",
    "grpc_send",
    "grpc_stream",
    "http_call",
    "increment_metric",
    "log",
    "record_metric",
    "register_shared_queue",
    "remove_header_map_value",
    "replace_header_map_value",
    "resolve_shared_queue",
    "send_local_response",
    "set_buffer_bytes",
    "set_effective_context",
    "set_header_map_pairs",
    "set_property",
    "set_shared_data",
    "set_tick_period_milliseconds",
];

/// What Rust's standard library may ask of WASI and Envoy answers: output, environment, clock, random bytes.
const WASI_CALLS: &[&str] = &[
    "args_get",
    "args_sizes_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_close",
    "fd_fdstat_get",
    "fd_seek",
    "fd_write",
    "proc_exit",
    "random_get",
];

/// Fails with every import that Envoy does not offer.
pub(crate) fn check(bytes: &[u8]) -> Result<()> {
    let module = Module::from_buffer(bytes).context("failed to parse the module")?;
    let unknown: Vec<String> = module
        .imports
        .iter()
        .filter(|import| !is_known(&import.module, &import.name))
        .map(|import| format!("{}.{}", import.module, import.name))
        .collect();
    if !unknown.is_empty() {
        bail!(
            "it imports what Envoy does not offer: {}; find the code that calls it, or, if Envoy has it \
             after all, add it to xtask/src/wasm/imports.rs",
            unknown.join(", ")
        );
    }
    Ok(())
}

fn is_known(module: &str, name: &str) -> bool {
    match module {
        "env" => name.strip_prefix("proxy_").is_some_and(|call| PROXY_CALLS.contains(&call)),
        "wasi_snapshot_preview1" => WASI_CALLS.contains(&name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module with the given imports, each a function without arguments.
    fn mk_module(imports: &[(&str, &str)]) -> Vec<u8> {
        let mut module = Module::default();
        let ty = module.types.add(&[], &[]);
        for (from, name) in imports {
            module.add_import_func(from, name, ty);
        }
        module.emit_wasm()
    }

    #[test]
    fn known_imports_pass() {
        check(&mk_module(&[("env", "proxy_log"), ("wasi_snapshot_preview1", "fd_write")])).unwrap();
    }

    #[test]
    fn every_unknown_import_is_named() {
        let bytes = mk_module(&[
            ("env", "proxy_log"),
            ("env", "proxy_clear_route_cache"),
            ("wasi_snapshot_preview1", "path_open"),
            ("wasi_unstable", "fd_write"),
        ]);
        let text = check(&bytes).unwrap_err().to_string();
        let listed = "env.proxy_clear_route_cache, wasi_snapshot_preview1.path_open, wasi_unstable.fd_write;";
        assert!(text.contains(listed), "{text}");
    }

    #[test]
    fn what_is_no_module_is_refused() {
        assert!(check(b"not wasm").is_err());
    }
}
