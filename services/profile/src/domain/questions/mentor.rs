//! What mentors are asked.

use super::{Section, boolean, multiselect, number, select, text, textarea};

/// The questionnaire of mentors.
pub(super) const SECTIONS: &[Section] = &[
    Section::new("summary", &[textarea("bio").required()]),
    Section::new(
        "expertise",
        &[
            multiselect("expertise_areas").required(),
            number("years_of_experience").required(),
            multiselect("industry_experience"),
            textarea("career_highlights"),
        ],
    ),
    Section::new(
        "mentorship",
        &[
            select("mentorship_style").required(),
            select("availability").required(),
            number("previous_mentees"),
            textarea("mentoring_experience"),
            textarea("mentee_achievements"),
        ],
    ),
    Section::new(
        "background",
        &[
            text("mentor_current_role"),
            text("company"),
            multiselect("education"),
        ],
    ),
    Section::new(
        "preferences",
        &[
            multiselect("preferred_mentee_stage"),
            multiselect("preferred_mentee_industry"),
            multiselect("mentorship_topics"),
        ],
    ),
    Section::new(
        "social",
        &[
            text("website"),
            text("linkedin"),
            text("twitter"),
            text("facebook"),
            text("instagram"),
        ],
    ),
    Section::new(
        "contact",
        &[
            text("contact_email").required(),
            text("contact_phone"),
            text("whatsapp"),
            select("preferred_contact_method"),
        ],
    ),
    Section::new(
        "location",
        &[
            text("city").required(),
            select("country").required(),
            boolean("willing_to_relocate"),
            multiselect("preferred_locations").when("willing_to_relocate"),
        ],
    ),
    Section::new(
        "goals",
        &[multiselect("mentorship_goals"), multiselect("looking_for")],
    ),
];
