//! Handlers for other services, and the published keys.

use contracts::auth::v1 as api;
use contracts::google::api::HttpBody;
use fault::Fault;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use identity::{Caller, Role};
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Reply, Server, id, timestamp};
use crate::domain::account::Reference;
use crate::domain::revocation::Revocation;

impl Server {
    pub(super) fn do_get_jwks(&self) -> Response<HttpBody> {
        let mut reply = Response::new(HttpBody {
            content_type: "application/json".to_owned(),
            data: self.app.signer.jwks().to_json().into_bytes(),
            extensions: Vec::new(),
        });
        reply.metadata_mut().insert(
            "cache-control",
            MetadataValue::from_static("public, max-age=300"),
        );
        reply
    }

    pub(super) async fn do_check_session(
        &self,
        request: Request<api::CheckSessionRequest>,
    ) -> Reply<api::CheckSessionResponse> {
        let asked = request.into_inner();
        let caller = Caller {
            account_id: id(&asked.account_id)?,
            profile_id: id(&asked.profile_id)?,
            session_id: id(&asked.session_id)?,
            role: Role::default(),
        };
        let state = self.app.check(&caller, asked.issued_at).await?;
        Ok(Response::new(api::CheckSessionResponse {
            state: state.into(),
        }))
    }

    pub(super) async fn do_list_account_refs(
        &self,
        request: Request<api::ListAccountRefsRequest>,
    ) -> Reply<api::ListAccountRefsResponse> {
        let after = match request.get_ref().after_id.as_str() {
            "" => Uuid::nil(),
            after => id(after)?,
        };
        let (accounts, more) = self.app.account_refs(after).await.map_err(Fault::from)?;
        Ok(Response::new(api::ListAccountRefsResponse {
            accounts: accounts.iter().map(reference).collect(),
            more,
        }))
    }

    pub(super) async fn do_watch_revocations(
        &self,
        request: Request<api::WatchRevocationsRequest>,
    ) -> Reply<BoxStream<'static, Result<api::RevocationBatch, Status>>> {
        let batches = self.app.watch_revocations(request.get_ref().after).await?;
        let stream = batches.map(|batch| match batch {
            Ok(rows) => Ok(api::RevocationBatch {
                revocations: rows.iter().map(revocation).collect(),
            }),
            Err(fault) => Err(fault.into()),
        });
        Ok(Response::new(stream.boxed()))
    }
}

fn reference(account: &Reference) -> api::AccountRef {
    let state = match account {
        Reference {
            is_deleted: true, ..
        } => api::AccountState::Deleted,
        Reference {
            is_active: false, ..
        } => api::AccountState::Suspended,
        Reference { .. } => api::AccountState::Live,
    };
    api::AccountRef {
        account_id: account.id.to_string(),
        state: state.into(),
        version: account.version,
        private_account: account.private_account,
        contact_visibility: account.contact_visibility.clone(),
        settings_version: account.settings_version,
    }
}

fn revocation(row: &Revocation) -> api::Revocation {
    api::Revocation {
        seq: row.seq,
        kind: row.kind.contract().into(),
        subject_id: row.subject_id.to_string(),
        effective_at: Some(timestamp(row.effective_at)),
        expires_at: Some(timestamp(row.expires_at)),
    }
}
