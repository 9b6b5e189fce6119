//! Where a VM starts: what the SDK is told, and what is said of a panic that must not happen.

use crate::abi::{self, LogLevel};
use crate::root::Root;

proxy_wasm::main! {{
    // A panic ends the VM, so that this is said once at most.
    std::panic::set_hook(Box::new(|panic| abi::log(LogLevel::Critical, &panic.to_string())));
    proxy_wasm::set_root_context(|id| Box::new(Root::new(id)));
}}
