//! What the filter says in the answer to a request: the cookies of browsers.

use lane::browser::CookieChange;

use crate::host::{Clock, ResponseHost};

/// Sets the cookies that are not over yet. No cache may keep such an answer: it would give others the cookie.
pub fn set_cookies(host: &(impl ResponseHost + Clock), changes: &[CookieChange]) {
    if changes.is_empty() {
        return;
    }
    let now_ms = host.now_ms();
    for header in changes.iter().filter_map(|change| change.header(now_ms)) {
        host.add_response_header("set-cookie", header.as_bytes());
        host.set_response_header("cache-control", b"no-store");
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::configure::compile;
    use crate::host::fake::{FakeHost, Process};
    use crate::running::Running;

    /// What the answer says after `after_ms` to a request at second 1.
    fn answer(path: &str, after_ms: u64) -> Vec<(String, String)> {
        let json = r#"{"version": 3, "generation": 7, "group": "shop", "role": "entry", "workload": "gateway",
            "laneHeader": "x-lane", "lanes": [{"name": "gray", "expiresMs": 11000,
                "browser": {"query": "lane", "cookie": "lane"},
                "rules": [{"name": "b", "match": {"query": {"name": "lane", "value": {"exact": "gray"}}}}]}]}"#;
        let running = Running::new(compile(json.as_bytes()).unwrap(), Rc::default());
        let process = Rc::new(Process::default());
        process.now_ms.set(1_000);
        let headers = FakeHost::with_headers(&[(":path", path)]).headers;
        let host = FakeHost { headers, ..FakeHost::vm(&process) };
        host.add_response_header("cache-control", b"public");
        host.add_response_header("set-cookie", b"a=1");
        let changes = running.on_request(&host);
        process.now_ms.set(1_000 + after_ms);
        set_cookies(&host, &changes);
        host.response.take()
    }

    #[test]
    fn the_age_of_a_cookie_is_that_of_the_answer() {
        let line = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let kept = [line("cache-control", "public"), line("set-cookie", "a=1")];
        let set = |age: u64| {
            let cookie = format!("lane=gray; Path=/; Max-Age={age}; Secure; HttpOnly; SameSite=Lax");
            vec![kept[1].clone(), line("set-cookie", &cookie), line("cache-control", "no-store")]
        };
        assert_eq!(answer("/?lane=gray", 0), set(10));
        assert_eq!(answer("/?lane=gray", 4_000), set(6));
        for (path, after_ms) in [("/?lane=gray", 10_000), ("/?lane=blue", 0), ("/", 0)] {
            assert_eq!(answer(path, after_ms), kept, "{path}");
        }
    }
}
