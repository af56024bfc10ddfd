//! Lists, numbers and times: repeats, sizes, ranges.

use super::*;

#[test]
fn fd_4_repeated_tags_are_made_one_before_they_are_counted() {
    let mut tags: Vec<String> = (0..20).map(|n| format!("tag {n}")).collect();
    tags.extend(["#TAG-3".to_owned(), "tag-19".to_owned()]);
    let mut request = CreateProfileRequest { tags, ..profile() };
    assert_eq!(wrong(&mut request), [""; 0]);
    assert_eq!(request.tags.len(), 20);
    request.tags.push("one more".into());
    assert_eq!(wrong(&mut request), ["tags must have at most 20 items"]);
}

#[test]
fn repeats_are_named_where_they_are_refused() {
    let mut check = Check::default();
    let mut values = vec![7, 8, 7, 8];
    check.distinct(
        "profileTypes",
        &mut values,
        &Items {
            unique: true,
            max: 8,
            ..Items::ANY
        },
    );
    let told: Vec<_> = check
        .violations()
        .iter()
        .map(|v| format!("{} {}", v.field, v.description))
        .collect();
    assert_eq!(
        told,
        [
            "profileTypes[2] repeats profileTypes[0]",
            "profileTypes[3] repeats profileTypes[1]"
        ]
    );
}

#[test]
fn lists_have_a_least_and_a_greatest_size() {
    let told = |count: usize, rule: Items| {
        let mut check = Check::default();
        check.items("ids", count, &rule);
        check.violations().first().map(|v| v.description.clone())
    };
    assert_eq!(
        told(
            0,
            Items {
                required: true,
                ..Items::ANY
            }
        )
        .as_deref(),
        Some("is required")
    );
    assert_eq!(
        told(
            1,
            Items {
                min: 2,
                ..Items::ANY
            }
        )
        .as_deref(),
        Some("must have at least 2 items")
    );
    assert_eq!(
        told(
            3,
            Items {
                max: 2,
                ..Items::ANY
            }
        )
        .as_deref(),
        Some("must have at most 2 items")
    );
    assert_eq!(
        told(
            2,
            Items {
                min: 2,
                max: 2,
                ..Items::ANY
            }
        ),
        None
    );
}

#[test]
fn numbers_have_a_range_and_are_finite() {
    let mut check = Check::default();
    check.range("a", 12, 1, 12);
    check.range("b", 13, 1, 12);
    check.range("c", i128::from(u64::MAX), 0, i64::MAX);
    check.decimal("d", f64::NAN, None);
    check.decimal("e", 0.5, Some((1, 2)));
    check.decimal("f", 1.5, Some((1, 2)));
    let fields: Vec<_> = check
        .violations()
        .iter()
        .map(|v| v.field.as_str())
        .collect();
    assert_eq!(fields, ["b", "c", "d", "e"]);
}

#[test]
fn cv_27_years_outside_0001_to_9999_are_refused() {
    let mut request = CreatePostRequest {
        r#type: PostType::Blog.into(),
        content: "x".into(),
        ..Default::default()
    };
    for (seconds, nanos, good) in [
        (-62_135_596_800, 0, true),
        (-62_135_596_801, 0, false),
        (253_402_300_799, 999_999_999, true),
        (253_402_300_800, 0, false),
        (0, -1, false),
        (0, 1_000_000_000, false),
    ] {
        request.publish_at = Some(Timestamp { seconds, nanos });
        let told = wrong(&mut request);
        assert_eq!(told.is_empty(), good, "{seconds} {nanos}");
        assert!(
            told.iter()
                .all(|told| told.starts_with("publishAt must be a time")),
            "{told:?}"
        );
    }
}
