//! What mails say. Texts are English: a code is sent before anybody is known (AU-1).

use serde::{Deserialize, Serialize};

/// What is kept, encrypted, to fill a template with.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(tag = "template", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Letter {
    /// The code somebody signs in with.
    SignInCode {
        /// The six digits.
        code: String,
        /// Life of the code in minutes, as the mail states it.
        minutes: u64,
        /// The send it belongs to, given back if it cannot be delivered (AU-3).
        send: uuid::Uuid,
    },
}

impl Letter {
    /// The word in the queue's `template` column.
    pub(crate) const fn template(&self) -> &'static str {
        match self {
            Self::SignInCode { .. } => "sign_in_code",
        }
    }

    /// The subject line.
    pub(crate) const fn subject(&self) -> &'static str {
        match self {
            Self::SignInCode { .. } => "Your SmileFactory sign-in code",
        }
    }

    /// The text part.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::SignInCode { code, minutes, .. } => format!(
                "Your SmileFactory sign-in code is\n\n    {code}\n\n\
                 It works once, within {minutes} minutes. Only the newest code works: asking for another one ends this one.\n\n\
                 If you did not ask for it, ignore this mail; nobody can sign in without the code.\n"
            ),
        }
    }

    /// The HTML part: no images, no links, nothing fetched; the code is plain text that can be selected.
    pub(crate) fn html(&self) -> String {
        match self {
            Self::SignInCode { code, minutes, .. } => format!(
                "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{subject}</title></head>\n\
                 <body style=\"font-family:sans-serif;color:#1a1a1a\">\n\
                 <p>Your SmileFactory sign-in code is</p>\n\
                 <p style=\"font-size:32px;font-family:monospace;letter-spacing:4px\">{code}</p>\n\
                 <p>It works once, within {minutes} minutes. Only the newest code works: asking for another one ends this one.</p>\n\
                 <p>If you did not ask for it, ignore this mail; nobody can sign in without the code.</p>\n\
                 </body></html>\n",
                subject = self.subject()
            ),
        }
    }
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Letter").field(&self.template()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn au_17_both_parts_show_the_code_and_say_that_only_the_newest_works() {
        let letter = Letter::SignInCode {
            code: "001234".to_owned(),
            minutes: 5,
            send: uuid::Uuid::nil(),
        };
        for part in [letter.text(), letter.html()] {
            assert!(part.contains("001234"));
            assert!(part.contains("Only the newest code works"));
            assert!(part.contains("5 minutes"));
        }
        assert!(!letter.subject().contains("001234"));
        assert!(!format!("{letter:?}").contains("001234"));
    }
}
