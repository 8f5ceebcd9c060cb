use std::borrow::Cow;

/// What stands in the place of a secret.
pub const REDACTED: &str = "REDACTED";

/// A text with parts replaced, from its beginning to its end; nothing is copied while none is.
pub(super) struct Edits<'t> {
    text: &'t str,
    out: Option<String>,
    copied: usize,
}

impl<'t> Edits<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Edits { text, out: None, copied: 0 }
    }

    /// Puts `with` in the place of these bytes, which come after those that were replaced before.
    pub(super) fn replace(&mut self, from: usize, to: usize, with: &str) {
        if self.text[from..to] == *with {
            return;
        }
        let out = self.out.get_or_insert_with(|| String::with_capacity(self.text.len() + with.len()));
        out.push_str(&self.text[self.copied..from]);
        out.push_str(with);
        self.copied = to;
    }

    pub(super) fn finish(self) -> Cow<'t, str> {
        match self.out {
            None => Cow::Borrowed(self.text),
            Some(mut out) => {
                out.push_str(&self.text[self.copied..]);
                Cow::Owned(out)
            }
        }
    }
}
