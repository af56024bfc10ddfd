//! Texts: trimmed, composed, counted, or kept as they are.

use super::*;

#[test]
fn cv_23_text_is_trimmed_and_composed() {
    assert_eq!(read(&LINE, " \u{3000}\tAda \u{a0}\n").as_deref(), Ok("Ada"));
    assert_eq!(read(&LINE, "Ju\u{308}rgen").as_deref(), Ok("J\u{fc}rgen"));
    assert_eq!(read(&LINE, "\u{212b}").as_deref(), Ok("\u{c5}"));
    assert_eq!(
        read(&LINE, "<b>Tom & \"Jerry\"</b>").as_deref(),
        Ok("<b>Tom & \"Jerry\"</b>")
    );
}

proptest::proptest! {
    #[test]
    fn cv_23_normalising_twice_is_normalising_once(text in "[ \\t\\r\\n\u{a0}\u{3000}a\u{301}\u{308}\u{212b}\\PC]{0,20}") {
        for rule in [&LINE, &LINES] {
            if let Ok(once) = read(rule, &text) {
                proptest::prop_assert_eq!(read(rule, &once), Ok(once.clone()), "{:?}", text);
            }
        }
    }
}

#[test]
fn cv_23_control_characters_are_refused() {
    for text in [
        "a\0b",
        "a\u{7}b",
        "a\u{1b}[31mb",
        "a\u{85}b",
        "a\u{9f}b",
        "a\rb",
        "a\u{7f}b",
    ] {
        assert!(
            read(&LINE, text).is_err() && read(&LINES, text).is_err(),
            "{text:?}"
        );
    }
    for text in ["a\nb", "a\tb", "a\r\nb"] {
        assert!(read(&LINE, text).is_err(), "{text:?}");
    }
}

#[test]
fn cv_23_multi_line_text_keeps_line_feeds_and_tabs() {
    assert_eq!(
        read(&LINES, "\r\na\r\n\tb\n\r\nc\r\n").as_deref(),
        Ok("a\n\tb\n\nc")
    );
}

#[test]
fn cv_23_lengths_count_scalar_values_after_normalisation() {
    let rule = TextRule {
        min_len: 3,
        max_len: 5,
        ..LINE
    };
    assert_eq!(
        read(&rule, "  e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}  ").as_deref(),
        Ok("ééééé")
    );
    assert_eq!(read(&rule, "🚀🚀🚀").as_deref(), Ok("🚀🚀🚀"));
    assert_eq!(
        read(&rule, "éé").unwrap_err(),
        "must have 3 to 5 characters"
    );
    assert_eq!(
        read(&rule, "🚀🚀🚀🚀🚀🚀").unwrap_err(),
        "must have 3 to 5 characters"
    );
    assert_eq!(
        read(&TextRule { max_len: 2, ..LINE }, "abc").unwrap_err(),
        "must have at most 2 characters"
    );
    assert_eq!(
        read(&TextRule { min_len: 2, ..LINE }, "a").unwrap_err(),
        "must have at least 2 characters"
    );
    assert!(
        read(
            &TextRule {
                max_bytes: 3,
                ..LINE
            },
            "éé"
        )
        .is_err()
    );
}

#[test]
fn t_8_a_line_break_beside_an_address_is_refused_not_trimmed() {
    for email in [
        "ada@example.com\r\n",
        "\nada@example.com",
        "ada@example.com\r\nRCPT TO:<eve@example.com>",
    ] {
        assert_eq!(
            wrong(&mut SendOtpRequest {
                email: email.into()
            }),
            ["email must be an e-mail address"],
            "{email:?}"
        );
    }
    let mut padded = SendOtpRequest {
        email: "  Ada@Example.com ".into(),
    };
    assert_eq!(wrong(&mut padded), [""; 0]);
    assert_eq!(padded.email, "ada@example.com");
}

#[test]
fn verbatim_text_is_kept_as_given() {
    let mut request = RefreshTokenRequest {
        refresh_token: " e\u{301} ".into(),
    };
    let rule = TextRule {
        verbatim: true,
        max_len: 4,
        required: true,
        ..LINE
    };
    assert_eq!(
        read(&rule, &request.refresh_token).as_deref(),
        Ok(" e\u{301} ")
    );
    assert!(
        read(&rule, "a\0").is_err() && read(&rule, "").is_err() && read(&rule, "abcde").is_err()
    );
    request.refresh_token = String::new();
    assert_eq!(wrong(&mut request), ["refreshToken is required"]);
}
