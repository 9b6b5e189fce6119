//! Waiting for a condition, never for a time.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};

/// Pause between two looks at a condition.
const POLL: Duration = Duration::from_millis(20);

/// Looks again and again until `check` gives a value, at most for `deadline`.
///
/// # Errors
/// When the deadline passes first; the error says `what` was waited for.
pub async fn until<T>(
    deadline: Duration,
    what: &str,
    mut check: impl AsyncFnMut() -> Option<T>,
) -> Result<T> {
    succeeds(deadline, what, async || check().await.ok_or_else(|| anyhow!("it is not so yet"))).await
}

/// Tries again and again until `attempt` succeeds, at most for `deadline`.
///
/// # Errors
/// When the deadline passes first; the error says `what` was waited for and why the last attempt failed.
pub async fn succeeds<T>(
    deadline: Duration,
    what: &str,
    mut attempt: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let mut last = anyhow!("the first attempt did not end");
    let tries = async {
        loop {
            match attempt().await {
                Ok(value) => return value,
                Err(error) => last = error,
            }
            tokio::time::sleep(POLL).await;
        }
    };
    match tokio::time::timeout(deadline, tries).await {
        Ok(value) => Ok(value),
        Err(_) => Err(last).with_context(|| format!("waited {deadline:?} for {what}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_condition_that_comes_true_ends_the_wait() {
        let mut looks = 0;
        let value = until(Duration::from_secs(5), "three looks", async || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(value.await.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_deadline_says_what_was_waited_for_and_why() {
        let wait = succeeds::<()>(Duration::from_millis(50), "a miracle", async || Err(anyhow!("no luck")));
        assert_eq!(format!("{:#}", wait.await.unwrap_err()), "waited 50ms for a miracle: no luck");
    }

    #[tokio::test]
    async fn an_attempt_that_hangs_is_cut_off() {
        let wait = until::<()>(Duration::from_millis(50), "nothing", async || std::future::pending().await);
        assert!(wait.await.is_err());
    }
}
