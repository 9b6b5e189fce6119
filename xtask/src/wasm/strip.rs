//! Removes from a module the exports that the filter does not use, and all code that only they reached.
//!
//! Envoy calls whatever callback a module exports, and each call costs; the SDK exports all of them.

use anyhow::{Context, Result, bail};
use walrus::{ModuleConfig, passes};

/// The exports that the shipped module keeps; it must have every one of them.
///
/// `proxy_on_context_create` and `proxy_on_delete` stay although the filter does nothing there: the SDK's
/// dispatcher panics when it meets a context that it was not told of.
const KEPT: &[&str] = &[
    "memory",
    "_initialize",
    "proxy_abi_version_0_2_1",
    "proxy_on_memory_allocate",
    "proxy_on_context_create",
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_tick",
    "proxy_on_request_headers",
    "proxy_on_response_headers",
    "proxy_on_delete",
];

/// Returns the module with the exports of [`KEPT`] alone, and its function names for readable stack traces.
pub(crate) fn strip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut config = ModuleConfig::new();
    config.generate_name_section(true).generate_producers_section(false);
    let mut module = config.parse(bytes).context("failed to parse the module")?;

    let exports: Vec<_> = module.exports.iter().map(|export| (export.id(), export.name.clone())).collect();
    let missing: Vec<_> =
        KEPT.iter().filter(|kept| exports.iter().all(|(_, name)| name != *kept)).copied().collect();
    if !missing.is_empty() {
        bail!("the module lacks exports: {}", missing.join(", "));
    }
    for (id, name) in exports {
        if !KEPT.contains(&name.as_str()) {
            module.exports.delete(id);
        }
    }
    passes::gc::run(&mut module);
    Ok(module.emit_wasm())
}

#[cfg(test)]
mod tests {
    use walrus::{FunctionBuilder, Module};

    use super::*;

    /// A module that exports a memory and, for each name, a function that calls an import of that name.
    fn mk_module(names: &[&str]) -> Vec<u8> {
        let mut module = Module::default();
        let memory = module.memories.add_local(false, false, 1, None, None);
        module.exports.add("memory", memory);
        let ty = module.types.add(&[], &[]);
        for name in names {
            let (import, _) = module.add_import_func("env", &format!("host_{name}"), ty);
            let mut function = FunctionBuilder::new(&mut module.types, &[], &[]);
            function.name((*name).to_owned()).func_body().call(import);
            let function = function.finish(vec![], &mut module.funcs);
            module.exports.add(name, function);
        }
        module.emit_wasm()
    }

    fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
        let mut names: Vec<_> = names.map(str::to_owned).collect();
        names.sort();
        names
    }

    #[test]
    fn keeps_the_listed_exports_and_what_they_reach() {
        let mut names: Vec<_> = KEPT.iter().filter(|name| **name != "memory").copied().collect();
        names.extend(["proxy_on_log", "proxy_on_response_body"]);
        let module = Module::from_buffer(&strip(&mk_module(&names)).unwrap()).unwrap();

        let exports = sorted(module.exports.iter().map(|export| export.name.as_str()));
        assert_eq!(exports, sorted(KEPT.iter().copied()));
        let imports: Vec<_> = module.imports.iter().map(|import| import.name.clone()).collect();
        assert_eq!(imports.len(), KEPT.len() - 1, "the code behind a removed export stayed: {imports:?}");
        assert!(module.funcs.by_name("proxy_on_configure").is_some(), "the names of functions are gone");
        assert!(module.funcs.by_name("proxy_on_log").is_none());
    }

    #[test]
    fn names_what_is_missing() {
        let text = strip(&mk_module(&["_initialize", "proxy_on_tick"])).unwrap_err().to_string();
        assert!(text.contains("proxy_abi_version_0_2_1, proxy_on_memory_allocate"), "{text}");
    }

    #[test]
    fn the_same_bytes_every_time() {
        let names: Vec<_> = KEPT.iter().filter(|name| **name != "memory").copied().collect();
        let bytes = mk_module(&names);
        assert_eq!(strip(&bytes).unwrap(), strip(&bytes).unwrap());
    }
}
