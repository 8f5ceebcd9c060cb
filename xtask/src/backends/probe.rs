//! Asking a backend whether it is healthy.

use std::time::{Duration, Instant};

use ureq::Agent;

/// A question, and the status that a healthy backend answers with.
#[derive(Debug)]
pub(crate) struct Probe {
    url: String,
    body: Option<&'static str>,
    expected: u16,
}

/// How long a backend may take until it is healthy. Reached on a machine that is very busy, or when it never will be.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What a receiver accepts and forgets.
const NOTHING: &str = "{}";
/// What only a receiver that refuses all does not accept. One of its first may slip through.
const SPAN: &str = r#"{"resourceSpans":[{"resource":{"attributes":[
    {"key":"service.name","value":{"stringValue":"otelbar-integration"}}]},"scopeSpans":[{"spans":[
    {"traceId":"00000000000000000000000000000001","spanId":"0000000000000001","name":"ready","kind":1,
     "startTimeUnixNano":"1","endTimeUnixNano":"2"}]}]}]}"#;

impl Probe {
    /// For a page of its own that tells its health.
    pub(crate) fn reads(url: String) -> Self {
        Self { url, body: None, expected: 200 }
    }

    /// For a receiver of OTLP over HTTP that takes what comes.
    pub(crate) fn takes(url: String) -> Self {
        Self { url, body: Some(NOTHING), expected: 200 }
    }

    /// For a receiver of OTLP over HTTP that refuses spans for want of memory.
    pub(crate) fn refuses(url: String) -> Self {
        Self { url, body: Some(SPAN), expected: 503 }
    }

    /// Asks once.
    ///
    /// # Errors
    ///
    /// What came instead of the answer.
    pub(crate) fn ask(&self) -> Result<(), String> {
        let agent: Agent = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .proxy(None)
            .build()
            .into();
        let answer = match self.body {
            None => agent.get(&self.url).call(),
            Some(body) => agent.post(&self.url).header("content-type", "application/json").send(body),
        };
        match answer {
            Ok(answer) if answer.status().as_u16() == self.expected => Ok(()),
            Ok(answer) => Err(format!("{} answered {}", self.url, answer.status())),
            Err(error) => Err(format!("{}: {error}", self.url)),
        }
    }
}

/// Asks until each is answered as it should be. `ended` is asked in between, whether there is still somebody to answer;
/// it takes a moment.
///
/// # Errors
///
/// What has become of the backend, as the end of a sentence about it.
pub(crate) fn wait(probes: &[Probe], mut ended: impl FnMut() -> bool) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    for probe in probes {
        while let Err(problem) = probe.ask() {
            if ended() {
                return Err(format!("ended while it was starting ({problem})"));
            }
            if Instant::now() >= deadline {
                return Err(format!("is not healthy after {} s ({problem})", PATIENCE.as_secs()));
            }
        }
    }
    Ok(())
}
