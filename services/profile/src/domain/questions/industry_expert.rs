//! What industry experts are asked.

use super::{Section, boolean, multiselect, select, text, textarea};

/// The questionnaire of industry experts.
pub(super) const SECTIONS: &[Section] = &[
    Section::new("summary", &[textarea("bio").required()]),
    Section::new(
        "work",
        &[
            select("industry").required(),
            text("job_title").required(),
            text("company").required(),
            select("years_of_experience"),
        ],
    ),
    Section::new(
        "expertise",
        &[
            multiselect("expertise_areas").required(),
            text("specialization").required(),
            text("certifications"),
            textarea("publications"),
        ],
    ),
    Section::new(
        "contributions",
        &[
            textarea("key_achievements"),
            textarea("speaking_engagements"),
            textarea("industry_recognition"),
            text("industry_associations"),
        ],
    ),
    Section::new(
        "advisory",
        &[
            multiselect("advisory_services"),
            textarea("service_description"),
            multiselect("target_clients"),
            select("availability"),
        ],
    ),
    Section::new(
        "education",
        &[
            select("education_level"),
            text("field_of_study"),
            text("institution"),
            textarea("continuing_education"),
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
        &[multiselect("expert_goals"), multiselect("looking_for")],
    ),
];
