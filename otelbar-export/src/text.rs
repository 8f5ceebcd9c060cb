//! Text of others, cut to what a log can take.

/// What is kept of an error's message.
const LONGEST_MESSAGE: usize = 300;

/// One short line, as it goes into logs. What is left out of a long text is not looked at.
pub(crate) fn one_line(text: &str) -> String {
    let (mut line, mut chars) = (String::new(), 0);
    for word in text.split_whitespace() {
        let gap = (chars > 0).then_some(' ');
        for c in gap.into_iter().chain(word.chars().filter(|c| !c.is_control())) {
            if chars == LONGEST_MESSAGE {
                line.push('…');
                return line;
            }
            line.push(c);
            chars += 1;
        }
    }
    line
}

/// As much of a body as a message can take, as text.
pub(crate) fn beginning(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(4 * LONGEST_MESSAGE)]).into_owned()
}
