//! `${VAR}`, `${env:VAR}`, `${VAR:-default}` and `$$` in a scalar
//! (OpenTelemetry specification, "Configuration Data Model", Environment variable substitution).

use crate::environment::Environment;

/// `text` with its references replaced, each once: what a variable holds is not looked at again. `room` is how many
/// bytes they may give, and becomes what is left of it.
///
/// # Errors
///
/// Says what is wrong with a reference. Not set and empty are the same, and no error.
pub(super) fn substitute(
    text: &str,
    environment: &dyn Environment,
    room: &mut usize,
) -> Result<String, &'static str> {
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        done.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            done.push('$');
            rest = after;
        } else if let Some(reference) = rest.strip_prefix('{') {
            let (reference, after) = reference.split_once('}').ok_or("a reference `${` is not closed")?;
            let value = value(reference, environment)?;
            *room =
                room.checked_sub(value.len()).ok_or("the references to variables expand to too much text")?;
            done.push_str(&value);
            rest = after;
        } else {
            done.push('$');
        }
    }
    done.push_str(rest);
    Ok(done)
}

fn value(reference: &str, environment: &dyn Environment) -> Result<String, &'static str> {
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, default),
        None => (reference, ""),
    };
    let name = name.strip_prefix("env:").unwrap_or(name);
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if name.is_empty() || !name.bytes().all(plain) || name.as_bytes()[0].is_ascii_digit() {
        return Err("a reference `${…}` does not name an environment variable");
    }
    if default.contains('\n') {
        return Err("the default of a reference `${…}` has a line break");
    }
    let value = match environment.var(name) {
        None => String::new(),
        Some(value) => value.into_string().map_err(|_| "a variable that is referred to is not UTF-8")?,
    };
    Ok(if value.is_empty() { default.to_owned() } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_replaced_once() {
        fn check(text: &str, expected: Result<&str, &str>) {
            let environment = [("A", "1"), ("EMPTY", ""), ("AGAIN", "${A}")];
            let done = substitute(text, &environment, &mut 100);
            assert_eq!(done.as_deref().map_err(|e| *e), expected, "{text}");
        }
        check("plain", Ok("plain"));
        check("${A}/${env:A}", Ok("1/1"));
        check("${EMPTY}|${NONE}", Ok("|"));
        check("${EMPTY:-x}|${NONE:-http://h:1}", Ok("x|http://h:1"));
        check("${AGAIN}", Ok("${A}"));
        check("$${A} $ $A $", Ok("${A} $ $A $"));
        check("$$${A}", Ok("$1"));
        check("${NONE:-}", Ok(""));
        check("${1A}", Err("a reference `${…}` does not name an environment variable"));
        check("${A?x}", Err("a reference `${…}` does not name an environment variable"));
        check("${}", Err("a reference `${…}` does not name an environment variable"));
        check("${A", Err("a reference `${` is not closed"));
    }

    #[test]
    fn what_references_give_is_bounded() {
        let environment = [("A", "12345")];
        let mut room = 12;
        assert_eq!(substitute("${A}${A}", &environment, &mut room).as_deref(), Ok("1234512345"));
        assert_eq!(room, 2);
        let too_much = Err("the references to variables expand to too much text");
        assert_eq!(substitute("${A}", &environment, &mut room), too_much);
    }
}
