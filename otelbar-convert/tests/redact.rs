//! What is hidden, and what stays readable.

use otelbar_convert::redact::Redactor;
use proptest::prelude::*;

#[test]
fn names_are_sensitive_by_the_keys_they_contain() {
    let redactor = Redactor::common();
    for name in [
        "password",
        "PASSWORD",
        "passwords",
        "Password1",
        "oldpassword",
        "old_password",
        "userPassword",
        "user[password]",
        "user[password][]",
        "password[]",
        "password[0]",
        "password_hash",
        "password-confirmation",
        "db.query.parameter.password",
        "http.request.header.authorization",
        "http.request.header.proxy-authorization",
        "http.response.header.set-cookie",
        "rpc.grpc.request.metadata.x-api-key",
        "passwd",
        "passphrase",
        "pass",
        "user_pass",
        "userPass",
        "pass1",
        "pass[]",
        "PASS",
        "pwd",
        "dbpwd",
        "sid",
        "connect.sid",
        "PHPSESSID",
        "JSESSIONID",
        "session",
        "session_id",
        "sessionId",
        "user.session.key",
        "cvv",
        "cvv2",
        "cvc",
        "card_number",
        "cardNumber",
        "creditCard",
        "pin",
        "PINs",
        "user_pin",
        "otp",
        "otp_code",
        "totp",
        "ssn",
        "user.ssn",
        "token",
        "tokens",
        "token_value",
        "accesstoken",
        "access_token",
        "csrfmiddlewaretoken",
        "X-CSRF",
        "_xsrf",
        "jwt",
        "myjwt",
        "auth",
        "x-auth",
        "basicAuth",
        "authorization",
        "bearer",
        "api_key",
        "apikey",
        "APIKey",
        "x-api-key",
        "myApiKeys",
        "access_key_id",
        "AWS_SECRET_ACCESS_KEY",
        "client_secret",
        "clientSecret",
        "secrets",
        "private_key",
        "privateKeyPem",
        "signing_key",
        "credentials",
        "aws.credential",
        "dsn",
        "SENTRY_DSN",
        "connection_string",
        "ConnectionString",
        "db.connection_string",
        "cookie",
        "cookies",
        "access_tokens",
        "user_tokens",
        "refresh_token",
        "token_per_user",
        "tokens.used.secret",
        "max_tokens_token",
        "secretary_password",
        "session.token_count.cookie",
        "a.very.long.name.that.goes.on.and.on.and.on.until.it.comes.at.last.to.the.password",
    ] {
        assert!(redactor.is_sensitive(name), "{name} holds a secret");
    }
    for name in [
        "",
        "user",
        "passenger",
        "passengers",
        "compass",
        "bypass",
        "passed",
        "inside",
        "side",
        "residence",
        "president",
        "author",
        "authors",
        "authority",
        "server.authority",
        "authenticated",
        "opinion",
        "pinned",
        "spin",
        "mapping",
        "hotplug",
        "foot_path",
        "cross_name",
        "session.id",
        "session.previous_id",
        "process.session_leader.pid",
        "session_timeout",
        "session.duration",
        "password_length",
        "passwordLength",
        "password.count",
        "token_type",
        "token_count",
        "gen_ai.token.type",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.prompt_tokens",
        "gen_ai.usage.completion_tokens",
        "gen_ai.request.max_tokens",
        "total_tokens",
        "tokens_used",
        "tokensUsed",
        "num_tokens",
        "n_tokens",
        "maxTokens",
        "max_new.input.tokens",
        "remaining_tokens",
        "tokens_per_second",
        "tokens_in",
        "usage.thinking_tokens",
        "cache_read_tokens",
        "token_usage",
        "token_bucket",
        "llm.token_count.prompt",
        "llm.token_count.prompt_details.cache_read",
        "tokenizer",
        "tokenizer.model",
        "tokenize_lines",
        "secretary",
        "possession",
        "obsessions",
        "secret_name",
        "cookie.name",
        "authorization_status",
        "token_expires_in",
        "token_issued_at",
        "cookie_max_age",
        "auth_type",
        "auth.method",
        "aspnetcore.authorization.policy",
        "aws.secretsmanager.secret.arn",
        "url.path",
        "url.full",
        "aws.s3.key",
        "feature_flag.key",
        "messaging.kafka.message.key",
        "cache_key",
        "routing_key",
        "http.response.status_code",
        "process.exit.code",
        "geo.country.iso_code",
        "db.client.connection.state",
        "tls.client.certificate",
        "host.cpu.stepping",
        "keyboard",
        "code",
    ] {
        assert!(!redactor.is_sensitive(name), "{name} holds no secret");
        let kept: &'static str = name.to_owned().leak();
        assert_eq!((redactor.is_sensitive_field(kept), redactor.is_sensitive_field(kept)), (false, false));
    }
    for _ in 0..2 {
        assert!(redactor.is_sensitive_field("user[password]"), "also when it is remembered");
    }
}

#[test]
fn keys_are_what_the_user_says() {
    let redactor = Redactor::new(["email", "tel", "Token-Type", "", "kö"], ["q"]);
    for name in ["email", "user.eMail", "emailed", "tel", "user_tel", "token_type", "TokenType", "kö"] {
        assert!(redactor.is_sensitive(name), "{name}");
    }
    for name in ["password", "hotel", "tell", "token", "köln", "q", ""] {
        assert!(!redactor.is_sensitive(name), "{name}");
    }
    assert_eq!(redactor.query("q=1&tel=2&query=3"), "q=REDACTED&tel=REDACTED&query=3");
    assert!(Redactor::default().is_empty() && !Redactor::default().is_sensitive("password"));
}

#[test]
fn values_of_sensitive_query_keys_are_replaced() {
    #[track_caller]
    fn check(query: &str, expected: &str) {
        assert_eq!(Redactor::common().query(query), expected);
    }
    check("", "");
    check("page=2", "page=2");
    check("token=abc", "token=REDACTED");
    check("a=1&csrfToken=abc&b=2", "a=1&csrfToken=REDACTED&b=2");
    check("api-key=abc", "api-key=REDACTED");
    check("%74oken=abc", "%74oken=REDACTED");
    check("p%61ssword=abc", "p%61ssword=REDACTED");
    check("user%5Bpassword%5D=abc", "user%5Bpassword%5D=REDACTED");
    check("user[password]=abc&user[name]=ada", "user[password]=REDACTED&user[name]=ada");
    check("password[]=a&password[]=b", "password[]=REDACTED&password[]=REDACTED");
    check(
        "password1=a&oldpassword=b&passwords=c",
        "password1=REDACTED&oldpassword=REDACTED&passwords=REDACTED",
    );
    check("pass=a&sid=b&cvv=c", "pass=REDACTED&sid=REDACTED&cvv=REDACTED");
    check("a=1;password=x", "a=1;password=REDACTED");
    check("a=1;password=x;b=2&c=3", "a=1;password=REDACTED&c=3");
    check("password=x;y=z&c=3", "password=REDACTED&c=3");
    check("x-amz-signature=abc&SIG=d", "x-amz-signature=REDACTED&SIG=REDACTED");
    check(
        "code=1&key=2&key[]=3&user[code]=4",
        "code=REDACTED&key=REDACTED&key[]=REDACTED&user[code]=REDACTED",
    );
    check("country_code=de&cache_key=1&design=1&my_sig=2", "country_code=de&cache_key=1&design=1&my_sig=2");
    check("token", "token");
    check("token=", "token=");
    check("&&token=a=b&", "&&token=REDACTED&");
    check("%zz=1&%=2", "%zz=1&%=2");
    check("next=/reset?token=abc", "next=/reset?token=REDACTED");
    check("next=%2Freset%3Ftoken%3Dabc&a=1", "next=REDACTED&a=1");
    check("next=https%3A%2F%2Fu%3Apw%40h%2F", "next=REDACTED");
    check("next=password:a%26token%3Db", "next=password:REDACTED");
    check("=>Bearer %3Dpassword:1", "=REDACTED");
    check("=>password:Bearer \\\":password", "=>password:REDACTED\\\":REDACTED");
    check("next=%252Freset%253Ftoken%253Dabc", "next=REDACTED");
    check("next=%2Fshop%3Fpage%3D2", "next=%2Fshop%3Fpage%3D2");
    check("q=caf%C3%A9+au+lait&time=12:30", "q=caf%C3%A9+au+lait&time=12:30");
    check("t=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "t=REDACTED");
}

#[test]
fn baggage_loses_the_values_of_sensitive_members_and_properties() {
    #[track_caller]
    fn check(line: &str, expected: &str) {
        assert_eq!(Redactor::common().baggage(line), expected);
    }
    check("user=ada,tenant=7;a=b", "user=ada,tenant=7;a=b");
    check("user=ada, user.password = x , b=c", "user=ada, user.password =REDACTED, b=c");
    check("k=v;password=x,b=c", "k=v;password=REDACTED,b=c");
    check("p%61ssword=x", "p%61ssword=REDACTED");
    check("token=x;a=b;c", "token=REDACTED");
    check("key=1,code=2", "key=1,code=2");
    check("from=postgres%3A%2F%2Fu%3Apw%40h", "from=REDACTED");
    check("vendor=00f067aa0ba902b7,session@v=x", "vendor=00f067aa0ba902b7,session@v=REDACTED");
}

#[test]
fn urls_lose_credentials_and_fragment() {
    #[track_caller]
    fn check(url: &str, expected: &str) {
        assert_eq!(Redactor::common().url(url), expected);
    }
    check("http://h/p?x=1#frag", "http://h/p?x=1");
    check("http://h/p#access_token=abc", "http://h/p");
    check("http://u@h/p", "http://REDACTED@h/p");
    check("http://u:p@h:80", "http://REDACTED:REDACTED@h:80");
    check("http://u:p/w@h/", "http://REDACTED:REDACTED@h/");
    check("postgres://u:p#w@h/db", "postgres://REDACTED:REDACTED@h/db");
    check("http://h/a@b?token=t", "http://h/a@b?token=REDACTED");
    check("http://h:3000/@vite/client", "http://h:3000/@vite/client");
    check("http://[::1]/@a", "http://[::1]/@a");
    check("//u:p@h/p?token=t", "//REDACTED:REDACTED@h/p?token=REDACTED");
    check("//u@h/p", "//REDACTED@h/p");
    check("//h:3000/@vite/client", "//h:3000/@vite/client");
    check("//h/a@b", "//h/a@b");
    check("//h/?next=http://u:p@h", "//h/?next=http://REDACTED:REDACTED@h");
    check("/relative?token=t", "/relative?token=REDACTED");
    check("/shop;jsessionid=ABC?page=2", "/shop;jsessionid=REDACTED?page=2");
    check("*", "*");
    check("host:443", "host:443");
}

#[test]
fn texts_lose_secrets() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let redactor = Redactor::common();
        assert_eq!(redactor.text(text), expected);
        assert_eq!(redactor.text(expected), expected, "what is clean stays as it is");
    }
    // Debug output.
    check(
        r#"User { name: "x", password: "hunter2", token: Some("abc") }"#,
        r#"User { name: "x", password: "REDACTED", token: REDACTED }"#,
    );
    check("User { password: None, pin: 1234, id: 7 }", "User { password: None, pin: REDACTED, id: 7 }");
    check(r#"{password: "a\"b", x: 1}"#, r#"{password: "REDACTED", x: 1}"#);
    check(
        "User {\n    token: Some(\n        \"abc\",\n    ),\n    id: 7,\n}",
        "User {\n    token: REDACTED,\n    id: 7,\n}",
    );
    check(r#"token: Token { value: "a}b" }, id: 7"#, "token: REDACTED, id: 7");
    check(r#"tokens: ["a", "b"], id: 7"#, "tokens: REDACTED, id: 7");
    check(r#"token: b"abc", id: 7"#, r#"token: b"REDACTED", id: 7"#);
    check(r#"[("password", "x"), ("user", "ada")]"#, r#"[("password", "REDACTED"), ("user", "ada")]"#);
    check(r#"[("cookie", Sid("x")), ("a", "b")]"#, r#"[("cookie", REDACTED), ("a", "b")]"#);
    // JSON, also within a text.
    check(r#"{"user":"ada","password":"x"}"#, r#"{"user":"ada","password":"REDACTED"}"#);
    check(r#"{"user[password]" : "x", "a": 1}"#, r#"{"user[password]" : "REDACTED", "a": 1}"#);
    check(r#"{"new password": "x"}"#, r#"{"new password": "REDACTED"}"#);
    check(r#"{"tokens":["x",{"a":"]"}],"b":2}"#, r#"{"tokens":REDACTED,"b":2}"#);
    check(r#"body="{\"password\":\"x\",\"a\":1}""#, r#"body="{\"password\":\"REDACTED\",\"a\":1}""#);
    check(r#"{"password":null,"secret":true}"#, r#"{"password":null,"secret":true}"#);
    check(r#"{"password":"x"#, r#"{"password":"REDACTED"#);
    check("{'password': 'it''s'}", "{'password': 'REDACTED'}");
    check(r#""password" => "x""#, r#""password" => "REDACTED""#);
    // logfmt, connection strings and settings.
    check("user=ada password=hunter2 ok", "user=ada password=REDACTED ok");
    check(r#"password="two words" ok"#, r#"password="REDACTED" ok"#);
    check("host=h user=u password='a b' dbname=d", "host=h user=u password='REDACTED' dbname=d");
    check("Server=h;User Id=sa;Password=x", "Server=h;User Id=sa;Password=REDACTED");
    check("password = hunter2", "password = REDACTED");
    check("--api-key=abc --port=80", "--api-key=REDACTED --port=80");
    check("DB_PASSWORD=x PORT=80", "DB_PASSWORD=REDACTED PORT=80");
    check("password: hunter2", "password: REDACTED");
    check("API key: abc", "API key: REDACTED");
    check("(password=x)", "(password=REDACTED)");
    // Headers.
    check("Authorization: Bearer x", "Authorization: REDACTED");
    check("Authorization: Basic dXNlcjpwdw==\nHost: h", "Authorization: REDACTED\nHost: h");
    check("Cookie: a=b; c=d\r\nHost: h", "Cookie: REDACTED\r\nHost: h");
    check(r#"{"authorization": "Bearer abc", "host": "h"}"#, r#"{"authorization": "REDACTED", "host": "h"}"#);
    check(r#"got "cookie: a=b; c=d" there"#, r#"got "cookie: REDACTED" there"#);
    check("X-Api-Key: abc", "X-Api-Key: REDACTED");
    // Addresses.
    check("postgres://u:pw@host/db", "postgres://REDACTED:REDACTED@host/db");
    check(
        "cannot reach postgres://u:p@ss/w?d@host/db: refused",
        "cannot reach postgres://REDACTED:REDACTED@host/db: refused",
    );
    check("(redis://:pw@h:6379/0, retrying)", "(redis://REDACTED:REDACTED@h:6379/0, retrying)");
    check("'amqp://u:it's@h'", "'amqp://REDACTED:REDACTED@h'");
    check("https://token@github.com/a/b", "https://REDACTED@github.com/a/b");
    check(
        "see http://u:p@a/ and http://v:q@b/",
        "see http://REDACTED:REDACTED@a/ and http://REDACTED:REDACTED@b/",
    );
    check("to //u:p@h/a, retrying", "to //REDACTED:REDACTED@h/a, retrying");
    check("(//u:p/w@h)", "(//REDACTED:REDACTED@h)");
    check("uri=//:pw@h", "uri=//REDACTED:REDACTED@h");
    check("//token:abc@h", "//REDACTED:REDACTED@h");
    check(r#"{"url":"http:\/\/u:pw@h\/"}"#, r#"{"url":"http:\/\/REDACTED:REDACTED@h\/"}"#);
    check(r#"{"url":"\/\/u:pw@h\/"}"#, r#"{"url":"\/\/REDACTED:REDACTED@h\/"}"#);
    check("/?token=sup3rs3cret&password=hunter2", "/?token=REDACTED&password=REDACTED");
    check("GET /a?page=2&code=abc HTTP/1.1", "GET /a?page=2&code=REDACTED HTTP/1.1");
    check(
        "http://h/a?page=2&sig=abc, http://h/b?page=3",
        "http://h/a?page=2&sig=REDACTED, http://h/b?page=3",
    );
    check("'/a?token=abc'", "'/a?token=REDACTED'");
    check("Uri(/a?token=abc)", "Uri(/a?token=REDACTED)");
    check(r#"uri=/?a=1,password="p q" x"#, r#"uri=/?a=1,password="REDACTED" x"#);
    check(r#"uri=/?password="p q" x"#, r#"uri=/?password="REDACTED" x"#);
    check("user=ada&password=x&a=1", "user=ada&password=REDACTED&a=1");
    check("/cb#access_token=abc", "/cb#access_token=REDACTED");
    check("/shop;jsessionid=ABC", "/shop;jsessionid=REDACTED");
    check("jdbc:postgresql://h/db?user=u&password=p", "jdbc:postgresql://h/db?user=u&password=REDACTED");
    // What databases' errors repeat.
    check(
        "1064 (42000): … for the right syntax to use near 'it's secret' WHERE id = 5' at line 1",
        "1064 (42000): … for the right syntax to use near 'REDACTED' at line 1",
    );
    check("Duplicate entry 'o'neil' for key 'users.name'", "Duplicate entry 'REDACTED' for key 'users.name'");
    check("Duplicate entry 'never ends", "Duplicate entry 'REDACTED");
    check(
        "Incorrect integer value: 'abc' for column 'age' at row 1",
        "Incorrect integer value: 'REDACTED' for column 'age' at row 1",
    );
    check("Truncated incorrect DOUBLE value: 'abc'", "Truncated incorrect DOUBLE value: 'REDACTED'");
    check(
        "invalid input syntax for type integer: \"abc\"",
        "invalid input syntax for type integer: \"REDACTED\"",
    );
    check(
        "duplicate key\nDETAIL: Key (email)=(a@b) already exists.",
        "duplicate key\nDETAIL: Key (email)=(REDACTED) already exists.",
    );
    check("DETAIL: Failing row contains (7, ada, null).", "DETAIL: Failing row contains (REDACTED).");
    check("unrecognized token: \"'abc\"", "unrecognized token: \"REDACTED\"");
    // What is known by its looks.
    check("got Bearer abc123.def", "got Bearer REDACTED");
    check("Bearer abcdefgh", "Bearer REDACTED");
    check("with Basic dXNlcjpwdw== today", "with Basic REDACTED today");
    check("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl ends", "jwt REDACTED ends");
    check("AKIAIOSFODNN7EXAMPLE", "REDACTED");
    check("push to ghp_0123456789abcdefghijABCDEFGHIJ012345 failed", "push to REDACTED failed");
    check("a -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- b", "a REDACTED b");
    check("-----BEGIN PRIVATE KEY-----\nMIIE", "REDACTED");
}

#[test]
fn other_texts_stay_as_they_are() {
    let redactor = Redactor::common();
    for text in [
        "",
        "hello",
        "listening on 127.0.0.1:3000",
        "12:30:45 done",
        "invalid token: expected a string",
        "failed to read secret: not found",
        "no password given: user ada",
        "otelbar_panel::token::parse failed",
        "SELECT * FROM users WHERE password = $1 AND token = ? AND pin = ?2",
        "missing field `password` at line 1",
        "passenger: Ada, compass: north, side: left, author: Bob",
        "User { name: \"x\", password_length: 12, token_type: \"Bearer\" }",
        "http://localhost:3000/@vite/client?v=2#top",
        "s3://bucket/image@2x.png",
        "postgres://host/db",
        "postgres:///db?host=/tmp",
        "file:///home/a@b/c",
        "bob@example.com wrote: hello",
        "//a@b",
        "see //a@b: there",
        "// note: write to bob@example.com",
        "//h:3000/@vite/client",
        "a//b:c@d",
        "///b:c@d",
        "git@github.com:a/b.git",
        "Bearer authentication is required",
        "use Basic auth or Bearer token here",
        "Bearer realm=\"api\", error=\"invalid_token\"",
        "the bearer of bad news",
        "incorrect number of arguments, value: 7",
        "syntax error at or near \"FORM\"",
        "Key (a) was pressed",
        "PRIMARY Key (a), CHECK ((b)=(c))",
        "eyJust a word. and another.",
        "AKIA is how they begin",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
        "a = b == c => d := e",
        "(((\"\"(('('`",
        "key: 1, code: 2, cache_key=user:7",
        "?page=2&sort=name",
        "naïve: ünïcode = ✓",
    ] {
        assert_eq!(redactor.text(text), text);
    }
}

#[test]
fn without_keys_user_information_and_known_looks_are_hidden_still() {
    let redactor = Redactor::default();
    assert_eq!(redactor.text("postgres://u:p@h password=x"), "postgres://REDACTED:REDACTED@h password=x");
    assert_eq!(redactor.query("token=abc"), "token=abc");
    assert_eq!(redactor.text("id AKIAIOSFODNN7EXAMPLE"), "id REDACTED");
}

#[test]
fn attributes_are_cleaned_by_name_and_by_value() {
    use opentelemetry::{Array, KeyValue, StringValue, Value};
    #[track_caller]
    fn check(key: &'static str, value: impl Into<Value>, expected: impl Into<Value>) {
        let mut attribute = KeyValue::new(key, value);
        Redactor::common().attribute(&mut attribute);
        assert_eq!(attribute.value, expected.into(), "{key}");
    }
    let texts = |texts: &[&str]| {
        Value::Array(Array::String(texts.iter().map(|text| StringValue::from((*text).to_owned())).collect()))
    };
    check("password", "x", "REDACTED");
    check("pin", 1234, "REDACTED");
    check("password", true, true);
    check("tokens", 512, 512);
    check("active_sessions", 7, 7);
    check("latency.tokens", 0.5, 0.5);
    check("tokens", "512", "REDACTED");
    check("pins", 1234, "REDACTED");
    check("session", 1234, "REDACTED");
    check("mytokens", 1234, "REDACTED");
    check("user", "ada", "ada");
    check("url.full", "https://u:p@h/?token=abc&a=1", "https://REDACTED:REDACTED@h/?token=REDACTED&a=1");
    check("http.url", "http://h/?sig=abc", "http://h/?sig=REDACTED");
    check("http.target", "/a?code=abc", "/a?code=REDACTED");
    check("url.query", "code=abc&a=1", "code=REDACTED&a=1");
    check("uri", "/?token=sup3rs3cret&password=hunter2", "/?token=REDACTED&password=REDACTED");
    check("note", "password=abc", "password=REDACTED");
    check("note", texts(&["a", "password=abc"]), texts(&["a", "password=REDACTED"]));
    check("http.request.header.cookie", texts(&["a=b", "c=d"]), texts(&["REDACTED"]));
}

/// Protects the request's thread: a text costs time by its length, whatever is in it.
#[test]
fn hostile_texts_take_linear_work() {
    let redactor = Redactor::common();
    for part in [
        "a:",
        "=",
        ":",
        "(\"",
        "('(\"(`",
        "?a=",
        "?a=?",
        "&a=",
        ";a=",
        "://",
        "a://@",
        "//a:@",
        "//a:",
        r"\/\/a:",
        "redis://a:b",
        "-eyJ",
        "eyJa.",
        "password: ",
        "token=(",
        "\"a\":",
        "Bearer ",
        "%25",
        "x%3D",
        "'",
        "\\\"",
        "-----BEGIN PRIVATE KEY",
        "-----END ",
        "Key (",
        "Key ()=(",
        "ncorrect ",
        "Duplicate entry '",
        "a b: ",
        "🦀:",
        "AKIA",
    ] {
        let text = part.repeat(1_000_000 / part.len());
        let started = std::time::Instant::now();
        redactor.text(&text);
        redactor.query(&text);
        redactor.url(&text);
        // By the square of the length it would be hours.
        assert!(started.elapsed().as_secs() < 120, "{part:?} is not linear");
    }
}

proptest! {
    /// Protects the application: nothing it says breaks the redactor.
    #[test]
    fn any_text_is_taken(text in ".{0,200}") {
        let redactor = Redactor::common();
        redactor.text(&text);
        redactor.url(&text);
        redactor.query(&text);
        redactor.is_sensitive(&text);
    }

    /// As above, for texts that are nearly something.
    #[test]
    fn any_structure_is_taken(
        parts in proptest::collection::vec(
            prop::sample::select(vec![
                "password", "token", "user", "x", "://", "//", ":", "=", "==", "?", "&", ";", "@", "/", "\"", "'", "\\", "\\\"", "{", "}", "(",
                ")", "[", "]", ",", " ", "\n", "Bearer ", "Some", "%3D", "%", "eyJhbGciOiJI", ".", "#", "é", "REDACTED", "postgres", "`",
                "Authorization", "+", "=>", "None", "1",
            ]),
            0..24,
        ),
    ) {
        let redactor = Redactor::common();
        let text = parts.concat();
        redactor.url(&text);
        let clean = redactor.text(&text).into_owned();
        prop_assert_eq!(redactor.text(&clean), clean.as_str(), "{}", text);
        let query = redactor.query(&text).into_owned();
        prop_assert_eq!(redactor.query(&query), query.as_str(), "{}", text);
    }

    /// Protects secrets: however a value is written behind a sensitive name, it is not there afterwards.
    #[test]
    fn no_value_of_a_sensitive_name_stays(
        secret in "[a-zA-Z0-9]{3,12}S3CR3T[a-zA-Z0-9!?*~^/+-]{0,12}",
        name in prop::sample::select(vec!["password", "user[password]", "oldPassword1", "api_key", "pass", "sid", "x-auth", "csrf"]),
        around in prop::sample::select(vec![
            ("User { id: 7, NAME: \"", "\" }"), ("NAME: Some(\"", "\")"), ("{\"NAME\":\"", "\",\"a\":1}"),
            ("{\\\"NAME\\\": \\\"", "\\\"}"), ("a=1 NAME=", " b=2"), ("NAME = '", "'"), ("NAME: ", ""),
            ("NAME: ", "\nnext"), ("/p?NAME=", ""), ("http://h/p?a=1&NAME=", "&b=2"), ("a=1;NAME=", ""), ("[(\"NAME\", \"", "\")]"),
            ("<a href=\"/x?NAME=", "\">"), ("NAME=\"", "\""), ("'NAME': '", "'"), ("next=/a?NAME=", ""),
        ]),
    ) {
        let text = format!("{}{secret}{}", around.0.replace("NAME", name), around.1);
        let clean = Redactor::common().text(&text).into_owned();
        prop_assert!(!clean.contains("S3CR3T"), "{} became {}", text, clean);
    }
}
