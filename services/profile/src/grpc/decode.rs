//! From requests to what the operations take. Formats and limits the contract
//! states are already checked; what is here is what it cannot state.

use contracts::profile::v1::{CreateProfileRequest, UpdateProfileRequest, Viewer};
use fault::Fault;
use prost::Message;
use uuid::Uuid;

use crate::app::{Creation, Target};
use crate::domain::answers::{AnswerChange, Limits, changes};
use crate::domain::{Change, Changes};
use crate::error::{Error, Result};

/// Reads which profile is meant.
pub(super) fn target(id: &str) -> Result<Target> {
    match id {
        "me" | "current-user" => Ok(Target::Active),
        id if id.len() == 36 => id.parse().map(Target::Id).map_err(|_| Error::MalformedId),
        _ => Err(Error::MalformedId),
    }
}

/// Reads an id of the field `field`.
pub(super) fn id(field: &str, text: &str) -> Result<Uuid> {
    text.parse()
        .map_err(|_| Fault::invalid(field.to_owned(), "must be a UUID").into())
}

/// Reads the ids of a batch.
pub(super) fn ids(texts: &[String]) -> Result<Vec<Uuid>> {
    texts
        .iter()
        .enumerate()
        .map(|(at, text)| id(&format!("ids[{at}]"), text))
        .collect()
}

/// Reads for whom cards are asked.
pub(super) fn viewer(viewer: &Viewer) -> Result<identity::Viewer> {
    let some = |field, text: &str| (!text.is_empty()).then(|| id(field, text)).transpose();
    Ok(identity::Viewer {
        profile_id: some("viewer.profileId", &viewer.profile_id)?,
        account_id: some("viewer.accountId", &viewer.account_id)?,
    })
}

/// Reads a POST. Its bytes are what a repeat is known by: fields in number order.
pub(super) fn creation(request: CreateProfileRequest) -> Result<Creation> {
    let bytes = request.encode_to_vec();
    let changes = Changes {
        kind: Some(request.profile_type()),
        visibility: request.visibility.is_some().then(|| request.visibility()),
        answers: answers(&request.answers)?,
        display_name: request.display_name,
        bio: given(request.bio),
        location: given(request.location),
        website: given(request.website),
        username: given(request.username),
        phone: given(request.phone),
        headline: given(request.headline),
        avatar_url: given(request.avatar_url),
        cover_image_url: given(request.cover_image_url),
        tags: (!request.tags.is_empty()).then_some(request.tags),
        draft_data: given(request.draft_data),
    };
    Ok(Creation {
        changes,
        request: bytes,
    })
}

/// Reads a PUT or PATCH: the mask names what is meant, a named field without a value is cleared.
pub(super) fn update(request: UpdateProfileRequest) -> Result<Changes> {
    let (kind, visibility) = (request.profile_type(), request.visibility());
    let mask = request.update_mask.unwrap_or_default().paths;
    let names = |field: &str| mask.iter().any(|path| path == field);
    let text = |field, value| {
        if names(field) {
            changed(value)
        } else {
            Change::Keep
        }
    };
    Ok(Changes {
        kind: names("profile_type").then_some(kind),
        visibility: names("visibility").then_some(visibility),
        answers: if names("answers") {
            answers(&request.answers)?
        } else {
            Vec::new()
        },
        display_name: request.display_name.filter(|_| names("display_name")),
        bio: text("bio", request.bio),
        location: text("location", request.location),
        website: text("website", request.website),
        username: text("username", request.username),
        phone: text("phone", request.phone),
        headline: text("headline", request.headline),
        avatar_url: text("avatar_url", request.avatar_url),
        cover_image_url: text("cover_image_url", request.cover_image_url),
        tags: names("tags").then_some(request.tags),
        draft_data: text("draft_data", request.draft_data),
    })
}

fn answers(json: &str) -> Result<Vec<(String, AnswerChange)>> {
    changes(json, &Limits::default()).map_err(Error::Answers)
}

/// In a POST, absent is untouched.
fn given(value: Option<String>) -> Change {
    value.map_or(Change::Keep, Change::Set)
}

/// In an update, absent is cleared.
fn changed(value: Option<String>) -> Change {
    value.map_or(Change::Clear, Change::Set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cv_8_an_id_is_a_uuid_or_a_word_for_the_active_profile() {
        for word in ["me", "current-user"] {
            assert_eq!(target(word).unwrap(), Target::Active);
        }
        let id = Uuid::now_v7();
        assert_eq!(target(&id.to_string()).unwrap(), Target::Id(id));
        assert_eq!(
            target(&id.to_string().to_uppercase()).unwrap(),
            Target::Id(id)
        );
        for text in [
            "",
            "x",
            "ME",
            &id.simple().to_string(),
            &id.braced().to_string(),
        ] {
            assert!(matches!(target(text), Err(Error::MalformedId)), "{text}");
        }
    }
}
