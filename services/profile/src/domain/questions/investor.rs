//! What investors are asked.

use super::{Section, multiselect, number, select, text, textarea};

/// The questionnaire of investors.
pub(super) const SECTIONS: &[Section] = &[
    Section::new("summary", &[textarea("bio").required()]),
    Section::new(
        "preferences",
        &[
            multiselect("investment_focus").required(),
            multiselect("investment_stage").required(),
            multiselect("investment_size").required(),
            multiselect("investment_geography"),
        ],
    ),
    Section::new(
        "criteria",
        &[
            multiselect("investment_criteria"),
            textarea("success_stories"),
            text("portfolio"),
        ],
    ),
    Section::new(
        "firm",
        &[
            text("firm_name"),
            select("firm_type"),
            number("firm_size"),
            text("firm_website"),
        ],
    ),
    Section::new(
        "process",
        &[
            textarea("investment_process"),
            select("decision_timeline"),
            multiselect("pitch_preferences"),
        ],
    ),
    Section::new(
        "performance",
        &[
            select("portfolio_size"),
            select("average_return"),
            number("successful_exits"),
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
        &[text("city").required(), select("country").required()],
    ),
    Section::new(
        "goals",
        &[multiselect("investment_goals"), multiselect("looking_for")],
    ),
];
