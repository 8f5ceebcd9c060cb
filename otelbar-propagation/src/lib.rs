//! W3C Trace Context and Baggage, strict and without allocation, for any HTTP client or server
