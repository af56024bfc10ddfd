//! The formats, by the rules they come from.

use proptest::prelude::*;

use super::*;

/// What a format makes of a text.
fn read(format: Format, text: &str) -> Result<String, String> {
    let mut text = text.to_owned();
    apply(format, &mut text).map(|()| text).map_err(Into::into)
}

fn accepts(format: Format, cases: &[(&str, &str)]) {
    for (given, stored) in cases {
        assert_eq!(read(format, given).as_deref(), Ok(*stored), "{given:?}");
    }
}

fn refuses(format: Format, cases: &[&str]) {
    for given in cases {
        assert!(
            read(format, given).is_err(),
            "{given:?} was accepted as {:?}",
            read(format, given)
        );
    }
}

#[test]
fn d_7_an_e_mail_address_is_stored_lower_case() {
    accepts(
        Format::Email,
        &[
            ("a@b", "a@b"),
            ("Ada.Lovelace@Example.COM", "ada.lovelace@example.com"),
            ("ada+news@mail.example.co.uk", "ada+news@mail.example.co.uk"),
            (
                "o'brien!#$%&*/=?^_`{|}~-@example.org",
                "o'brien!#$%&*/=?^_`{|}~-@example.org",
            ),
            ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
            ("r3---sn.mail@a--b.example", "r3---sn.mail@a--b.example"),
        ],
    );
}

#[test]
fn t_8_an_international_domain_becomes_ascii() {
    accepts(
        Format::Email,
        &[
            ("ada@Bücher.example", "ada@xn--bcher-kva.example"),
            ("ada@例え.jp", "ada@xn--r8jz45g.jp"),
            ("ada@EXAMPLE。com", "ada@example.com"),
        ],
    );
}

#[test]
fn t_8_what_is_not_a_plain_address_is_refused() {
    refuses(
        Format::Email,
        &[
            "ada",
            "@example.com",
            "ada@",
            "ada@@example.com",
            "a@b@example.com",
            "ada lovelace@example.com",
            "ada@exa mple.com",
            ".ada@example.com",
            "ada.@example.com",
            "a..b@example.com",
            "ada@example..com",
            "ada@.example.com",
            "ada@example.com.",
            "ada@-example.com",
            "ada@example-.com",
            "ada@exa_mple.com",
            "ada@127.0.0.1",
            "ada@[127.0.0.1]",
            "ada@[IPv6:::1]",
            "\"ada\"@example.com",
            "Ada <ada@example.com>",
            "<ada@example.com>",
            "mailto:ada@example.com",
            "ada@example.com,eve@example.com",
            "ada@example.com;eve@example.com",
            "ada(comment)@example.com",
            "ada@example.com(comment)",
            "ada\\@example.com",
            "ада@example.com",
            "ada@exam%70le.com",
            "ada@example.com/path",
            "ada@example.com:25",
            "ada@xn--",
            "ada\u{200b}@example.com",
        ],
    );
}

#[test]
fn n_25_an_e_mail_address_has_at_most_255_characters_and_64_before_the_at() {
    let domain = |length: usize| {
        let label = "a".repeat(60);
        let mut domain = format!("{label}.{label}.{label}.");
        let rest = length - domain.len() - 4;
        domain.push_str(&"b".repeat(rest));
        domain + ".org"
    };
    let longest = format!("{}@{}", "l".repeat(20), domain(234));
    assert_eq!(longest.len(), 255);
    accepts(Format::Email, &[(&longest, &longest)]);
    refuses(
        Format::Email,
        &[
            &format!("l{longest}"),
            &format!("{}@example.com", "l".repeat(65)),
        ],
    );
    accepts(
        Format::Email,
        &[(
            &format!("{}@a.b", "l".repeat(64)),
            &format!("{}@a.b", "l".repeat(64)),
        )],
    );
}

#[test]
fn cv_8_ids_are_read_in_any_case_and_stored_lower_case() {
    let id = "0193fe70-3a1b-7c4d-8e5f-0123456789ab";
    accepts(Format::Uuid, &[(&id.to_uppercase(), id), (id, id)]);
    refuses(
        Format::Uuid,
        &[
            "0193fe703a1b7c4d8e5f0123456789ab",
            "{0193fe70-3a1b-7c4d-8e5f-0123456789ab}",
            "urn:uuid:0193fe70-3a1b-7c4d-8e5f-0123456789ab",
            "0193fe70-3a1b-7c4d-8e5f-0123456789a",
            "0193fe70-3a1b-7c4d-8e5f-0123456789abc",
            "0193fe70-3a1b-7c4d-8e5f-0123456789ag",
            "0193fe70_3a1b-7c4d-8e5f-0123456789ab",
            "me",
        ],
    );
}

#[test]
fn cv_25_urls_are_http_with_a_host_and_without_credentials() {
    accepts(
        Format::Url,
        &[
            ("https://example.com", "https://example.com"),
            (
                "HTTP://Example.com:8080/a?b=c#d",
                "HTTP://Example.com:8080/a?b=c#d",
            ),
            ("https://example.com/@ada", "https://example.com/@ada"),
            ("https://bücher.example/ä", "https://bücher.example/ä"),
            ("http://[::1]:3000/", "http://[::1]:3000/"),
        ],
    );
    refuses(
        Format::Url,
        &[
            "example.com",
            "//example.com",
            "ftp://example.com",
            "javascript:alert(1)",
            "java\u{0}script:alert(1)",
            "file:///etc/passwd",
            "https://",
            "https:///example.com",
            "https://?q",
            "https:example.com",
            "https:\\\\example.com",
            "https://exa mple.com",
            "https://ada@example.com",
            "https://ada:secret@example.com",
            "https://:@example.com",
            "https://exam<ple.com",
            "https://example.com:99999",
        ],
    );
}

#[test]
fn cv_25_data_urls_are_told_where_files_go() {
    let told = read(Format::Url, "DATA:image/png;base64,AAAA").unwrap_err();
    assert!(told.contains("POST /api/v1/media"), "{told}");
    assert!(
        read(Format::WebAddress, "data:text/html,x")
            .unwrap_err()
            .contains("POST /api/v1/media")
    );
}

#[test]
fn cv_25_urls_have_at_most_2048_characters() {
    let longest = format!("https://example.com/{}", "ä".repeat(2028));
    accepts(Format::Url, &[(&longest, &longest)]);
    refuses(Format::Url, &[&format!("{longest}a")]);
}

#[test]
fn pr_9_a_web_address_without_scheme_gets_https() {
    accepts(
        Format::WebAddress,
        &[
            ("example.com", "https://example.com"),
            ("example.com:8080/a", "https://example.com:8080/a"),
            ("example.com/a:b", "https://example.com/a:b"),
            ("http://example.com", "http://example.com"),
            ("HTTPS://example.com", "HTTPS://example.com"),
        ],
    );
    refuses(
        Format::WebAddress,
        &[
            "n/a",
            "none",
            ".",
            "javascript:alert(1)",
            "mailto:ada@example.com",
            "ftp://example.com",
            "ada@example.com",
            "a b.com",
        ],
    );
}

#[test]
fn n_1_a_code_has_six_digits() {
    accepts(Format::Code, &[("000000", "000000"), ("012345", "012345")]);
    refuses(
        Format::Code,
        &[
            "12345",
            "1234567",
            "12345a",
            "12 3456",
            "١٢٣٤٥٦",
            "-12345",
            "+12345",
        ],
    );
}

#[test]
fn pr_19_a_user_name_loses_its_at_sign_and_its_capitals() {
    let longest = "a".repeat(100);
    accepts(
        Format::Username,
        &[
            ("@Ada.L_9", "ada.l_9"),
            ("abc", "abc"),
            (&longest, &longest),
        ],
    );
    refuses(
        Format::Username,
        &[
            "ab",
            "@ab",
            "@@ada",
            "ada lovelace",
            "ada-l",
            "adä",
            "",
            &"a".repeat(101),
        ],
    );
}

#[test]
fn fd_4_a_tag_is_folded() {
    accepts(
        Format::Tag,
        &[
            ("#Clean Energy", "clean-energy"),
            ("##ai", "ai"),
            ("# Ärzte  ohne\tGrenzen", "ärzte-ohne-grenzen"),
            ("日本語", "日本語"),
            ("हिन्दी", "हिन्दी"),
            ("web_3-0", "web_3-0"),
            (&"é".repeat(30), &"é".repeat(30)),
        ],
    );
    refuses(
        Format::Tag,
        &["", "#", "# ", "c++", "a,b", "a/b", "🚀", &"é".repeat(31)],
    );
}

#[test]
fn cv_27_time_zones_are_iana_names_and_four_short_forms() {
    accepts(
        Format::TimeZone,
        &[
            ("Europe/Berlin", "Europe/Berlin"),
            ("europe/BERLIN", "Europe/Berlin"),
            ("utc", "UTC"),
            ("EST", "America/New_York"),
            ("pst", "America/Los_Angeles"),
            ("CET", "Europe/Paris"),
            (
                "America/Argentina/Buenos_Aires",
                "America/Argentina/Buenos_Aires",
            ),
            ("Asia/Kolkata", "Asia/Kolkata"),
        ],
    );
    refuses(
        Format::TimeZone,
        &[
            "Europe/Nowhere",
            "Europe",
            "+01:00",
            "GMT+25",
            "../etc/passwd",
            "posix/UTC",
        ],
    );
}

proptest! {
    /// What was stored once can be sent back and is stored the same.
    #[test]
    fn every_format_accepts_what_it_made(text in ".{0,40}|[#@]?[a-zA-Z0-9_.-]{1,40}|[a-zé]{1,9}@[a-zA-Zßéб.-]{1,20}") {
        use Format::{Code, Email, Plain, Tag, TimeZone, Url, Username, Uuid, WebAddress};
        for format in [Plain, Email, Uuid, Url, WebAddress, Code, Username, Tag, TimeZone] {
            if let Ok(once) = read(format, &text) {
                prop_assert_eq!(read(format, &once), Ok(once.clone()), "{:?} {:?}", format, text);
            }
        }
    }
}
