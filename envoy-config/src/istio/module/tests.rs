//! Which addresses are taken, what becomes of them, and what is said of the others.

use super::*;

fn sha(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn remote(url: &str, sha256: Option<&str>) -> Result<(String, String), String> {
    match Module::remote(url, sha256) {
        Ok(Module::Remote { url, sha256 }) => Ok((url, sha256)),
        Ok(Module::Local { path }) => Err(format!("a file: {path}")),
        Err(err) => Err(err.to_string()),
    }
}

#[test]
fn a_file_is_named_from_the_root() {
    assert_eq!(Module::local("/graylane.wasm"), Ok(Module::Local { path: "/graylane.wasm".to_owned() }));
    for path in ["", "graylane.wasm", "./graylane.wasm", "file:///graylane.wasm"] {
        assert_eq!(Module::local(path), Err(InvalidModule::RelativePath(path.to_owned())));
    }
}

#[test]
fn a_url_stays_as_it_is() {
    let a = sha('a');
    for url in
        ["http://lane-controller.graylane-system:8080/module/x.wasm", "https://files.example.com/g.wasm?v=1"]
    {
        assert_eq!(remote(url, Some(&a)), Ok((url.to_owned(), a.clone())));
        assert_eq!(remote(url, Some(&format!("sha256:{a}"))), Ok((url.to_owned(), a.clone())));
    }
}

#[test]
fn an_image_is_named_by_its_digest() {
    let a = sha('a');
    let pinned = format!("oci://registry.example.com/lanes/filter@sha256:{a}");
    for (url, given) in [
        (pinned.clone(), None),
        (pinned.clone(), Some(&a)),
        ("oci://registry.example.com/lanes/filter".to_owned(), Some(&a)),
        ("oci://registry.example.com/lanes/filter:0.1.0".to_owned(), Some(&a)),
        (format!("oci://registry.example.com/lanes/filter:0.1.0@sha256:{a}"), None),
    ] {
        assert_eq!(remote(&url, given.map(String::as_str)), Ok((pinned.clone(), a.clone())), "{url}");
    }
    for registry in ["registry:5000", "127.0.0.1:5000", "[::1]:5000", "registry.lanes.svc"] {
        let url = format!("oci://{registry}/filter@sha256:{a}");
        assert_eq!(remote(&url, None), Ok((url.clone(), a.clone())));
    }
}

#[test]
fn what_agents_cannot_fetch_is_refused() {
    let a = sha('a');
    let image = |url: &str, reason: &str| {
        format!(
            "the module's address `{url}` is no image: {reason}; write oci://REGISTRY/REPOSITORY@sha256:DIGEST"
        )
    };
    let parts = "the repository has parts of a-z, 0-9, `.`, `_` and `-` only";
    for (url, want) in [
        ("oci://registry.example.com", "it has no repository"),
        ("oci://registry/filter", "the registry needs a dot or a port, else Docker Hub is asked"),
        ("oci://user@registry.example.com/filter", ""),
        ("oci://registry.example.com/", parts),
        ("oci://registry.example.com/Lanes/filter", parts),
        ("oci://registry.example.com/lanes//filter", parts),
        ("oci://registry.example.com/filter?x=1", parts),
        ("oci://registry.example.com/filter:", "the tag is none"),
        ("oci://registry.example.com/filter:a/b", "the tag is none"),
        ("oci://registry.exämple.com/filter", "the registry is no host"),
    ] {
        let said = remote(url, Some(&a)).unwrap_err();
        if want.is_empty() {
            assert_eq!(said, "`registry.example.com/filter` is no SHA-256: it has 64 digits of 0-9 and a-f");
        } else {
            assert_eq!(said, image(url, want));
        }
    }
    for url in ["file:///graylane.wasm", "/graylane.wasm", "registry.example.com/filter", "ftp://a/b", ""] {
        assert_eq!(remote(url, Some(&a)), Err(InvalidModule::Scheme(url.to_owned()).to_string()));
    }
    for url in ["http://", "https:///g.wasm", "http://:8080/g.wasm"] {
        assert_eq!(remote(url, Some(&a)), Err(format!("the module's address `{url}` names no host")));
    }
}

#[test]
fn a_module_is_pinned_once() {
    for url in ["http://example.com/g.wasm", "oci://example.com/filter:0.1.0", "oci://example.com/filter"] {
        let want = format!("the module at {url} is not pinned: say which one it is with --module-sha256");
        assert_eq!(remote(url, None), Err(want));
    }
    let [a, b] = ['a', 'b'].map(sha);
    let said = remote(&format!("oci://example.com/filter@sha256:{a}"), Some(&b)).unwrap_err();
    assert!(
        said.starts_with(&format!("the module is pinned twice, to {a} by its address and to {b} by")),
        "{said}"
    );
    for bad in ["", "nil", &a[1..], &format!("{a}a"), &a.to_uppercase(), "sha512:abc"] {
        let want = Err(format!("`{bad}` is no SHA-256: it has 64 digits of 0-9 and a-f"));
        assert_eq!(remote("http://example.com/g.wasm", Some(bad)), want);
        let said = remote(&format!("oci://example.com/filter@{bad}"), None);
        assert_eq!(said, want);
    }
}
