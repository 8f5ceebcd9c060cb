use std::time::Duration;

/// From where on something is a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Thresholds {
    /// How often the same statement must run under one parent to be an N+1; 5 unless set.
    pub n_plus_one: usize,
    /// How often the very same must be asked for to be a duplicate; 2 unless set.
    pub duplicates: usize,
    /// How long a query may take; 100 ms unless set.
    pub slow_query: Duration,
    /// How long anything else may take; 1 s unless set.
    pub slow_span: Duration,
    /// How many queries a request may run; 50 unless set.
    pub many_queries: usize,
    /// How long nothing may be known to happen between two children; 250 ms unless set.
    pub long_wait: Duration,
    /// How many calls must follow each other to be told that they could run together; 3 unless set.
    pub serial_calls: usize,
    /// How much time running them together must save; 200 ms unless set.
    pub serial_saving: Duration,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds {
            n_plus_one: 5,
            duplicates: 2,
            slow_query: Duration::from_millis(100),
            slow_span: Duration::from_secs(1),
            many_queries: 50,
            long_wait: Duration::from_millis(250),
            serial_calls: 3,
            serial_saving: Duration::from_millis(200),
        }
    }
}

impl Thresholds {
    /// Sets how often the same statement must run under one parent; less than two is taken as two.
    #[must_use]
    pub fn with_n_plus_one(mut self, times: usize) -> Self {
        self.n_plus_one = times.max(2);
        self
    }

    /// Sets how often the very same must be asked for; less than two is taken as two.
    #[must_use]
    pub fn with_duplicates(mut self, times: usize) -> Self {
        self.duplicates = times.max(2);
        self
    }

    /// Sets how long a query may take.
    #[must_use]
    pub fn with_slow_query(mut self, duration: Duration) -> Self {
        self.slow_query = duration;
        self
    }

    /// Sets how long anything but a query may take.
    #[must_use]
    pub fn with_slow_span(mut self, duration: Duration) -> Self {
        self.slow_span = duration;
        self
    }

    /// Sets how many queries a request may run.
    #[must_use]
    pub fn with_many_queries(mut self, count: usize) -> Self {
        self.many_queries = count;
        self
    }

    /// Sets how long nothing may be known to happen between two children.
    #[must_use]
    pub fn with_long_wait(mut self, duration: Duration) -> Self {
        self.long_wait = duration;
        self
    }

    /// Sets how many calls must follow each other, and how much time running them together must save; less than two
    /// calls are taken as two.
    #[must_use]
    pub fn with_serial_calls(mut self, calls: usize, saving: Duration) -> Self {
        self.serial_calls = calls.max(2);
        self.serial_saving = saving;
        self
    }
}
