//! The demo, as `cargo xtask demo` runs it: the shop, and the inventory service that it calls.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use otelbar_integration::{DEMO, Zipkin, eventually};
use serde_json::Value;

/// Has the demo send its own traffic of so many requests to this receiver; gives its line of JSON about it.
#[track_caller]
pub(crate) fn own_traffic(requests: u32, otlp: &str) -> Value {
    let output = Command::new(program())
        .args(["--port", "0", "--requests", &requests.to_string(), "--otlp", otlp])
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn program() -> String {
    std::env::var(DEMO).expect("cargo xtask integration builds the demo and sets the variable")
}

/// The demo, running until it is dropped.
pub(crate) struct Demo {
    child: Child,
    shop: String,
    inventory: String,
}

impl Demo {
    /// Starts it on a free port, with these variables, sending to this receiver of OTLP over HTTP, and to this Zipkin.
    pub(crate) fn start(otlp: &str, zipkin: Option<&Zipkin>, variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(program())
            .args(["--port", "0", "--otlp", otlp])
            .args(zipkin.into_iter().flat_map(|zipkin| ["--zipkin", &zipkin.url]))
            .env("OTEL_BSP_SCHEDULE_DELAY", "50")
            .env("RUST_LOG", "off")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let lines: Vec<String> = lines.take_while(|line| !line.starts_with("Ctrl-C")).collect();
        let address = |path: &str| {
            let words = lines.iter().flat_map(|line| line.split_whitespace());
            let found =
                words.filter(|word| word.starts_with("http://")).find_map(|url| url.strip_suffix(path));
            found.unwrap_or_else(|| panic!("the demo tells where {path} is: {lines:?}")).to_owned()
        };
        let (shop, inventory) = (address("/books/13"), address("/stock/3"));
        Self { child, shop, inventory }
    }

    /// Asks for a page of the shop, with these headers, and reads it to its end; gives its status.
    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> u16 {
        visit(&format!("{}{path}", self.shop), headers)
    }

    /// Asks for each page of the shop, and orders a book; and asks the inventory itself.
    pub(crate) fn visit_all(&self) {
        for path in [
            "/",
            "/books/3",
            "/books/13",
            "/books/9999",
            "/authors",
            "/search?q=sea",
            "/slow",
            "/broken",
            "/stream",
            "/checkout?book=3",
            "/api/books",
            "/api/books/3",
            "/no/such/page",
        ] {
            self.get(path, &[]);
        }
        visit(&format!("{}/stock/3", self.inventory), &[]);
    }

    /// What the toolbar's JSON API says there.
    pub(crate) fn api(&self, path: &str) -> Value {
        let url = format!("{}/__otelbar/api/{path}", self.shop);
        let mut answer = ureq::get(url).call().unwrap();
        answer.body_mut().read_json().unwrap()
    }

    /// The requests that the toolbar holds, whole, as soon as none of them is under way any more.
    pub(crate) fn requests(&self) -> Vec<Value> {
        self.requests_once(|list| {
            let state = |request: &Value| request["export"]["state"].as_str().unwrap().to_owned();
            let is_settled =
                |request| matches!(&*state(request), "accepted" | "partial" | "failed" | "dropped");
            list.iter().all(is_settled)
        })
    }

    /// The requests that the toolbar holds, whole, as soon as this holds for their list.
    pub(crate) fn requests_once(&self, holds: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let list = || self.api("requests?limit=500")["requests"].as_array().unwrap().clone();
        let settled = eventually(|| Some(list()).filter(|list| !list.is_empty() && holds(list)));
        let settled = settled.unwrap_or_else(|| panic!("{:#?}", list()));
        let id = |request: &Value| request["id"].as_str().unwrap().to_owned();
        settled.iter().map(|request| self.api(&format!("requests/{}", id(request)))).collect()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn visit(url: &str, headers: &[(&str, &str)]) -> u16 {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = headers.iter().fold(agent.get(url), |request, (name, value)| request.header(*name, *value));
    let mut answer = request.call().unwrap();
    // A page that fails in its middle is a part of the traffic.
    let _ = answer.body_mut().read_to_vec();
    answer.status().as_u16()
}
