//! Account settings (SET-1).

use contracts::Word as _;
use contracts::auth::v1::AccountSettingsChanged;
use events::Event;
use identity::{Caller, Context};
use uuid::Uuid;

use super::App;
use crate::domain::settings::{Change, Settings};
use crate::error::{Error, Result};
use crate::store;

impl App {
    /// Returns the account's settings.
    ///
    /// # Errors
    /// `TOKEN_REVOKED` when the account is gone.
    pub(crate) async fn settings(&self, caller: &Caller) -> Result<Settings> {
        let db = self.db.connection();
        store::settings::find(db, caller.account_id)
            .await?
            .ok_or(Error::SessionOver)
    }

    /// Changes settings and tells the others, unless nothing is different.
    ///
    /// # Errors
    /// As [`App::settings`]; `PRECONDITION_FAILED` when they are in another version than expected.
    pub(crate) async fn change_settings(
        &self,
        ctx: &Context,
        caller: &Caller,
        change: Change,
    ) -> Result<Settings> {
        let mut tx = self.db.begin(ctx).await?;
        let settings = store::settings::lock(&*tx, caller.account_id).await?;
        let mut settings = settings.ok_or(Error::SessionOver)?;
        ctx.expected_version().admit(settings.version)?;
        if !settings.apply(change) {
            return Ok(settings);
        }
        let settings = store::settings::update(&*tx, caller.account_id, &settings).await?;
        let changed = told(caller.account_id, &settings);
        let event = Event::of(caller.account_id, settings.version, &changed);
        events::publish(&mut tx, ctx, event).await?;
        tx.commit().await?;
        Ok(settings)
    }
}

fn told(account_id: Uuid, settings: &Settings) -> AccountSettingsChanged {
    let text = |word: Option<&str>| word.unwrap_or_default().to_owned();
    AccountSettingsChanged {
        account_id: account_id.to_string(),
        private_account: settings.private_account,
        contact_visibility: text(settings.contact_visibility.word()),
        allow_messages: text(settings.allow_messages.word()),
        show_activity_status: settings.show_activity_status,
        language: text(settings.language.word()),
        timezone: settings.timezone.clone(),
        version: settings.version,
    }
}
