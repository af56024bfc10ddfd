//! Handlers of account settings.

use contracts::auth::v1 as api;
use identity::Context;
use tonic::{Request, Response};

use super::{Reply, Server, timestamp};
use crate::domain::settings::{Change, Settings};

impl Server {
    pub(super) async fn do_get_settings(
        &self,
        request: Request<api::GetSettingsRequest>,
    ) -> Reply<api::Settings> {
        let caller = self.caller(&Context::of(&request)).await?;
        Ok(Response::new(reply(self.app.settings(&caller).await?)))
    }

    pub(super) async fn do_update_settings(
        &self,
        request: Request<api::UpdateSettingsRequest>,
    ) -> Reply<api::Settings> {
        let ctx = Context::of(&request);
        let caller = self.caller(&ctx).await?;
        let change = change(request.into_inner());
        Ok(Response::new(reply(
            self.app.change_settings(&ctx, &caller, change).await?,
        )))
    }
}

/// What is present is changed; a mask limits it to the fields it names, and clears the one that can be empty.
fn change(request: api::UpdateSettingsRequest) -> Change {
    let mask = request.update_mask.clone().unwrap_or_default().paths;
    let named = |field: &str| mask.is_empty() || mask.iter().any(|path| path == field);
    let clears_format = !mask.is_empty() && named("date_format");
    Change {
        private_account: request.private_account.filter(|_| named("private_account")),
        show_activity_status: request
            .show_activity_status
            .filter(|_| named("show_activity_status")),
        allow_messages: request
            .allow_messages
            .filter(|_| named("allow_messages"))
            .map(|_| request.allow_messages()),
        contact_visibility: request
            .contact_visibility
            .filter(|_| named("contact_visibility"))
            .map(|_| request.contact_visibility()),
        theme: request
            .theme
            .filter(|_| named("theme"))
            .map(|_| request.theme()),
        language: request
            .language
            .filter(|_| named("language"))
            .map(|_| request.language()),
        timezone: request.timezone.filter(|_| named("timezone")),
        date_format: match request.date_format {
            Some(format) if named("date_format") => {
                Some(Some(format).filter(|text| !text.is_empty()))
            }
            None if clears_format => Some(None),
            _ => None,
        },
    }
}

fn reply(settings: Settings) -> api::Settings {
    api::Settings {
        private_account: settings.private_account,
        show_activity_status: settings.show_activity_status,
        allow_messages: settings.allow_messages.into(),
        contact_visibility: settings.contact_visibility.into(),
        theme: settings.theme.into(),
        language: settings.language.into(),
        timezone: settings.timezone,
        date_format: settings.date_format,
        updated_at: Some(timestamp(settings.updated_at)),
        version: settings.version,
    }
}
